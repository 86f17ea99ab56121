// Which version is current, pinned, kept: commits, rollbacks, pins, several models, memory.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "core/base/log.h"
#include "tests/core/weights/store_testing.h"

namespace midstream::weights {
namespace {

using ::testing::HasSubstr;
using VersionsTest = StoreTest;

INSTANTIATE_TEST_SUITE_P(Backends, VersionsTest, ::testing::Values("reference", "cpu_blas", "far"));

TEST_P(VersionsTest, EveryKindOfWeightReachesTheNextRun) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  EXPECT_EQ(Run(*session).y, 1);
  EXPECT_EQ(*Commit(*store, "m", Filled({kWidth, kWidth}, 2)), 2u);
  EXPECT_EQ(Run(*session).y, 33);
  EXPECT_EQ(*Commit(*store, "w", Filled({kWidth}, 3)), 3u);
  EXPECT_EQ(*Commit(*store, "gain:0", Filled({kWidth}, 2)), 4u);
  EXPECT_EQ(Run(*session).y, 38);
  EXPECT_EQ(*Commit(*store, "b", Filled({kWidth}, 4)), 5u);
  const Answer answer = Run(*session);
  EXPECT_EQ(answer.y, 42);
  EXPECT_EQ(answer.version, 5u);
}

TEST_P(VersionsTest, StagingChangesNothingUntilTheCommit) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Transaction transaction = store->Begin();
  transaction.Put("b", Filled({kWidth}, 5));
  ASSERT_TRUE(transaction.Stage().ok());
  EXPECT_TRUE(transaction.staged());
  EXPECT_EQ(store->Stats().staged, 1u);
  EXPECT_EQ(store->Stats().lag, 1u);
  EXPECT_EQ(Run(*session).y, 1);
  EXPECT_EQ(transaction.Stage().code(), Code::kFailedPrecondition);
  EXPECT_EQ(*transaction.Commit(), 2u);
  EXPECT_EQ(Run(*session).y, 6);
  EXPECT_EQ(store->Stats().lag, 0u);
}

TEST_P(VersionsTest, OfTwoThatWereStagedTogetherTheSecondIsStale) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Transaction first = store->Begin(), second = store->Begin();
  first.Put("b", Filled({kWidth}, 5));
  second.Put("w", Filled({kWidth}, 100));
  ASSERT_TRUE(first.Stage().ok());
  ASSERT_TRUE(second.Stage().ok());
  EXPECT_TRUE(first.Commit().ok());
  auto refused = second.Commit();
  EXPECT_EQ(refused.status().code(), Code::kAborted);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("version 2 is current"));
  EXPECT_EQ(Run(*session).y, 6);
  EXPECT_EQ(store->Stats().rejected.at("stale_base"), 1u);
}

TEST_P(VersionsTest, AnUpdateOfAnotherBaseIsRefused) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  UpdateOptions on_first;
  on_first.base = 1;
  EXPECT_TRUE(Commit(*store, "b", Filled({kWidth}, 5), on_first).ok());
  EXPECT_EQ(Commit(*store, "b", Filled({kWidth}, 9), on_first).status().code(), Code::kAborted);
  EXPECT_EQ(Run(*session).y, 6);
}

TEST_P(VersionsTest, AnAbortedUpdateLeavesNothing) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Transaction transaction = store->Begin();
  transaction.Put("b", Filled({kWidth}, 5));
  ASSERT_TRUE(transaction.Stage().ok());
  transaction.Abort();
  EXPECT_EQ(transaction.Commit().status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store->Stats().staged, 0u);
  EXPECT_EQ(Run(*session).version, 1u);
  transaction.Put("b", Filled({kWidth}, 6));
  EXPECT_EQ(*transaction.Commit(), 2u);
  EXPECT_EQ(Run(*session).y, 7);
}

TEST_P(VersionsTest, RollsBackToWhatIsKept) {
  auto store = MakeStore({.keep_versions = 3});
  auto session = MakeSession(store);
  for (float value : {1, 2, 3, 4}) {
    ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, value)).ok());
  }
  EXPECT_TRUE(store->Rollback(3).ok());
  Answer answer = Run(*session);
  EXPECT_EQ(answer.version, 3u);
  EXPECT_EQ(answer.y, 3);
  EXPECT_EQ(store->Stats().lag, 2u);
  Status gone = store->Rollback(2);
  EXPECT_EQ(gone.code(), Code::kNotFound);
  EXPECT_THAT(std::string(gone.message()), HasSubstr("4, 5, 3"));
  EXPECT_TRUE(store->Rollback(5).ok());  // and forward again
  EXPECT_EQ(Run(*session).y, 5);
  EXPECT_TRUE(store->Rollback(3).ok());
  EXPECT_EQ(*Commit(*store, "w", Filled({kWidth}, 11)), 6u);  // on version 3
  EXPECT_EQ(Run(*session).y, 13);
  EXPECT_TRUE(store->Rollback(3).ok());
  EXPECT_EQ(Run(*session).y, 3);
}

TEST_P(VersionsTest, ARollbackReachesSessionsThatCameLater) {
  auto store = MakeStore();
  auto first = MakeSession(store);
  ASSERT_TRUE(Commit(*store, "w", Filled({kWidth}, 8)).ok());
  ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, 2)).ok());
  auto second = MakeSession(store);
  ASSERT_TRUE(store->Rollback(2).ok());
  EXPECT_EQ(Run(*first).y, 8);
  EXPECT_EQ(Run(*second).y, 8);
  EXPECT_EQ(Run(*second).version, 2u);
  first.reset();  // its sets held what version 3 changed
  ASSERT_TRUE(store->Rollback(3).ok());
  EXPECT_EQ(Run(*second).y, 10);
}

TEST_P(VersionsTest, APinKeepsItsVersionReadable) {
  auto store = MakeStore({.keep_versions = 1});
  auto session = MakeSession(store);
  ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, 5)).ok());
  auto pin = store->Pin();
  ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, 6)).ok());
  EXPECT_EQ(store->Read("b", pin)->as<float>()[0], 5);
  EXPECT_EQ(store->Read("b")->as<float>()[0], 6);
  EXPECT_EQ((*store->Pin(2))->id, 2u);
  EXPECT_EQ(store->Rollback(2).code(), Code::kNotFound);  // pinned, but not kept
  pin.reset();
  reaper_.Drain();
  auto gone = store->Pin(2);
  EXPECT_EQ(gone.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(gone.status().message()), HasSubstr("there are 3"));
}

TEST_P(VersionsTest, CountsPinsAndBytes) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, 5)).ok());
  auto first = store->Pin();
  auto second = store->Pin();
  ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, 6)).ok());
  const ModelStats stats = store->Stats();
  EXPECT_EQ(stats.version, 3u);
  EXPECT_EQ(stats.commits, 2u);
  ASSERT_EQ(stats.versions.size(), 2u);
  EXPECT_EQ(stats.versions[0].version, 2u);
  EXPECT_EQ(stats.versions[0].pins, 2u);
  EXPECT_TRUE(stats.versions[0].kept);
  EXPECT_EQ(stats.versions[1].pins, 0u);
  // What the versions share is counted once.
  EXPECT_LT(stats.bytes, stats.versions[0].bytes + stats.versions[1].bytes);
  EXPECT_GT(stats.bytes, stats.versions[1].bytes);
}

TEST_P(VersionsTest, UnchangedWeightsKeepTheirAddress) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  auto before = store->Pin();
  ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, 5)).ok());
  auto after = store->Pin();
  size_t shared = 0, fresh = 0;
  for (size_t s = 0; s < before->programs[0].charges.size(); ++s) {
    for (size_t slot = 0; slot < before->programs[0].charges[s]->size(); ++slot) {
      (*before->programs[0].charges[s])[slot] == (*after->programs[0].charges[s])[slot] ? ++shared
                                                                                        : ++fresh;
    }
  }
  EXPECT_EQ(fresh, 1u);
  EXPECT_EQ(shared, 2u);  // the matrix and the table; b goes into a recipe with w and gain
}

TEST_P(VersionsTest, CommitsOfSeveralModelsAreSeenWhole) {
  auto actor = MakeStore(), critic = MakeStore();
  auto acts = MakeSession(actor), judges = MakeSession(critic);
  Transaction a = actor->Begin(), c = critic->Begin();
  a.Put("b", Filled({kWidth}, 1));
  c.Put("b", Filled({kWidth}, 1));
  Transaction* both[] = {&a, &c};
  auto versions = CommitTogether(both);
  ASSERT_TRUE(versions.ok()) << versions.status().ToString();
  EXPECT_EQ(*versions, (std::vector<uint64_t>{2, 2}));
  EXPECT_EQ(Run(*acts).y, 2);
  EXPECT_EQ(Run(*judges).y, 2);

  a.Put("b", Filled({kWidth}, 7));
  c.Put("b", Filled({3}, 7));
  EXPECT_FALSE(CommitTogether(both).ok());
  EXPECT_EQ(Run(*acts).y, 2);
  a.Put("b", Filled({kWidth}, 7));
  Transaction* twice[] = {&a, &a};
  EXPECT_EQ(CommitTogether(twice).status().code(), Code::kInvalidArgument);
  Store* stores[] = {actor.get(), critic.get()};
  EXPECT_EQ(PinTogether(stores)[1]->id, 2u);
}

TEST_P(VersionsTest, UnloadFreesEverythingAndEndsEveryUse) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  ASSERT_TRUE(Commit(*store, "b", Filled({kWidth}, 5)).ok());
  Transaction staged = store->Begin();
  staged.Put("b", Filled({kWidth}, 6));
  ASSERT_TRUE(staged.Stage().ok());
  store->Unload();
  EXPECT_EQ(staged.Commit().status().code(), Code::kFailedPrecondition);
  reaper_.Drain();
  EXPECT_EQ(store->Stats().bytes, 0u);
  EXPECT_EQ(Run(*session).status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(Commit(*store, "b", Filled({kWidth}, 5)).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store->Rollback(1).code(), Code::kFailedPrecondition);
  EXPECT_EQ(store->Pin(1).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store->Read("b").status().code(), Code::kFailedPrecondition);
}

TEST_P(VersionsTest, WarnsOnceOfStatisticsThatStayBehind) {
  auto store = MakeStore();
  store->AddNormalisations({{"gain", "b", "w", "idle"}});
  int warnings = 0;
  SetLogSink([&](LogLevel, std::string_view text) {
    if (text.find("batch normalisation") != std::string_view::npos) ++warnings;
  });
  auto session = MakeSession(store);
  Transaction both = store->Begin();
  both.Put("gain", Filled({kWidth}, 1));
  both.Put("w", Filled({kWidth}, 1));
  EXPECT_TRUE(both.Commit().ok());
  EXPECT_EQ(warnings, 0);
  EXPECT_TRUE(Commit(*store, "b", Filled({kWidth}, 1)).ok());
  EXPECT_TRUE(Commit(*store, "b", Filled({kWidth}, 2)).ok());
  SetLogSink({});
  EXPECT_EQ(warnings, 1);
}

TEST_P(VersionsTest, APinIsReadableWhenItsSessionIsGone) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  ASSERT_TRUE(Commit(*store, "m", Filled({kWidth, kWidth}, 5)).ok());
  auto pin = store->Pin();
  session.reset();
  auto value = store->Read("m", pin);
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  EXPECT_EQ(value->as<float>()[3], 5);
  EXPECT_EQ(store->Read("m")->as<float>()[3], 5);
}

TEST_P(VersionsTest, AnotherSessionSparesCopiesWhenOneCloses) {
  auto store = MakeStore({.keep_versions = 1});
  auto first = MakeSession(store);
  auto second = MakeSession(store);
  ASSERT_TRUE(Commit(*store, "m", Filled({kWidth, kWidth}, 5)).ok());
  first.reset();
  EXPECT_EQ(store->Pin()->host.count("m"), 0u);
  EXPECT_EQ(store->Read("m")->as<float>()[3], 5);
  second.reset();
  EXPECT_EQ(store->Pin()->host.count("m"), 1u);
  EXPECT_EQ(store->Read("m")->as<float>()[3], 5);
}

// Sessions come and go while staged versions are committed: no value may be lost.
TEST_P(VersionsTest, SessionsMayCloseWhileVersionsAreCommitted) {
  auto store = MakeStore();
  std::atomic<bool> stop{false};
  std::thread sessions([&] {
    while (!stop) MakeSession(store).reset();
  });
  int committed = 0;
  for (int i = 0; i < 300; ++i) {
    const auto value = static_cast<float>(i);
    Transaction update = store->Begin();
    update.Put("m", Filled({kWidth, kWidth}, value));
    update.Put("b", Filled({kWidth}, value));
    ASSERT_TRUE(update.Stage().ok());
    auto version = update.Commit();
    if (!version.ok()) {
      EXPECT_EQ(version.status().code(), Code::kAborted);  // staged for other sessions
      continue;
    }
    ++committed;
    auto read = store->Read("m");
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(read->as<float>()[7], value);
  }
  stop = true;
  sessions.join();
  EXPECT_GT(committed, 0);
  EXPECT_TRUE(store->Read("m").ok());
  EXPECT_TRUE(store->Read("b").ok());
}

TEST_P(VersionsTest, WhatIsAssignedAfterStagingIsRefused) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Transaction update = store->Begin();
  update.Put("b", Filled({kWidth}, 5));
  ASSERT_TRUE(update.Stage().ok());
  update.Put("w", Filled({kWidth}, 9));
  EXPECT_EQ(update.Commit().status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(Run(*session).version, 1u);
  EXPECT_EQ(store->Stats().staged, 0u);
  EXPECT_EQ(update.Commit().status().code(), Code::kFailedPrecondition);  // nothing is left
}

TEST_P(VersionsTest, APinOfAnotherModelIsRefused) {
  auto store = MakeStore(), other = MakeStore();
  EXPECT_EQ(store->Read("b", other->Pin()).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace midstream::weights
