#include "core/cli/weight_set.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "core/formats/file.h"
#include "core/formats/model_source.h"
#include "core/formats/npy/npy_folder.h"
#include "core/formats/tensorflow/bundle.h"
#include "core/formats/tensorflow/protos.h"
#include "core/formats/tensorflow/saved_model.h"
#include "core/graph/named_tensor.h"
#include "core/models/openpi/model.h"

namespace midstream::cli {
namespace {

constexpr std::string_view kIndex = ".index";

WeightSet FromFile(std::unique_ptr<formats::TensorFile> file) {
  std::shared_ptr<const formats::TensorFile> shared = std::move(file);
  return {shared->path(), shared->tensors(), [shared](size_t i) { return shared->Read(i); }};
}

// Keys that begin with a zero byte are those of slices, which belong to tensors of their own.
WeightSet FromBundle(tensorflow::Bundle bundle) {
  auto shared = std::make_shared<const tensorflow::Bundle>(std::move(bundle));
  WeightSet set{shared->path(), {}, nullptr};
  std::vector<std::string> keys;
  for (const auto& [key, entry] : shared->entries()) {
    const DType dtype = tensorflow::DTypeFromProto(entry.type);
    if (key.starts_with('\0') || DTypeSize(dtype) == 0) continue;
    set.tensors.push_back({key, dtype, entry.shape});
    keys.push_back(key);
  }
  set.read = [shared, keys](size_t i) { return shared->Read(keys[i]); };
  return set;
}

// `P` where `path` is a checkpoint `P` of format V2 without a graph beside it; else empty.
std::string PrefixWithoutGraph(const std::string& path) {
  std::string prefix = path;
  if (path.ends_with(kIndex)) prefix.resize(prefix.size() - kIndex.size());
  const bool graph = formats::IsFile(prefix + ".meta");
  return formats::IsFile(prefix + std::string(kIndex)) && !graph ? prefix : "";
}

// A folder that is neither a SavedModel nor one of checkpoints.
bool IsFolderOfArrays(const std::string& path) {
  return formats::IsDirectory(path) && !formats::Exists(path + "/checkpoint") &&
         tensorflow::SavedModelFile(path).empty();
}

Result<WeightSet> Open(const std::string& path) {
  if (const std::string stored = openpi::CheckpointFile(path); !stored.empty()) {
    MS_ASSIGN_OR_RETURN(auto file, formats::OpenTensorFile(stored));
    return FromFile(std::move(file));
  }
  if (const std::string prefix = PrefixWithoutGraph(path); !prefix.empty()) {
    MS_ASSIGN_OR_RETURN(auto bundle, tensorflow::Bundle::Open(prefix));
    return FromBundle(std::move(bundle));
  }
  if (IsFolderOfArrays(path)) {
    MS_ASSIGN_OR_RETURN(auto folder, formats::NpyFolder::Open(path));
    return FromFile(std::move(folder));
  }
  MS_ASSIGN_OR_RETURN(auto model, formats::OpenModel(path));
  std::shared_ptr<const formats::ModelSource> shared = std::move(model);
  return WeightSetOf(*shared,
                     [shared](const std::string& name) { return shared->ReadWeight(name); });
}

// Keeps the tensors at `order`, in that order.
void Select(const std::vector<size_t>& order, WeightSet* set) {
  std::vector<formats::TensorInfo> tensors;
  for (size_t index : order) tensors.push_back(set->tensors[index]);
  set->tensors = std::move(tensors);
  set->read = [read = std::move(set->read), order](size_t i) { return read(order[i]); };
}

void Sort(WeightSet* set) {
  std::vector<size_t> order(set->tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return set->tensors[a].name < set->tensors[b].name; });
  Select(order, set);
}

}  // namespace

Result<WeightSet> WeightSetOf(const formats::ModelSource& model, const ReadByName& read) {
  WeightSet set{model.path(), {}, nullptr};
  std::vector<std::string> names;
  for (const formats::WeightInfo& info : model.weights()) {
    if (info.use == formats::WeightUse::kOptimizer || info.checkpoint_key.empty()) continue;
    formats::TensorInfo listed{info.name, info.dtype, info.shape};
    const bool needed = info.use == formats::WeightUse::kOutputs;
    if (!needed || !info.shape.IsFullyKnown()) {
      const Result<Tensor> value = read(info.name);
      if (!needed && value.status().code() == Code::kNotFound) continue;
      if (!value.ok()) return value.status();
      listed.shape = value->shape();
    }
    set.tensors.push_back(std::move(listed));
    names.push_back(info.name);
  }
  set.read = [read, names](size_t i) { return read(names[i]); };
  Sort(&set);
  return set;
}

const formats::TensorInfo* WeightSet::Find(const std::string& name, size_t* index) const {
  auto at = std::lower_bound(tensors.begin(), tensors.end(), name,
                             [](const formats::TensorInfo& info, const std::string& wanted) {
                               return info.name < wanted;
                             });
  if (at == tensors.end() || at->name != name) return nullptr;
  *index = static_cast<size_t>(at - tensors.begin());
  return &*at;
}

Result<WeightSet> OpenWeightSet(const std::string& path) {
  MS_ASSIGN_OR_RETURN(WeightSet set, Open(path));
  for (formats::TensorInfo& info : set.tensors) info.name = WithoutPort(info.name);
  Sort(&set);
  auto twice = std::adjacent_find(
      set.tensors.begin(), set.tensors.end(),
      [](const formats::TensorInfo& a, const formats::TensorInfo& b) { return a.name == b.name; });
  if (twice == set.tensors.end()) return set;
  return DataLoss(
      fmt::format("{} has {} with and without \":0\"", set.path, formats::Quoted(twice->name)));
}

Status KeepOnly(const std::vector<std::string>& patterns, WeightSet* set) {
  if (patterns.empty()) return OkStatus();
  std::vector<bool> kept(set->tensors.size());
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (size_t i = 0; i < kept.size(); ++i) {
      if (fnmatch(pattern.c_str(), set->tensors[i].name.c_str(), 0) != 0) continue;
      kept[i] = any = true;
    }
    if (!any) {
      return NotFound(fmt::format("{} has no weight that --only {} matches", set->path,
                                  formats::Quoted(pattern)));
    }
  }
  std::vector<size_t> order;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) order.push_back(i);
  }
  Select(order, set);
  return OkStatus();
}

}  // namespace midstream::cli
