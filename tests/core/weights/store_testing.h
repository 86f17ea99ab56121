// A small model whose weights take every way that weights can take: a recipe, a packed matrix, values
// read as they are, one that no program reads.
//
//   y = x . m + (w * gain) + b,    rows = table[ids]
#ifndef MIDSTREAM_TESTS_CORE_WEIGHTS_STORE_TESTING_H_
#define MIDSTREAM_TESTS_CORE_WEIGHTS_STORE_TESTING_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/backend/host.h"
#include "core/backend/registry.h"
#include "core/config/config.h"
#include "core/plan/evaluator.h"
#include "core/session/session.h"
#include "core/weights/store.h"

namespace midstream::weights {

inline Tensor Filled(Shape shape, float value) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, std::move(shape));
  for (float& element : tensor.mutable_as<float>()) element = value;
  return tensor;
}

class StoreTest : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr int64_t kWidth = 16;

  void SetUp() override {
    Config config = config::DefaultConfig();
    config.plugins.dir = MS_PLUGIN_DIR;
    config.plugins.probe = config::ProbeMode::kOff;
    const bool far = GetParam() == "far";  // its weights are the device's: far.h
    config.plugins.list = {far ? MS_FAR_PLUGIN : GetParam()};
    if (GetParam() != "reference") config.plugins.list.emplace_back("reference");
    config.backend = config.plugins.list[0];
    registry_ = backend::LoadPlugins(config, backend::ProcessHost());
    ASSERT_TRUE(registry_.failures().empty()) << registry_.failures()[0].status.ToString();
    device_ = *backend::Device::Open(registry_.plugins()[0].plugin, {});
    auto host = far ? *backend::Device::Open(registry_.plugins()[1].plugin, {}) : device_;
    evaluator_ = std::make_unique<plan::BackendEvaluator>(std::vector{host});
  }

  static Declared Declarations() {
    Declared declared;
    declared["m"] = {DType::kF32, {kWidth, kWidth}, true, true};
    for (const char* name : {"w", "gain", "b"})
      declared[name] = {DType::kF32, {kWidth}, true, true};
    declared["table"] = {DType::kF32, {8, kWidth}, true, true};
    declared["idle"] = {DType::kF32, {2}, false, true};
    declared["step"] = {DType::kI64, {}, false, false};
    return declared;
  }

  // m is zero, w * gain one, b zero, the table zero.
  std::shared_ptr<Store> MakeStore(StoreOptions options = {}) {
    auto initial = [](const std::string& name) -> Result<Tensor> {
      if (name == "step") return Tensor::Scalar<int64_t>(DType::kI64, 7);
      const WeightDecl decl = Declarations().at(name);
      return Filled(decl.shape, name == "w" || name == "gain" ? 1 : 0);
    };
    return std::make_shared<Store>(Declarations(), initial, *evaluator_, reaper_, options);
  }

  std::shared_ptr<const plan::Program> MakeProgram() {
    Graph graph;
    ValueId x = graph.AddInput("x", DType::kF32, {-1, kWidth});
    ValueId ids = graph.AddInput("ids", DType::kI64, {1});
    ValueId m = graph.AddWeight("m", DType::kF32, {kWidth, kWidth});
    ValueId w = graph.AddWeight("w", DType::kF32, {kWidth});
    ValueId gain = graph.AddWeight("gain", DType::kF32, {kWidth});
    ValueId b = graph.AddWeight("b", DType::kF32, {kWidth});
    ValueId table = graph.AddWeight("table", DType::kF32, {8, kWidth});
    ValueId scaled = graph.Add("Mul", "scaled", {w, gain});
    ValueId product = graph.Add("MatMul", "product", {x, m});
    ValueId sum = graph.Add("Add", "sum", {product, scaled});
    graph.AddOutput(graph.Add("Add", "y", {sum, b}), "y");
    graph.AddOutput(graph.Add("Gather", "rows", {table, ids}), "rows");
    EXPECT_TRUE(graph.Compact().ok());
    auto program = plan::Program::Compile(std::move(graph), {}, {device_}, *evaluator_);
    EXPECT_TRUE(program.ok()) << program.status().ToString();
    return *program;
  }

  std::shared_ptr<session::Session> MakeSession(const std::shared_ptr<Store>& store) {
    auto session = session::Session::Create(MakeProgram(), store);
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    return *session;
  }

  struct Answer {
    float y = -1;     // of x = 1: 16 m + w * gain + b, when each is constant
    float rows = -1;  // the first element of the row asked for
    uint64_t version = 0;
    Status status = OkStatus();
  };
  static Answer Run(session::Session& session, int64_t row = 0) {
    const std::vector<NamedTensor> inputs = {{"x", Filled({1, kWidth}, 1)},
                                             {"ids", Tensor::FromInts({row})}};
    auto result = session.Run(inputs);
    if (!result.ok()) return {-1, -1, 0, result.status()};
    return {result->outputs[0].value.as<float>()[0], result->outputs[1].value.as<float>()[0],
            result->version, OkStatus()};
  }

  static Result<uint64_t> Commit(Store& store, const std::string& name, Tensor value,
                                 UpdateOptions options = {}) {
    Transaction transaction = store.Begin(std::move(options));
    transaction.Put(name, std::move(value));
    return transaction.Commit();
  }

  backend::Registry registry_;
  std::shared_ptr<backend::Device> device_;
  std::unique_ptr<plan::BackendEvaluator> evaluator_;
  Reaper reaper_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_TESTS_CORE_WEIGHTS_STORE_TESTING_H_
