// The plugin `python` for tests: models are written in the test, as the attributes of one node.
#ifndef MIDSTREAM_TESTS_PLUGINS_PYTHON_PYTHON_TESTING_H_
#define MIDSTREAM_TESTS_PLUGINS_PYTHON_PYTHON_TESTING_H_

#include <gtest/gtest.h>

#include "tests/plugins/plugin_runner.h"

namespace midstream::plugin_testing {

using Options = std::vector<std::pair<std::string, std::string>>;

#if defined(__SANITIZE_THREAD__)
// It knows nothing of threads that another namespace makes.
constexpr bool kSharedWorks = false;
#else
constexpr bool kSharedWorks = true;
#endif

inline Result<std::shared_ptr<backend::Device>> OpenPython(Options values = {}) {
  backend::DeviceOptions options;
  options.values = std::move(values);
  return OpenPlugin("python", options);
}

inline Tensor Floats(const Shape& shape, std::vector<float> values) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  std::copy(values.begin(), values.end(), tensor.mutable_as<float>().begin());
  return tensor;
}

// A model with one input x and one output y, float32, of these shapes.
struct PythonModel {
  std::string code;  // of code/model.py
  std::string entry = "model:run";
  std::string input_shape = "n";
  std::string output_shape = "n";
  std::string output_dtype = "float32";
  std::vector<std::pair<std::string, Tensor>> weights = {};
  std::vector<std::string> externs = {};
  std::string package = "/nowhere/model.mspkg";
  std::vector<int64_t> weight_offsets = {};
  std::vector<std::pair<std::string, std::string>> more_files = {};

  Attributes Attrs() const {
    std::vector<std::string> files{"code/model.py"}, contents{code}, names;
    for (const auto& [name, content] : more_files) {
      files.push_back(name);
      contents.push_back(content);
    }
    for (const auto& [name, value] : weights) names.push_back(name);
    std::vector<int64_t> offsets = weight_offsets;
    offsets.resize(weights.size());
    using Texts = std::vector<std::string>;
    Attributes attrs;
    attrs["package"] = package;
    attrs["entry"] = entry;
    attrs["inputs"] = Texts{"x"};
    attrs["outputs"] = Texts{"y"};
    attrs["input_dtypes"] = Texts{"float32"};
    attrs["output_dtypes"] = Texts{output_dtype};
    attrs["input_shapes"] = Texts{input_shape};
    attrs["output_shapes"] = Texts{output_shape};
    attrs["weights"] = names;
    attrs["weight_offsets"] = offsets;
    attrs["files"] = files;
    attrs["contents"] = contents;
    attrs["extern"] = externs;
    attrs["python"] = std::string("3.10");
    return attrs;
  }
  Result<BuiltNode> Build(const Tensor& x) const {
    NodeCase node{"PythonModel", "midstream", Attrs(), {{x, Via::kInput}}};
    for (const auto& [name, value] : weights) node.inputs.push_back({value, Via::kWeight});
    return BuiltNode::Build(node);
  }
};

// A model on a device, with a queue to run it on.
class Loaded {
 public:
  static Result<Loaded> Create(const std::shared_ptr<backend::Device>& device,
                               const PythonModel& model, const Tensor& x) {
    MS_ASSIGN_OR_RETURN(BuiltNode built, model.Build(x));
    Loaded loaded;
    loaded.values_ = built.weights;
    MS_ASSIGN_OR_RETURN(loaded.runner_, NodeRunner::Create(device, std::move(built), false));
    if (!loaded.values_.empty()) {
      MS_ASSIGN_OR_RETURN(loaded.weights_, loaded.runner_.Stage(loaded.values_, nullptr));
    }
    return loaded;
  }
  Result<std::vector<float>> Run() { return RunWith(weights_.get()); }
  Result<std::vector<float>> RunWith(const backend::WeightSet* weights) {
    MS_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, runner_.Run(weights));
    const auto values = outputs[0].as<float>();
    return std::vector<float>(values.begin(), values.end());
  }
  Result<std::vector<Tensor>> RunTensors() { return runner_.Run(weights_.get()); }
  NodeRunner& runner() { return runner_; }
  const std::shared_ptr<backend::WeightSet>& weights() const { return weights_; }

 private:
  NodeRunner runner_;
  std::vector<Tensor> values_;
  std::shared_ptr<backend::WeightSet> weights_;
};

// Whether a Python has numpy.
inline bool HasNumpy(const std::string& python = "/usr/bin/python3") {
  return std::system((python + " -c 'import numpy' 2>/dev/null").c_str()) == 0;
}

}  // namespace midstream::plugin_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_PYTHON_PYTHON_TESTING_H_
