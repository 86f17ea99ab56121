// How a session ends: drained, closed, or dropped while it is busy, also by its own callbacks.

#include <gmock/gmock.h>

#include <thread>

#include "gate_testing.h"

namespace midstream::session {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

using EndingTest = GateTest;

TEST_F(EndingTest, DrainingFinishesWhatIsThereAndRefusesTheRest) {
  auto session = MakeSession();
  Response executing = Occupy(*session);
  std::vector<Response> queued;
  for (int i = 0; i < 5; ++i) queued.push_back(Submit(*session, static_cast<float>(i)));
  Status late = session->Drain(milliseconds(1));
  EXPECT_EQ(late.code(), Code::kDeadlineExceeded);
  EXPECT_THAT(late.ToString(), HasSubstr("5 requests wait and 1 execute"));
  EXPECT_EQ(session->Submit(Input(1)).status().code(), Code::kUnavailable);
  EXPECT_EQ(session->Run(Input(1)).status().code(), Code::kUnavailable);
  gate_.Open();
  EXPECT_TRUE(session->Drain(hours(1)).ok());
  for (const Response& response : queued) {
    EXPECT_TRUE(response.Ready());
    EXPECT_TRUE(response.Get().ok());
  }
  EXPECT_EQ(session->Submit(Input(1)).status().code(), Code::kUnavailable);
}

TEST_F(EndingTest, ClosingReleasesProgramAndWeights) {
  auto session = MakeSession();
  std::weak_ptr<const plan::Program> program = session->program();
  std::weak_ptr<const plan::ProgramWeights> weights = store_->Pin()->programs.at(0).sets;
  Response executing = Occupy(*session);
  Response queued = Submit(*session, 1);
  std::thread opener([&] { gate_.Open(); });
  EXPECT_TRUE(session->Close().ok());
  opener.join();
  EXPECT_TRUE(executing.Ready());
  EXPECT_EQ(ValueOf(queued), 2) << "closing drains";
  reaper_.Drain();
  EXPECT_TRUE(program.expired());
  EXPECT_TRUE(weights.expired());
  EXPECT_EQ(session->program(), nullptr);

  for (const Status& status : {session->Submit(Input(1)).status(), session->Run(Input(1)).status(),
                               session->Drain(hours(1))}) {
    EXPECT_EQ(status.code(), Code::kFailedPrecondition);
    EXPECT_THAT(status.ToString(), HasSubstr("the session is closed"));
  }
  EXPECT_TRUE(session->Close().ok());
  EXPECT_EQ(session->stats().completed, 2u);
  EXPECT_EQ(session->inputs().at(0).name, "x");
}

TEST_F(EndingTest, DroppingCancelsWhatWaitsAndWaitsForWhatExecutes) {
  auto session = MakeSession();
  Response executing = Occupy(*session);
  Response waiting = Submit(*session, 1);
  std::atomic<int> called{0};
  executing.OnReady([&](const Response&) { ++called; });
  waiting.OnReady([&](const Response& done) {
    EXPECT_EQ(done.Get().status().code(), Code::kCancelled);
    gate_.Open();  // only now what executes can end
    ++called;
  });
  session.reset();
  EXPECT_EQ(called, 2);
  EXPECT_EQ(ValueOf(executing), 1);
  EXPECT_FALSE(waiting.Cancel());
}

TEST_F(EndingTest, ACallbackMayDropTheSession) {
  auto session = MakeSession();
  Response executing = Occupy(*session);
  Response waiting = Submit(*session, 1);
  std::atomic<bool> dropped{false};
  executing.OnReady([&](const Response&) {
    session.reset();
    EXPECT_EQ(waiting.Get().status().code(), Code::kCancelled);
    dropped = true;
  });
  gate_.Open();
  while (!dropped) std::this_thread::yield();
}

TEST_F(EndingTest, ACallbackCannotDrainOrClose) {
  auto session = MakeSession();
  std::atomic<int> refused{0};
  Response executing = Occupy(*session);
  executing.OnReady([&](const Response&) {
    for (const Status& status : {session->Drain(hours(1)), session->Close()}) {
      if (status.code() == Code::kFailedPrecondition) ++refused;
    }
  });
  gate_.Open();
  EXPECT_EQ(ValueOf(Submit(*session, 1)), 2) << "and the session goes on";
  EXPECT_EQ(refused, 2);
}

TEST_F(EndingTest, ASessionThatWasNeverUsedEnds) {
  auto session = MakeSession();
  EXPECT_TRUE(session->Drain(milliseconds(1)).ok());
  EXPECT_TRUE(session->Close().ok());
}

}  // namespace
}  // namespace midstream::session
