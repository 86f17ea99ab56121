#include "core/formats/package/torch_tensors.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "core/formats/file.h"
#include "core/formats/package/stored_zip.h"

namespace midstream::package {
namespace {

using formats::Quoted;
using Id = Pickle::Id;
using Kind = Pickle::Kind;

constexpr int kDeepestModule = 256;
constexpr size_t kMostDims = 64;

const std::map<std::string_view, DType>& StorageTypes() {
  static const std::map<std::string_view, DType> kTypes = {
      {"torch FloatStorage", DType::kF32}, {"torch DoubleStorage", DType::kF64},
      {"torch HalfStorage", DType::kF16},  {"torch BFloat16Storage", DType::kBF16},
      {"torch CharStorage", DType::kI8},   {"torch ShortStorage", DType::kI16},
      {"torch IntStorage", DType::kI32},   {"torch LongStorage", DType::kI64},
      {"torch ByteStorage", DType::kU8},   {"torch BoolStorage", DType::kBool}};
  return kTypes;
}

class Finder {
 public:
  explicit Finder(const Pickle& pickle) : pickle_(pickle) {}

  Result<std::vector<TorchTensor>> Run() {
    const Id root = pickle_.root();
    if (IsModule(root)) {
      MS_RETURN_IF_ERROR(AddModule(root, "", 0));
    } else if (pickle_[root].kind == Kind::kDict && IsStateDict(root)) {
      MS_RETURN_IF_ERROR(AddDict(root, "", {}));
    }
    return std::move(found_);
  }

 private:
  bool IsModule(Id id) const {
    if (pickle_[id].kind != Kind::kCall) return false;
    const Id state = pickle_.State(id);
    return pickle_[pickle_.Find(state, "_parameters")].kind == Kind::kDict &&
           pickle_[pickle_.Find(state, "_buffers")].kind == Kind::kDict &&
           pickle_[pickle_.Find(state, "_modules")].kind == Kind::kDict;
  }

  // Of tensors alone; a dict of other things is none, and one of both is refused by AddDict.
  bool IsStateDict(Id id) const {
    const std::vector<Id>& items = pickle_[id].items;
    for (size_t i = 1; i < items.size(); i += 2) {
      if (IsTensor(items[i])) return true;
    }
    return false;
  }

  bool IsTensor(Id id) const {
    return pickle_.Callee(id).starts_with("torch._utils _rebuild_") ||
           pickle_.Callee(id).starts_with("torch._tensor _rebuild_");
  }

  Status AddModule(Id module, const std::string& prefix, int depth) {
    Status refused =
        DataLoss("module " + Quoted(prefix) + " contains itself, or modules are nested too deep");
    if (depth == kDeepestModule || ++visited_ > kMostEntries) return refused;
    const Id state = pickle_.State(module);
    std::set<std::string_view> left_out;
    const Id passing = pickle_.Find(state, "_non_persistent_buffers_set");
    for (Id name : pickle_[passing].items) left_out.insert(pickle_[name].text);
    MS_RETURN_IF_ERROR(AddDict(pickle_.Find(state, "_parameters"), prefix, {}));
    MS_RETURN_IF_ERROR(AddDict(pickle_.Find(state, "_buffers"), prefix, left_out));
    const std::vector<Id>& children = pickle_[pickle_.Find(state, "_modules")].items;
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      const std::string name = prefix + pickle_[children[i]].text;
      if (children[i + 1] == Pickle::kNone) continue;
      if (!IsModule(children[i + 1])) {
        return Unimplemented("module " + Quoted(name) + " is " + Described(children[i + 1]) +
                             ", not a torch.nn.Module with its state");
      }
      MS_RETURN_IF_ERROR(AddModule(children[i + 1], name + ".", depth + 1));
    }
    return OkStatus();
  }

  Status AddDict(Id dict, const std::string& prefix, const std::set<std::string_view>& left_out) {
    const std::vector<Id>& items = pickle_[dict].items;
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      const Pickle::Value& key = pickle_[items[i]];
      if (items[i + 1] == Pickle::kNone || left_out.contains(key.text)) continue;
      if (key.kind != Kind::kText) return DataLoss("a tensor has a name that is no text");
      const std::string name = prefix + key.text;
      if (found_.size() == kMostEntries) return DataLoss("there are too many tensors");
      auto tensor = ReadTensor(items[i + 1], 0);
      if (!tensor.ok()) return tensor.status().WithContext("tensor " + Quoted(name));
      tensor->name = name;
      found_.push_back(*std::move(tensor));
    }
    return OkStatus();
  }

  std::string Described(Id id) const {
    std::string callee(pickle_.Callee(id));
    std::replace(callee.begin(), callee.end(), ' ', '.');
    if (!callee.empty()) return "made by " + Quoted(callee);
    return pickle_[id].kind == Kind::kPersistent ? "kept outside the pickle" : "something else";
  }

  Result<TorchTensor> ReadTensor(Id id, int depth) const {
    const std::string_view callee = pickle_.Callee(id);
    const bool parameter = callee == "torch._utils _rebuild_parameter" ||
                           callee == "torch._utils _rebuild_parameter_with_state";
    if (parameter && depth == 0 && !pickle_.Arguments(id).empty()) {
      return ReadTensor(pickle_.Arguments(id)[0], 1);
    }
    if (callee != "torch._utils _rebuild_tensor_v2") {
      return Unimplemented("is " + Described(id) + "; plain tensors are read");
    }
    const std::vector<Id>& args = pickle_.Arguments(id);
    if (args.size() < 4) return DataLoss("is made of too little");
    TorchTensor tensor;
    MS_RETURN_IF_ERROR(ReadStorage(args[0], &tensor));
    MS_ASSIGN_OR_RETURN(tensor.offset, Size(args[1]));
    MS_ASSIGN_OR_RETURN(std::vector<int64_t> dims, Sizes(args[2]));
    MS_ASSIGN_OR_RETURN(tensor.stride, Sizes(args[3]));
    tensor.shape = Shape(std::move(dims));
    MS_RETURN_IF_ERROR(CheckView(tensor));
    return tensor;
  }

  // ("storage", type, key, location, elements)
  Status ReadStorage(Id id, TorchTensor* tensor) const {
    Status malformed = DataLoss("has no storage as torch.package has");
    if (pickle_[id].kind != Kind::kPersistent) return malformed;
    const std::vector<Id>& fields = pickle_[pickle_[id].items[0]].items;
    if (fields.size() != 5 || pickle_[fields[0]].text != "storage") return malformed;
    const auto type = StorageTypes().find(pickle_[fields[1]].text);
    if (type == StorageTypes().end()) {
      return Unimplemented("has a storage of type " + Quoted(pickle_[fields[1]].text) +
                           ", which the engine does not have");
    }
    tensor->dtype = type->second;
    const Pickle::Value& key = pickle_[fields[2]];
    tensor->storage = key.kind == Kind::kInt ? std::to_string(key.number) : key.text;
    MS_ASSIGN_OR_RETURN(tensor->storage_count, Size(fields[4]));
    return OkStatus();
  }

  Result<int64_t> Size(Id id) const {
    if (pickle_[id].kind == Kind::kInt && pickle_[id].number >= 0) return pickle_[id].number;
    return DataLoss("has a size, stride or offset that is none");
  }
  Result<std::vector<int64_t>> Sizes(Id id) const {
    std::vector<int64_t> sizes;
    const bool list = pickle_[id].kind == Kind::kTuple || pickle_[id].kind == Kind::kList;
    if (!list || pickle_[id].items.size() > kMostDims) return DataLoss("has no list of sizes");
    for (Id item : pickle_[id].items) {
      MS_ASSIGN_OR_RETURN(const int64_t size, Size(item));
      sizes.push_back(size);
    }
    return sizes;
  }

  static Status CheckView(const TorchTensor& tensor) {
    MS_ASSIGN_OR_RETURN(const int64_t count, ElementCount(tensor.shape));
    if (tensor.stride.size() != tensor.shape.rank()) return DataLoss("has strides for other dims");
    if (count > tensor.storage_count) {
      return Unimplemented("has " + std::to_string(count) + " elements in a storage of " +
                           std::to_string(tensor.storage_count) +
                           ": it repeats them, or does not fit");
    }
    int64_t last = tensor.offset;
    for (size_t i = 0; count > 0 && i < tensor.stride.size(); ++i) {
      int64_t step = 0;
      if (__builtin_mul_overflow(tensor.shape[i] - 1, tensor.stride[i], &step) ||
          __builtin_add_overflow(last, step, &last)) {
        return DataLoss("reaches out of its storage");
      }
    }
    if (count == 0 || last < tensor.storage_count) return OkStatus();
    return DataLoss("reaches to element " + std::to_string(last) + " of a storage of " +
                    std::to_string(tensor.storage_count));
  }

  const Pickle& pickle_;
  std::vector<TorchTensor> found_;
  uint64_t visited_ = 0;
};

}  // namespace

Result<std::vector<TorchTensor>> FindTorchTensors(const Pickle& pickle) {
  return Finder(pickle).Run();
}

Result<Tensor> GatherTorchTensor(const TorchTensor& tensor, std::string_view storage) {
  const size_t size = DTypeSize(tensor.dtype);
  if (storage.size() / size != static_cast<uint64_t>(tensor.storage_count) ||
      storage.size() % size != 0) {
    return DataLoss("its storage has " + std::to_string(storage.size()) + " bytes for " +
                    std::to_string(tensor.storage_count) + " elements of " +
                    std::string(DTypeName(tensor.dtype)));
  }
  MS_ASSIGN_OR_RETURN(Tensor gathered, Tensor::Allocate(tensor.dtype, tensor.shape));
  auto* to = static_cast<char*>(gathered.mutable_data());
  std::vector<int64_t> at(tensor.shape.rank(), 0);
  int64_t element = tensor.offset;
  for (int64_t i = 0; i < gathered.count(); ++i) {
    std::memcpy(to, storage.data() + static_cast<size_t>(element) * size, size);
    to += size;
    for (size_t axis = at.size(); axis-- > 0;) {
      element += tensor.stride[axis];
      if (++at[axis] < tensor.shape[axis]) break;
      element -= at[axis] * tensor.stride[axis];
      at[axis] = 0;
    }
  }
  return gathered;
}

}  // namespace midstream::package
