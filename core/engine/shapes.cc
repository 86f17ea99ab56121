#include "core/engine/shapes.h"

#include <algorithm>

#include "core/config/keys.h"
#include "core/config/nearest.h"
#include "core/graph/named_tensor.h"

namespace midstream {
namespace {

std::string KeyOf(const std::string& input, std::string_view key) {
  return "inputs." + config::QuotedKey(input) + "." + std::string(key);
}

class Applier {
 public:
  Applier(const Config& config, const formats::ModelSource& source, formats::BuiltGraph& built)
      : config_(config), source_(source), built_(built), graph_(built.graph) {}

  Result<plan::ShapePolicy> Run() {
    plan::ShapePolicy policy;
    policy.cached_plans = static_cast<size_t>(config_.shapes.cached_plans);
    policy.profiles_only = config_.shapes.outside_buckets == config::OutsideBuckets::kError;
    MS_RETURN_IF_ERROR(CheckNames());
    size_t count = 0;
    for (ValueId id : graph_.inputs()) {
      policy.ranges.emplace_back();
      const auto* named = Find(graph_.value(id).name);
      if (named == nullptr) continue;
      MS_RETURN_IF_ERROR(Narrow(*named, graph_.value(id)));
      MS_ASSIGN_OR_RETURN(policy.ranges.back(), Ranges(*named, graph_.value(id)));
      count = std::max(count, named->second.buckets.size());
    }
    if (count == 0 && !config_.inputs.empty() && AllKnown()) count = 1;
    for (size_t i = 0; i < count; ++i) {
      MS_ASSIGN_OR_RETURN(auto profile, Profile(i));
      policy.profiles.push_back(std::move(profile));
    }
    policy.profiles_only = policy.profiles_only && count != 0;
    return policy;
  }

 private:
  using Named = std::pair<const std::string, config::InputConfig>;

  const Named* Find(std::string_view input) const {
    for (const Named& named : config_.inputs) {
      if (WithoutPort(named.first) == WithoutPort(input)) return &named;
    }
    return nullptr;
  }

  // Where the first key of an input that was set stands.
  std::string Place(const std::string& input) const {
    for (const char* key : {"shape", "range", "buckets"}) {
      const config::Origin& origin = config_.origin(KeyOf(input, key));
      if (origin.source != config::Origin::Source::kDefault) return origin.ToString();
    }
    return "default";
  }

  Status Error(const std::string& input, std::string_view key, const std::string& message) const {
    const std::string full = KeyOf(input, key);
    return InvalidArgument(config_.origin(full).ToString() + ": " + full + ": " + message);
  }

  Status CheckNames() const {
    std::vector<std::string_view> known;
    for (ValueId id : graph_.inputs()) known.push_back(graph_.value(id).name);
    for (const auto& feed : built_.ignored_feeds) known.push_back(feed.tensor.name);
    for (const auto& input : source_.inputs()) known.push_back(input.name);
    for (std::string_view& name : known) name = WithoutPort(name);
    std::string problems;
    for (const auto& [name, input] : config_.inputs) {
      if (std::find(known.begin(), known.end(), WithoutPort(name)) != known.end()) continue;
      const std::string_view nearest = config::Nearest(name, known);
      problems += (problems.empty() ? "" : "\n") + Place(name) + ": inputs." +
                  config::QuotedKey(name) + ": the model has no such input" +
                  (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?");
    }
    return problems.empty() ? OkStatus() : InvalidArgument(problems);
  }

  // The declared shape where the configuration says -1, and the other way round.
  Status Narrow(const Named& named, Value& value) const {
    const std::vector<int64_t>& dims = named.second.shape;
    if (dims.empty()) return OkStatus();
    Shape shape(dims);
    bool fits = !value.shape.rank_known() || value.shape.rank() == shape.rank();
    for (size_t i = 0; fits && value.shape.rank_known() && i < dims.size(); ++i) {
      if (dims[i] == kUnknownDim) shape.mutable_dims()[i] = value.shape[i];
      fits = value.shape[i] == kUnknownDim || value.shape[i] == shape[i];
    }
    if (!fits) {
      return Error(named.first, "shape",
                   "the model declares " + value.shape.ToString() + ", which does not accept " +
                       Shape(dims).ToString());
    }
    value.shape = shape;
    return OkStatus();
  }

  Result<std::vector<plan::ShapePolicy::Range>> Ranges(const Named& named,
                                                       const Value& value) const {
    std::vector<plan::ShapePolicy::Range> ranges;
    for (const auto& range : named.second.range) ranges.push_back({range[0], range[1]});
    if (ranges.empty() || !value.shape.rank_known() || value.shape.rank() == ranges.size()) {
      return ranges;
    }
    return Error(named.first, "range",
                 "the model declares " + value.shape.ToString() + ", but " +
                     std::to_string(ranges.size()) + " dimensions are given");
  }

  bool AllKnown() const {
    return std::all_of(graph_.inputs().begin(), graph_.inputs().end(),
                       [&](ValueId id) { return graph_.value(id).shape.IsFullyKnown(); });
  }

  Result<std::vector<Shape>> Profile(size_t i) const {
    std::vector<Shape> shapes;
    for (ValueId id : graph_.inputs()) {
      const Value& value = graph_.value(id);
      const auto* named = Find(value.name);
      if (named == nullptr || named->second.buckets.empty()) {
        if (!value.shape.IsFullyKnown()) {
          return InvalidArgument("input '" + value.name + "' " + value.shape.ToString() +
                                 " varies and has no buckets, but other inputs have: expected "
                                 "inputs." +
                                 config::QuotedKey(WithoutPort(value.name)) +
                                 " with shape and buckets");
        }
        shapes.push_back(value.shape);
        continue;
      }
      Shape shape(named->second.shape);
      auto next = named->second.buckets[i].begin();
      for (int64_t& dim : shape.mutable_dims()) {
        if (dim == kUnknownDim) dim = *next++;
      }
      if (!value.shape.Accepts(shape)) {
        return Error(named->first, "buckets",
                     "the model declares " + value.shape.ToString() + ", which does not accept " +
                         shape.ToString());
      }
      shapes.push_back(std::move(shape));
    }
    return shapes;
  }

  const Config& config_;
  const formats::ModelSource& source_;
  formats::BuiltGraph& built_;
  Graph& graph_;
};

}  // namespace

Result<plan::ShapePolicy> ApplyShapes(const Config& config, const formats::ModelSource& source,
                                      formats::BuiltGraph& built) {
  return Applier(config, source, built).Run();
}

}  // namespace midstream
