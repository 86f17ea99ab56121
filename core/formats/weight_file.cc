#include "core/formats/weight_file.h"

#include <map>
#include <set>
#include <utility>

#include "core/formats/file.h"
#include "core/formats/tensor_file.h"
#include "core/graph/conversion.h"
#include "core/graph/named_tensor.h"

namespace midstream::formats {
namespace {

class FileWeights : public WeightReader {
 public:
  FileWeights(std::unique_ptr<TensorFile> file, const MatchOptions& options)
      : file_(std::move(file)), options_(options) {}

  const std::vector<std::string>& names() const override { return names_; }

  Result<Tensor> Read(const std::string& name) const override {
    auto index = indices_.find(name);
    if (index != indices_.end()) return file_->Read(index->second);
    return NotFound(file_->path() + " has no tensor for weight " + Quoted(name));
  }

  // Finds the tensor of each weight. Errors: INVALID_ARGUMENT listing every problem.
  Status Match(const std::vector<WeightInfo>& weights);

 private:
  // Why the tensor cannot be taken; empty: it can.
  std::string Problem(const TensorInfo& tensor, const WeightInfo* weight) const;
  Status Refusal(const std::vector<std::string>& problems) const;
  bool Fits(DType dtype, DType want) const;

  std::unique_ptr<TensorFile> file_;
  const MatchOptions options_;
  std::vector<std::string> names_;
  std::map<std::string, size_t> indices_;  // of the tensor of a weight
};

// Which weight the name of a tensor stands for.
class Spellings {
 public:
  Spellings(const std::vector<WeightInfo>& weights, const std::vector<std::string>& given) {
    for (const WeightInfo& weight : weights) {
      own_.emplace(weight.name, &weight);
      if (weight.checkpoint_key.empty()) continue;
      // Parts of a partitioned variable share a key, which stands for none of them.
      auto [at, fresh] = keys_.emplace(weight.checkpoint_key, &weight);
      if (!fresh) at->second = nullptr;
    }
    for (const std::string& name : given) given_.emplace(WithoutPort(name));
  }

  // nullptr: the model has no such weight. A variable that checkpoints do not store may have the name
  // that they use for another, as the shadow of a moving average has.
  const WeightInfo* Find(std::string_view name) const {
    auto own = own_.find(name);
    auto key = keys_.find(name);
    if (key == keys_.end() || key->second == nullptr) {
      return own == own_.end() ? nullptr : own->second;
    }
    if (own == own_.end()) return key->second;
    const bool stored = !own->second->checkpoint_key.empty();
    return stored || given_.count(key->second->name) != 0 ? own->second : key->second;
  }

 private:
  std::map<std::string, const WeightInfo*, std::less<>> own_;
  std::map<std::string, const WeightInfo*, std::less<>> keys_;
  std::set<std::string> given_;  // names that the file has
};

std::string FileWeights::Problem(const TensorInfo& tensor, const WeightInfo* weight) const {
  if (weight == nullptr) return "the model has no such weight";
  const std::string name = weight->name == tensor.name ? "" : " for weight " + Quoted(weight->name);
  if (indices_.count(weight->name) != 0) return "a second tensor" + name;
  if (Fits(tensor.dtype, weight->dtype) && weight->shape.Accepts(tensor.shape)) return "";
  return "expected " + std::string(DTypeName(weight->dtype)) + weight->shape.ToString() + name +
         ", got " + std::string(DTypeName(tensor.dtype)) + tensor.shape.ToString();
}

bool FileWeights::Fits(DType dtype, DType want) const {
  if (dtype == want) return true;
  return options_.convert_floats && ConvertsTo(want, dtype, options_.accept_float64);
}

Status FileWeights::Match(const std::vector<WeightInfo>& weights) {
  std::vector<std::string> problems;
  const std::vector<TensorInfo>& tensors = file_->tensors();
  std::vector<std::string> given;  // names after renaming
  for (const TensorInfo& tensor : tensors) {
    const bool as_it_is = options_.rename.empty();
    given.push_back(as_it_is ? tensor.name : Renamed(WithoutPort(tensor.name), options_.rename));
  }
  const Spellings spellings(weights, given);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const WeightInfo* weight = spellings.Find(given[i]);
    if (weight == nullptr) weight = spellings.Find(WithoutPort(given[i]));
    if (weight != nullptr && weight->use == WeightUse::kOptimizer) continue;
    if (weight == nullptr && options_.allow_unknown) continue;
    const std::string problem = Problem(tensors[i], weight);
    if (!problem.empty()) problems.push_back(Quoted(tensors[i].name) + ": " + problem);
    if (weight != nullptr) indices_.emplace(weight->name, i);
  }
  const size_t misfits = problems.size();
  for (const WeightInfo& weight : weights) {
    if (indices_.count(weight.name) != 0) {
      names_.push_back(weight.name);
    } else if (options_.need_all && weight.use == WeightUse::kOutputs &&
               !weight.checkpoint_key.empty()) {
      problems.push_back(Quoted(weight.name) + ": missing");
    }
  }
  return misfits == 0 ? OkStatus() : Refusal(problems);
}

Status FileWeights::Refusal(const std::vector<std::string>& problems) const {
  std::string text = file_->path() + " does not fit the model, " + std::to_string(problems.size()) +
                     (problems.size() == 1 ? " problem:" : " problems:");
  for (const std::string& problem : problems) text += "\n  " + problem;
  return InvalidArgument(text);
}

}  // namespace

Result<std::unique_ptr<WeightReader>> OpenWeights(const ModelSource& model, const std::string& path,
                                                  const MatchOptions& options) {
  MS_RETURN_IF_ERROR(CheckRenameRules(options.rename));
  if (!IsTensorFile(path)) return model.OpenWeights(path);
  MS_ASSIGN_OR_RETURN(auto file, OpenTensorFile(path));
  return OpenWeights(model, std::move(file), options);
}

Result<std::unique_ptr<WeightReader>> OpenWeights(const ModelSource& model,
                                                  std::unique_ptr<TensorFile> file,
                                                  const MatchOptions& options) {
  MS_RETURN_IF_ERROR(CheckRenameRules(options.rename));
  MS_ASSIGN_OR_RETURN(file, model.Adapt(std::move(file)));
  auto weights = std::make_unique<FileWeights>(std::move(file), options);
  MS_RETURN_IF_ERROR(weights->Match(model.weights()));
  return std::unique_ptr<WeightReader>(std::move(weights));
}

}  // namespace midstream::formats
