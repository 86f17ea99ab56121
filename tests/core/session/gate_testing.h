// A session whose executions a test can hold, count and make fail: y = Relu(x + w), where w is a
// weight with the value of its version and Relu runs on a backend of this file.
#ifndef MIDSTREAM_TESTS_CORE_SESSION_GATE_TESTING_H_
#define MIDSTREAM_TESTS_CORE_SESSION_GATE_TESTING_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/backend/registry.h"
#include "core/plan/evaluator.h"
#include "core/session/session.h"

namespace midstream::session {

// What all executions of the gate's backend pass through. One in a process; a test resets it.
class Gate {
 public:
  static Gate& Instance();

  void Reset();
  // Executions that come from now on wait until the gate is opened again.
  void Close();
  void Open();
  void WaitUntilInside(int count);
  int most_inside();
  // The first element of each execution, in the order of their beginnings.
  std::vector<float> firsts();
  std::vector<int64_t> rows();

  // Called by the backend.
  void Pass(float first, int64_t rows);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int inside_ = 0;
  int most_inside_ = 0;
  std::vector<float> firsts_;
  std::vector<int64_t> rows_;
};

// An element of this value makes the execution that it is in fail.
constexpr float kBad = -1000;

class GateTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override { Gate::Instance().Open(); }

  std::shared_ptr<Session> MakeSession(Options options = {});
  std::shared_ptr<Session> MakeSession(Graph graph, Options options);
  // w gets the value of the version that the commit makes.
  void Commit();

  static Tensor Rows(int64_t rows, float value);
  static std::vector<NamedTensor> Input(float value, int64_t rows = 1) {
    return {{"x", Rows(rows, value)}};
  }
  Response Submit(Session& session, float value, const RequestOptions& options = {},
                  int64_t rows = 1);
  // A request that occupies a lane until the gate lets it pass.
  Response Occupy(Session& session);
  // The one value that all elements of the only output have.
  static float ValueOf(const Response& response);

  Gate& gate_ = Gate::Instance();
  backend::Registry registry_;
  std::shared_ptr<backend::Device> reference_, device_;
  std::unique_ptr<plan::BackendEvaluator> evaluator_;
  weights::Reaper reaper_;
  std::shared_ptr<weights::Store> store_;
};

}  // namespace midstream::session

#endif  // MIDSTREAM_TESTS_CORE_SESSION_GATE_TESTING_H_
