#include "core/config/conflicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/config/keys.h"

namespace midstream::config {
namespace {

class Finder {
 public:
  Finder(const Config& config, std::vector<Problem>& problems)
      : config_(config), problems_(problems) {}

  void Lists() {
    const std::pair<std::string, const std::vector<std::string>*> lists[] = {
        {"precision.white", &config_.precision.white},
        {"precision.black", &config_.precision.black},
        {"precision.gray", &config_.precision.gray}};
    const PrecisionMode mode = config_.precision.mode;
    const bool mixed = mode == PrecisionMode::kMixedFp16 || mode == PrecisionMode::kMixedBf16;
    for (const auto& [key, list] : lists) {
      if (mixed || list->empty()) continue;
      const Origin& origin = config_.origin("precision.mode");
      Add(key, fmt::format("needs a mixed mode (\"mixed_float16\" or \"mixed_bfloat16\"), but "
                           "precision.mode is \"{}\" ({})",
                           origin.written.empty() ? "origin" : origin.written, origin.ToString()));
    }
    for (size_t i = 0; i < std::size(lists); ++i) {
      for (size_t j = i + 1; j < std::size(lists); ++j) TwoLists(lists[i], lists[j]);
    }
  }

  // A kept scope and a dtype for a node in it.
  void KeptNodes() {
    const std::set<std::string_view> kept(config_.precision.keep.begin(),
                                          config_.precision.keep.end());
    for (const auto& [node, entry] : config_.precision.node) {
      if (entry.dtype == ComputeType::kAuto && entry.output_dtype == ComputeType::kAuto) continue;
      // The node itself, then the scopes it is in.
      for (std::string_view scope = node; !scope.empty();
           scope = scope.substr(0, std::max<size_t>(scope.rfind('/') + 1, 1) - 1)) {
        if (!kept.contains(scope)) continue;
        const std::string table = "precision.node." + QuotedKey(node);
        Add(table + (entry.dtype != ComputeType::kAuto ? ".dtype" : ".output_dtype"),
            fmt::format("the node keeps the dtype of the model, by \"{}\" in precision.keep ({})",
                        scope, config_.origin("precision.keep").ToString()));
        break;
      }
    }
  }

 private:
  using Named = std::pair<std::string, const std::vector<std::string>*>;

  void TwoLists(const Named& a, const Named& b) {
    const std::set<std::string_view> in_a(a.second->begin(), a.second->end());
    for (const std::string& item : *b.second) {
      if (!in_a.contains(item)) continue;
      Add(b.first, fmt::format("\"{}\" is also in {} ({}): expected it in one of them", item,
                               a.first, config_.origin(a.first).ToString()));
    }
  }

  void Add(const std::string& key, std::string message) {
    const Origin& origin = config_.origin(key);
    const bool set = origin.source == Origin::Source::kSet;
    problems_.push_back(
        {set ? "--set" : origin.file, origin.line, origin.column, key, std::move(message)});
  }

  const Config& config_;
  std::vector<Problem>& problems_;
};

}  // namespace

void FindConflicts(const Config& config, std::vector<Problem>& problems) {
  Finder finder(config, problems);
  finder.Lists();
  finder.KeptNodes();
}

}  // namespace midstream::config
