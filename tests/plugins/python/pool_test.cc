// What a pool does about workers that are late, lost, dead or greedy; the workers are threads.
#include "plugins/python/pool.h"

#include <gmock/gmock.h>

#include "core/backend/host.h"
#include "tests/plugins/python/fake_worker.h"

namespace midstream::plugin_testing {
namespace {

using python::Call;
using python::LoaderExhausted;
using python::ModelObject;
using python::Pool;
using python::SetObject;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr uint64_t kRegionBytes = uint64_t{1} << 28;

// A pool, and jobs for it.
class PoolTest : public testing::Test {
 protected:
  void Make(uint32_t interpreters, FakeSettings settings, bool for_processes = false) {
    settings.gate = &gate_;
    python::PoolOptions options;
    options.interpreters = interpreters;
    options.start_timeout = milliseconds(5000);
    pool_ = std::make_unique<Pool>(
        for_processes, options, python::Log(backend::ProcessHost()),
        [settings](python::Region& region, python::LaunchEvents& events) {
          return std::make_unique<FakeLauncher>(settings, region, events);
        },
        kRegionBytes);
    model_ =
        pool_->Make<ModelObject>(pool_->NextId(), "policy", "{}", std::vector<std::string_view>());
  }
  void TearDown() override {
    gate_.Open();
    for (std::thread& thread : threads_) thread.join();
    model_.reset();
    pool_.reset();
  }

  // The answer of a job, or what was thrown.
  struct Outcome {
    ms_code code = MS_OK;
    std::string text;
    int32_t answer = 0;
  };
  Outcome Run(Deed deed, milliseconds timeout = milliseconds(20000),
              milliseconds load_timeout = milliseconds(20000)) {
    auto block = std::make_shared<python::RegionBlock>(&pool_->region(), 2 * 64);
    std::memcpy(block->data(), &deed, sizeof(int32_t));
    std::memset(block->data() + 64, 0, 64);
    mp_tensor tensor{};
    tensor.bytes = sizeof(int32_t);
    const uint64_t input = pool_->region().Reference(block->offset()), output = input + 64;
    Call call;
    call.kind = MP_DO_INFER;
    call.model = &model_;
    call.inputs = {&tensor, 1};
    call.outputs = {&tensor, 1};
    call.input_at = &input;
    call.output_at = &output;
    call.memory = block;
    call.timeout = timeout;
    call.load_timeout = load_timeout;
    Outcome outcome;
    try {
      pool_->Run(call);
      std::memcpy(&outcome.answer, block->data() + 64, sizeof(int32_t));
    } catch (const sdk::Error& e) {
      outcome = {e.code(), e.what(), 0};
    }
    return outcome;
  }
  void RunAside(Deed deed, Outcome* outcome, milliseconds timeout = milliseconds(20000)) {
    threads_.emplace_back([this, deed, outcome, timeout] { *outcome = Run(deed, timeout); });
  }
  void JoinLast() {
    threads_.back().join();
    threads_.pop_back();
  }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  Gate gate_;
  std::unique_ptr<Pool> pool_;
  std::shared_ptr<ModelObject> model_;
  std::vector<std::thread> threads_;
};

TEST_F(PoolTest, JobsAreAnsweredWhetherWorkersSeeAddressesOrOffsets) {
  for (bool for_processes : {false, true}) {
    model_.reset();
    Make(2, {}, for_processes);
    pool_->EnsureStarted();
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(Run(kAnswer).answer, 42);
  }
}

TEST_F(PoolTest, AnErrorOfTheModelNamesIt) {
  Make(1, {});
  pool_->EnsureStarted();
  const Outcome outcome = Run(kFail);
  EXPECT_EQ(outcome.code, MS_INTERNAL);
  EXPECT_EQ(outcome.text, "model 'policy': ValueError: no");
  EXPECT_EQ(Run(kAnswer).answer, 42);
}

TEST_F(PoolTest, AJobThatNobodyTakesInTimeIsWithdrawn) {
  Make(1, {});
  pool_->EnsureStarted();
  Outcome blocked;
  RunAside(kBlock, &blocked);
  gate_.AwaitInside(1);
  // More than the ring has entries, which the withdrawn ones still fill.
  for (uint32_t i = 0; i < MP_RING + 50; ++i) {
    const Outcome late = Run(kAnswer, milliseconds(1));
    ASSERT_EQ(late.code, MS_DEADLINE_EXCEEDED) << late.text;
    ASSERT_THAT(late.text, HasSubstr("no Python interpreter was free"));
  }
  gate_.Open();
  Join();
  EXPECT_EQ(blocked.answer, 42);
  EXPECT_EQ(Run(kAnswer).answer, 42);
}

TEST_F(PoolTest, ALostInterpreterIsReplacedAndUsedAgainWhenItReturns) {
  Make(1, {});
  pool_->EnsureStarted();
  const Outcome late = Run(kBlock, milliseconds(50));
  EXPECT_EQ(late.code, MS_DEADLINE_EXCEEDED);
  EXPECT_THAT(late.text, HasSubstr("model 'policy' did not answer within 50 ms"));
  EXPECT_EQ(Run(kAnswer).answer, 42);  // by another one
  EXPECT_EQ(pool_->usable(), 1u);
  gate_.Open();
  while (pool_->usable() < 2) std::this_thread::yield();
  EXPECT_EQ(Run(kAnswer).answer, 42);
}

TEST_F(PoolTest, WhatALostCallNamesStaysUntilItReturns) {
  Make(1, {});
  pool_->EnsureStarted();
  EXPECT_EQ(Run(kBlock, milliseconds(50)).code, MS_DEADLINE_EXCEEDED);
  model_.reset();
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_EQ(pool_->object_count(), 1u);
  gate_.Open();
  while (pool_->object_count() > 0) std::this_thread::yield();
}

TEST_F(PoolTest, WithoutReplacementThePoolShrinksAndSaysWhyNobodyIsLeft) {
  Make(1, {.room = 1});
  pool_->EnsureStarted();
  EXPECT_EQ(Run(kBlock, milliseconds(50)).code, MS_DEADLINE_EXCEEDED);
  const Outcome none = Run(kAnswer);
  EXPECT_EQ(none.code, MS_UNAVAILABLE);
  EXPECT_THAT(none.text, HasSubstr("no Python interpreter is left: model 'policy' did not answer "
                                   "within 50 ms, and its interpreter never came back"));
}

TEST_F(PoolTest, ADeathFailsExactlyTheJobsItHadTaken) {
  Make(2, {.can_kill = true}, true);
  pool_->EnsureStarted();
  Outcome first, dies, waiting;
  RunAside(kBlock, &first);
  gate_.AwaitInside(1);
  RunAside(kDie, &dies);
  JoinLast();
  RunAside(kAnswer, &waiting);
  gate_.Open();
  Join();
  EXPECT_EQ(dies.code, MS_ABORTED);
  EXPECT_EQ(dies.text, "model 'policy': its worker process died by signal 9 (Killed)");
  EXPECT_EQ(first.answer, 42);
  EXPECT_EQ(waiting.answer, 42);
  EXPECT_EQ(pool_->usable(), 2u);
}

TEST_F(PoolTest, AWorkerProcessPastTheDeadlineIsKilledAndReplaced) {
  Make(1, {.can_kill = true}, true);
  pool_->EnsureStarted();
  for (int i = 0; i < 5; ++i) {
    const Outcome late = Run(kBlock, milliseconds(20));
    EXPECT_EQ(late.code, MS_DEADLINE_EXCEEDED);
    EXPECT_THAT(late.text, HasSubstr("was killed"));
    EXPECT_EQ(Run(kAnswer).answer, 42);
  }
}

TEST_F(PoolTest, WhatIsLoadedFirstHasATimeoutOfItsOwn) {
  for (bool for_processes : {false, true}) {
    Make(1, {.can_kill = for_processes}, for_processes);
    pool_->EnsureStarted();
    const Outcome late = Run(kLoad, milliseconds(20000), milliseconds(20));
    EXPECT_EQ(late.code, MS_DEADLINE_EXCEEDED);
    EXPECT_THAT(late.text, HasSubstr("'policy' was not loaded, or did not take new weights, within "
                                     "20 ms"));
    Outcome outcome;
    RunAside(kLoad, &outcome, milliseconds(5));
    gate_.AwaitInside(2);
    std::this_thread::sleep_for(milliseconds(50));
    gate_.Open();
    JoinLast();
    EXPECT_EQ(outcome.answer, 42) << outcome.text;
    model_.reset();
    pool_.reset();
    gate_.Close();
  }
}

TEST_F(PoolTest, AKillThatComesTooLateDoesNotHitTheReplacement) {
  Make(1, {.can_kill = true, .die_before_kill = true}, true);
  pool_->EnsureStarted();
  EXPECT_EQ(Run(kBlock, milliseconds(20)).code, MS_DEADLINE_EXCEEDED);
  EXPECT_EQ(Run(kAnswer).answer, 42);
  EXPECT_EQ(pool_->region().header().workers[0].pid, 2);  // the first replacement, alive
}

TEST_F(PoolTest, ObjectsGoWhenNoWorkerHoldsThem) {
  Make(1, {.can_kill = true}, true);
  pool_->EnsureStarted();
  const uint64_t before = pool_->region().used();
  auto set = pool_->Make<SetObject>(pool_->NextId(), *model_,
                                    std::vector<std::shared_ptr<python::ValueObject>>());
  auto* raw = reinterpret_cast<mp_set*>(pool_->region().At(set->offset()));
  python::Store(raw->holds[3], 1u);
  set.reset();
  EXPECT_EQ(python::Load(raw->state), MP_RETIRED);
  std::this_thread::sleep_for(milliseconds(150));
  EXPECT_EQ(pool_->object_count(), 2u);
  python::Store(raw->holds[3], 0u);
  python::Add(pool_->region().header().dropped, 1u);
  python::Wake(pool_->region().header().dropped);
  while (pool_->region().used() != before) std::this_thread::yield();
  EXPECT_EQ(pool_->object_count(), 1u);
}

TEST_F(PoolTest, TheHoldsOfADeadWorkerCountNoMore) {
  Make(1, {.can_kill = true}, true);
  pool_->EnsureStarted();
  auto set = pool_->Make<SetObject>(pool_->NextId(), *model_,
                                    std::vector<std::shared_ptr<python::ValueObject>>());
  python::Store(reinterpret_cast<mp_set*>(pool_->region().At(set->offset()))->holds[0], 1u);
  set.reset();
  EXPECT_EQ(Run(kDie).code, MS_ABORTED);
  while (pool_->object_count() > 1) std::this_thread::yield();
}

TEST_F(PoolTest, AnInterpreterWithoutRoomForAnImportIsLeftOutAndTheJobRunsElsewhere) {
  Make(2, {.exhausted_workers = 1});
  pool_->EnsureStarted();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(Run(kExhaust).answer, 42);
}

TEST_F(PoolTest, WhenNoInterpreterHasRoomTheCallerMayUseProcesses) {
  Make(2, {.exhausted_workers = 2});
  pool_->EnsureStarted();
  const mp_tensor tensor{};
  const int32_t deed = kExhaust;
  const uint64_t input = reinterpret_cast<uint64_t>(&deed);
  Call call;
  call.kind = MP_DO_LOAD;
  call.model = &model_;
  call.inputs = {&tensor, 1};
  call.input_at = &input;
  call.timeout = milliseconds(20000);
  EXPECT_THROW(pool_->Run(call), LoaderExhausted);
}

TEST_F(PoolTest, NoRoomForAnyInterpreterIsToldApart) {
  Make(2, {.room = 0});
  EXPECT_THROW(pool_->EnsureStarted(), LoaderExhausted);
  EXPECT_THROW(pool_->EnsureStarted(), LoaderExhausted);
}

TEST_F(PoolTest, FewerInterpretersThanAskedForStillServe) {
  Make(3, {.room = 2});
  pool_->EnsureStarted();
  EXPECT_EQ(pool_->usable(), 2u);
  EXPECT_EQ(Run(kAnswer).answer, 42);
}

TEST_F(PoolTest, AnInterpreterThatCannotStartSaysWhy) {
  Make(1, {.refuse = "no module named encodings"});
  try {
    pool_->EnsureStarted();
    FAIL();
  } catch (const LoaderExhausted&) {
    FAIL();
  } catch (const sdk::Error& e) {
    EXPECT_EQ(e.code(), MS_UNAVAILABLE);
    EXPECT_STREQ(e.what(), "no Python interpreter is left: no module named encodings");
  }
}

TEST_F(PoolTest, AProcessThatDiesWheneverItStartsIsGivenUp) {
  Make(1, {.can_kill = true, .die_at_start = true}, true);
  try {
    pool_->EnsureStarted();
    FAIL();
  } catch (const sdk::Error& e) {
    EXPECT_EQ(e.code(), MS_UNAVAILABLE);
    EXPECT_THAT(e.what(), HasSubstr("died while it started, by signal 11"));
  }
}

}  // namespace
}  // namespace midstream::plugin_testing
