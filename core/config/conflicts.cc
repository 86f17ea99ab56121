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

  void Inputs() {
    std::string first;  // the first input with buckets
    for (const auto& [name, input] : config_.inputs) {
      if (!input.buckets.empty() && first.empty()) first = name;
    }
    for (const auto& [name, input] : config_.inputs) {
      const std::string table = "inputs." + QuotedKey(name);
      Range(table, input);
      Buckets(table, input);
      if (first.empty() || name == first || !HasFree(input.shape)) continue;
      const std::string other = "inputs." + QuotedKey(first) + ".buckets";
      const size_t count = config_.inputs.at(first).buckets.size();
      if (input.buckets.empty()) {
        Add(table + ".shape", fmt::format("has a -1 and no buckets, but {} ({}) gives {} profiles: "
                                          "expected buckets for every input that varies",
                                          other, Place(other), count));
      } else if (input.buckets.size() != count) {
        Add(table + ".buckets", fmt::format("has {} profiles, but {} ({}) has {}",
                                            input.buckets.size(), other, Place(other), count));
      }
    }
    if (first.empty() && config_.shapes.outside_buckets == OutsideBuckets::kError) {
      Add("shapes.outside_buckets", "is \"error\", but no input has buckets");
    }
  }

  void Order() {
    std::set<std::string_view> seen;
    for (const std::string& name : config_.placement.order) {
      if (!seen.insert(name).second) Add("placement.order", fmt::format("has \"{}\" twice", name));
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
  static bool HasFree(const std::vector<int64_t>& shape) {
    return std::count(shape.begin(), shape.end(), -1) != 0;
  }

  std::string Place(const std::string& key) const { return config_.origin(key).ToString(); }

  void Range(const std::string& table, const InputConfig& input) {
    const std::string key = table + ".range";
    for (size_t i = 0; i < input.range.size(); ++i) {
      const auto& range = input.range[i];
      const bool pair = range.size() == 2 && range[0] >= 0;
      if (!pair || (range[1] != -1 && range[1] < range[0])) {
        Add(key, fmt::format("dimension {}: expected [least, most], as in [1, 8] or [1, -1]", i));
      } else if (i < input.shape.size() && input.shape[i] != -1 &&
                 (input.shape[i] < range[0] || (range[1] != -1 && input.shape[i] > range[1]))) {
        Add(key, fmt::format("dimension {} leaves out the {} of {}.shape ({})", i, input.shape[i],
                             table, Place(table + ".shape")));
      }
    }
    if (!input.range.empty() && !input.shape.empty() && input.range.size() != input.shape.size()) {
      Add(key, fmt::format("has {} dimensions, but {}.shape ({}) has {}", input.range.size(), table,
                           Place(table + ".shape"), input.shape.size()));
    }
    if (!input.range.empty() && !input.buckets.empty()) {
      Add(key, fmt::format("the sizes are those of {}.buckets ({}): expected one of both", table,
                           Place(table + ".buckets")));
    }
  }

  void Buckets(const std::string& table, const InputConfig& input) {
    const std::string key = table + ".buckets";
    if (input.buckets.empty()) return;
    if (!HasFree(input.shape)) {
      return Add(key,
                 fmt::format("needs {}.shape with a -1 for each dimension that varies", table));
    }
    if (input.buckets.size() < 2) Add(key, "has one profile: expected 2 to 256, or a fixed shape");
    const int64_t free = std::count(input.shape.begin(), input.shape.end(), -1);
    for (const auto& bucket : input.buckets) {
      if (static_cast<int64_t>(bucket.size()) == free) continue;
      Add(key, fmt::format("[{}] has {} sizes, but {}.shape ({}) has {} times -1",
                           fmt::join(bucket, ", "), bucket.size(), table, Place(table + ".shape"),
                           free));
    }
  }

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
  finder.Order();
  finder.KeptNodes();
  finder.Inputs();
}

}  // namespace midstream::config
