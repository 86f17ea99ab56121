// ModelSource: a trained model as some tool left it on disk, before the engine compiles it.
//
// One implementation per format. It tells what the model holds, builds a graph for the outputs that
// are asked for, and reads weights, its own or those of another checkpoint of the same model.
//
// Names of tensors are accepted with or without ":0" and given without it. A model with a signature
// has its arguments and results as inputs and outputs, under the signature's names, and accepts those
// too. Weight names are the trainer's variable names.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_MODEL_SOURCE_H_
#define MIDSTREAM_CORE_FORMATS_MODEL_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/file.h"
#include "core/graph/graph.h"
#include "core/graph/tensor.h"

namespace midstream::formats {

struct TensorInfo {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;
};

// What a variable of the model is for.
enum class WeightUse {
  kOutputs,    // the model's own outputs depend on it, or training changes it
  kOther,      // something else: a step counter, a head that is no output of the model
  kOptimizer,  // a slot of the optimizer: never read
};

struct WeightInfo {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;
  size_t bytes = 0;
  std::string checkpoint_key;  // the name in the model's checkpoint files; empty: not stored there
  WeightUse use = WeightUse::kOutputs;
};

struct OpCount {
  std::string op;  // the format's own name of the operator
  int64_t count = 0;
  bool supported = false;
  std::string example;  // a node of this kind
};

struct GraphRequest {
  // Tensors that the caller feeds; any tensor may be fed, and cuts the graph there. Empty: the
  // placeholders that the outputs need.
  std::vector<std::string> feeds;
  std::vector<std::string> outputs;     // any tensor may be fetched
  std::map<std::string, Tensor> bound;  // placeholders fixed to a value, as a keep_prob of 1
  bool keep_dropout = false;            // compute it, as in training
};

// A dropout that the graph no longer has. The rewrite is exact for the value `required` of
// `control`; with any other value the model would compute random numbers.
struct RemovedDropout {
  std::string node;
  std::string control;    // the placeholder that sets it; empty: a constant of the model does
  double required = 1.0;  // 1 where `control` is a probability to keep, 0 where it is a rate
};

// A feed of the request that the outputs do not need.
struct IgnoredFeed {
  TensorInfo tensor;
  std::optional<double> required;  // set: the only value that may be fed (see RemovedDropout)
};

struct BuiltGraph {
  Graph graph;  // compacted; dtypes and shapes of inputs, weights and constants only
  std::vector<RemovedDropout> removed_dropout;
  std::vector<IgnoredFeed> ignored_feeds;
  // The last input of the graph, int64[2], when the model computes random numbers: they are
  // determined by it. The caller of the model does not know of it; who runs the graph gives each
  // request a key of its own.
  std::string random_key;
};

// The weights of one checkpoint, under the engine's names.
class WeightReader {
 public:
  virtual ~WeightReader() = default;
  // What this checkpoint holds for the model, in the model's order, without optimizer slots.
  virtual const std::vector<std::string>& names() const = 0;
  // Errors: NOT_FOUND when the model or the file has no such weight; DATA_LOSS; INVALID_ARGUMENT
  // when the file holds it with another dtype or shape than the model.
  virtual Result<Tensor> Read(const std::string& name) const = 0;
};

class TensorFile;

class ModelSource {
 public:
  virtual ~ModelSource() = default;

  virtual const std::string& path() const = 0;  // of the file that holds the graph
  // Placeholders, or the arguments of the signature.
  virtual const std::vector<TensorInfo>& inputs() const = 0;
  // The results of the signature, or where the inference part of the graph ends: what a user
  // probably wants to fetch.
  virtual const std::vector<TensorInfo>& outputs() const = 0;
  virtual const std::vector<WeightInfo>& weights() const = 0;
  // Operators on the way to `outputs`, most frequent first. Errors: as BuildGraph for names.
  virtual Result<std::vector<OpCount>> Operators(const std::vector<std::string>& outputs) const = 0;

  // Errors: NOT_FOUND for a tensor that the model does not have; INVALID_ARGUMENT for a malformed
  // graph or a placeholder that is reached and not fed; UNIMPLEMENTED listing every node that
  // cannot be translated.
  virtual Result<BuiltGraph> BuildGraph(const GraphRequest& request) const = 0;

  // The value in the model's own checkpoint. Errors: as WeightReader::Read.
  virtual Result<Tensor> ReadWeight(const std::string& name) const = 0;
  // Another checkpoint of the same model: a prefix, one of its files, a directory with a
  // `checkpoint` file, or a SavedModel. Errors: NOT_FOUND, DATA_LOSS.
  virtual Result<std::unique_ptr<WeightReader>> OpenWeights(const std::string& path) const = 0;
  // A file of tensors as trainers of such models name and lay them out, as one of this model's
  // weights; any other file as it is, which the default does to all. Errors: INVALID_ARGUMENT when
  // the tensors are those of another model.
  virtual Result<std::unique_ptr<TensorFile>> Adapt(std::unique_ptr<TensorFile> file) const;
};

struct OpenOptions {
  bool verify_checksums = true;  // of every tensor that is read; tables are always verified
  ReadServices services;
  // Of a SavedModel; empty: `serving_default`, or else the only one there is.
  std::string signature;
};

// Opens a TensorFlow checkpoint prefix, a `.meta` file, a directory with a `checkpoint` file or a
// `saved_model.pb`, or a `.mspkg` package.
// Errors: NOT_FOUND or INVALID_ARGUMENT naming the path and what was expected; DATA_LOSS.
Result<std::unique_ptr<ModelSource>> OpenModel(const std::string& path,
                                               const OpenOptions& options = {});

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_MODEL_SOURCE_H_
