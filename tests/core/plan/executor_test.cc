// Programs on devices with memory of their own that work on after the call.
#include "core/plan/executor.h"

#include <gmock/gmock.h>

#include <functional>
#include <random>

#include "tests/far_plugin/far_testing.h"

namespace midstream::plan {
namespace {

using testing::HasSubstr;

constexpr uint64_t kSoonNs = 20'000'000;  // the timeout of devices that are to hang

Tensor Floats(Shape shape, std::function<float(size_t)> value) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, std::move(shape));
  auto elements = tensor.mutable_as<float>();
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = value(i);
  return tensor;
}

class ExecutorTest : public far::FarTest {
 protected:
  using Devices = std::vector<std::shared_ptr<backend::Device>>;

  std::shared_ptr<const Program> Compile(Graph graph, Devices devices) {
    EXPECT_TRUE(graph.Compact().ok());
    ProgramOptions options;
    options.placement.fallback = Fallback::kAllow;
    auto program = Program::Compile(std::move(graph), options, std::move(devices), *evaluator_);
    EXPECT_TRUE(program.ok()) << program.status().ToString();
    return *program;
  }

  struct Answer {
    Status status;
    std::vector<Tensor> outputs;
  };
  static Answer Run(const Program& program, ExecContext& context, std::span<const Tensor> inputs) {
    auto plan = program.PlanFor(inputs);
    if (!plan.ok()) return {plan.status(), {}};
    Answer answer;
    for (size_t i = 0; i < (*plan)->output_shapes.size(); ++i) {
      const DType dtype = program.graph().value(program.graph().outputs()[i]).dtype;
      answer.outputs.push_back(*Tensor::Allocate(dtype, (*plan)->output_shapes[i]));
    }
    const ProgramWeights weights(program.segments().size());
    answer.status = context.Run(*plan, weights, inputs, answer.outputs);
    return answer;
  }
  static std::unique_ptr<ExecContext> Context(const std::shared_ptr<const Program>& program) {
    auto context = ExecContext::Create(program);
    EXPECT_TRUE(context.ok()) << context.status().ToString();
    return *std::move(context);
  }
};

// y = Exp(Relu(x) + Neg(x)), n = Neg(x): elementwise, and Neg is read twice.
Graph Elementwise(Shape shape = {-1, 4}) {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kF32, std::move(shape));
  ValueId negative = graph.Add("Neg", "negative", {x});
  ValueId sum = graph.Add("Add", "sum", {graph.Add("Relu", "relu", {x}), negative});
  graph.AddOutput(graph.Add("Exp", "y", {sum}), "y");
  graph.AddOutput(negative, "n");
  return graph;
}

Tensor Ramp(int64_t rows) {
  return Floats({rows, 4}, [](size_t i) { return static_cast<float>(i % 7) - 3; });
}

void ExpectElementwise(const Tensor& x, const std::vector<Tensor>& outputs) {
  ASSERT_EQ(outputs.size(), 2u);
  for (size_t i = 0; i < x.as<float>().size(); ++i) {
    const float value = x.as<float>()[i];
    ASSERT_FLOAT_EQ(outputs[0].as<float>()[i], std::exp(std::max(value, 0.0F) - value));
    ASSERT_EQ(outputs[1].as<float>()[i], -value);
  }
}

TEST_F(ExecutorTest, WaitsOnceOnOneDevice) {
  auto program = Compile(Elementwise(), {far_});
  auto context = Context(program);
  const std::vector<Tensor> inputs = {Ramp(3)};
  control_->waits = control_->copies = 0;
  const Answer answer = Run(*program, *context, inputs);
  ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
  ExpectElementwise(inputs[0], answer.outputs);
  EXPECT_EQ(control_->waits, 1u);
  EXPECT_EQ(control_->executes, 1u);
  EXPECT_EQ(control_->copies, 3u);  // x there, y and n back
}

TEST_F(ExecutorTest, CountsWhatCrosses) {
  auto program = Compile(Elementwise(), {far_});
  const std::vector<Tensor> inputs = {Ramp(3)};
  const auto plan = *program->PlanFor(inputs);
  EXPECT_EQ(plan->traffic.to_device_bytes, 48u);
  EXPECT_EQ(plan->traffic.from_device_bytes, 96u);
  EXPECT_EQ(plan->traffic.transfers, 3u);
}

TEST_F(ExecutorTest, HostAloneTransfersNothing) {
  auto program = Compile(Elementwise(), {reference_});
  const std::vector<Tensor> inputs = {Ramp(3)};
  const auto plan = *program->PlanFor(inputs);
  EXPECT_EQ(plan->traffic.transfers, 0u);
  EXPECT_EQ(plan->steps.size(), 1u);
  auto context = Context(program);
  const Answer answer = Run(*program, *context, inputs);
  ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
  ExpectElementwise(inputs[0], answer.outputs);
}

TEST_F(ExecutorTest, SplitsOverHostAndDevice) {
  for (const char* refused : {"Neg", "Relu", "Add", "Exp"}) {
    control_->claims_refused = {refused};
    auto program = Compile(Elementwise(), {far_, reference_});
    EXPECT_GT(program->segments().size(), 1u) << refused;
    auto context = Context(program);
    for (int64_t rows : {1, 5, 2}) {
      const std::vector<Tensor> inputs = {Ramp(rows)};
      const Answer answer = Run(*program, *context, inputs);
      ASSERT_TRUE(answer.status.ok()) << refused << ": " << answer.status.ToString();
      ExpectElementwise(inputs[0], answer.outputs);
    }
  }
}

TEST_F(ExecutorTest, TransfersAValueOnceForAllItsReaders) {
  control_->claims_refused = {"Relu", "Abs", "Exp"};
  Graph graph;  // a is made on the device; the host reads it twice and returns it
  ValueId a = graph.Add("Neg", "a", {graph.AddInput("x", DType::kF32, {8})});
  graph.AddOutput(graph.Add("Relu", "r", {a}), "r");
  graph.AddOutput(graph.Add("Abs", "b", {a}), "b");
  graph.AddOutput(a, "a");
  auto program = Compile(std::move(graph), {far_, reference_});
  const std::vector<Tensor> inputs = {Floats({8}, [](size_t i) { return float(i); })};
  const auto plan = *program->PlanFor(inputs);
  EXPECT_EQ(plan->transfers.size(), 2u);  // x there, a back
  EXPECT_EQ(plan->traffic.from_device_bytes, 32u);
  auto context = Context(program);
  const Answer answer = Run(*program, *context, inputs);
  ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
  EXPECT_EQ(answer.outputs[1].as<float>()[7], 7);
  EXPECT_EQ(answer.outputs[2].as<float>()[7], -7);
}

TEST_F(ExecutorTest, GoesFromDeviceToDeviceOverTheHost) {
  auto second = OpenFar(1, backend::kDeviceTimeoutNs);
  control_->claims_refused = {"Add@0", "Exp@1"};
  auto program = Compile(Elementwise(), {far_, second});
  ASSERT_EQ(program->segments().size(), 3u);
  auto context = Context(program);
  const std::vector<Tensor> inputs = {Ramp(6)};
  const Answer answer = Run(*program, *context, inputs);
  ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
  ExpectElementwise(inputs[0], answer.outputs);
}

TEST_F(ExecutorTest, TakesEmptyValues) {
  control_->claims_refused = {"Add"};
  auto program = Compile(Elementwise(), {far_, reference_});
  auto context = Context(program);
  const std::vector<Tensor> inputs = {Ramp(0)};
  const Answer answer = Run(*program, *context, inputs);
  ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
  EXPECT_EQ(answer.outputs[0].shape(), (Shape{0, 4}));
}

TEST_F(ExecutorTest, AnOutputAskedForTwiceIsThereTwice) {
  Graph graph = Elementwise();
  graph.AddOutput(graph.outputs()[0], "again");
  auto program = Compile(std::move(graph), {far_});
  auto context = Context(program);
  const std::vector<Tensor> inputs = {Ramp(2)};
  const Answer answer = Run(*program, *context, inputs);
  ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
  EXPECT_TRUE(BitEqual(answer.outputs[0], answer.outputs[2]));
}

TEST_F(ExecutorTest, ALateErrorIsTheAnswer) {
  auto program = Compile(Elementwise(), {far_});
  const std::vector<Tensor> inputs = {Ramp(2)};
  for (auto fault : {&far::FarControl::execute_late, &far::FarControl::copy_late}) {
    auto context = Context(program);
    control_->set(fault, 1, MS_DATA_LOSS, "a bit fell over");
    const Answer failed = Run(*program, *context, inputs);
    EXPECT_EQ(failed.status.code(), Code::kDataLoss);
    EXPECT_THAT(failed.status.ToString(), HasSubstr("backend 'far': a bit fell over"));
    EXPECT_FALSE(context->stuck());
    EXPECT_EQ(control_->done, control_->submitted);
  }
  auto context = Context(program);
  EXPECT_TRUE(Run(*program, *context, inputs).status.ok());
}

TEST_F(ExecutorTest, AfterAnErrorNoDeviceIsAtWork) {
  auto second = OpenFar(1, backend::kDeviceTimeoutNs);
  control_->claims_refused = {"Neg@1", "Exp@0"};
  Graph graph;  // two branches that know nothing of each other
  ValueId x = graph.AddInput("x", DType::kF32, {1 << 16});
  graph.AddOutput(graph.Add("Neg", "n", {x}), "n");
  graph.AddOutput(graph.Add("Exp", "e", {x}), "e");
  auto program = Compile(std::move(graph), {far_, second});
  ASSERT_EQ(program->segments().size(), 2u);
  auto context = Context(program);
  const std::vector<Tensor> inputs = {Floats({1 << 16}, [](size_t) { return 1.0F; })};
  control_->set(&far::FarControl::execute, 2, MS_INVALID_ARGUMENT, "not today");
  control_->jitter = 100;
  const Answer failed = Run(*program, *context, inputs);
  EXPECT_EQ(control_->done, control_->submitted);
  EXPECT_THAT(failed.status.ToString(), HasSubstr("not today"));
}

TEST_F(ExecutorTest, ADeviceThatHangsIsNamedAndNothingItMayTouchIsFreed) {
  auto device = OpenFar(0, kSoonNs);
  auto program = Compile(Elementwise(), {device});
  auto context = Context(program);
  control_->hold();
  {
    const std::vector<Tensor> inputs = {Ramp(1000)};
    const Answer hung = Run(*program, *context, inputs);
    EXPECT_EQ(hung.status.code(), Code::kDeadlineExceeded);
    EXPECT_THAT(hung.status.ToString(),
                HasSubstr("backend 'far': device 'far 0' did not answer for 0.02 s in the copy of "
                          "'x'"));
  }
  ASSERT_TRUE(context->stuck());
  const int64_t buffers = control_->buffers;
  ExecContext::Abandon(std::move(context), {});
  EXPECT_EQ(control_->buffers, buffers);
  control_->release();
  WaitUntilDone();  // it wrote into memory that is still there

  context = Context(program);
  const std::vector<Tensor> inputs = {Ramp(2)};
  const Answer answer = Run(*program, *context, inputs);
  EXPECT_TRUE(answer.status.ok()) << answer.status.ToString();
}

TEST_F(ExecutorTest, AHangInASegmentNamesIt) {
  auto device = OpenFar(0, kSoonNs);
  control_->claims_refused = {"Add"};
  auto program = Compile(Elementwise(), {device, reference_});
  auto context = Context(program);
  const std::vector<Tensor> inputs = {Ramp(2)};
  // Held behind its copy: a first run fills the arenas, then the copy of a second passes before.
  control_->hold_before_execute = true;
  const Answer hung = Run(*program, *context, inputs);
  EXPECT_THAT(hung.status.ToString(), HasSubstr("segment 1 of 3 (Neg 'negative' to Relu 'relu')"));
  ASSERT_TRUE(context->stuck());
  ExecContext::Abandon(std::move(context), {});
  control_->release();
  WaitUntilDone();
}

TEST_F(ExecutorTest, OutOfDeviceMemoryIsToldAndOver) {
  auto program = Compile(Elementwise(), {far_});
  auto context = Context(program);
  const std::vector<Tensor> inputs = {Ramp(2)};
  control_->set(&far::FarControl::allocate, 1, MS_RESOURCE_EXHAUSTED, "4 GB are gone");
  const Answer failed = Run(*program, *context, inputs);
  EXPECT_EQ(failed.status.code(), Code::kResourceExhausted);
  EXPECT_THAT(failed.status.ToString(), HasSubstr("intermediate values"));
  EXPECT_TRUE(Run(*program, *context, inputs).status.ok());
}

// Contexts that were abandoned keep theirs.
TEST_F(ExecutorTest, KeepsOneBufferForAllShapesUpToTheLargest) {
  const int64_t before = control_->buffers;
  auto program = Compile(Elementwise(), {far_});
  auto context = Context(program);
  for (int64_t rows : {4, 64, 8, 64, 1}) {
    const std::vector<Tensor> inputs = {Ramp(rows)};
    const Answer answer = Run(*program, *context, inputs);
    ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
    ExpectElementwise(inputs[0], answer.outputs);
    EXPECT_EQ(control_->buffers, before + 1);
  }
  context.reset();
  EXPECT_EQ(control_->buffers, before);
}

TEST_F(ExecutorTest, GivesEverythingBack) {
  const int64_t buffers = control_->buffers, plans = control_->plans, modules = control_->modules;
  {
    control_->claims_refused = {"Add"};
    auto program = Compile(Elementwise(), {far_, reference_});
    auto context = Context(program);
    const std::vector<Tensor> inputs = {Ramp(2)};
    EXPECT_TRUE(Run(*program, *context, inputs).status.ok());
    EXPECT_GT(control_->plans, plans);
  }
  EXPECT_EQ(control_->buffers, buffers);
  EXPECT_EQ(control_->plans, plans);
  EXPECT_EQ(control_->modules, modules);
}

TEST_F(ExecutorTest, ContextsRunBesideEachOther) {
  auto second = OpenFar(1, backend::kDeviceTimeoutNs);
  control_->claims_refused = {"Relu@0", "Add", "Exp@1"};
  auto program = Compile(Elementwise(), {far_, second, reference_});
  control_->jitter = 20;
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      auto context = Context(program);
      std::minstd_rand random(seed + 1);
      for (int i = 0; i < 100; ++i) {
        const std::vector<Tensor> inputs = {Ramp(1 + static_cast<int64_t>(random() % 9))};
        const Answer answer = Run(*program, *context, inputs);
        ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
        ExpectElementwise(inputs[0], answer.outputs);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace midstream::plan
