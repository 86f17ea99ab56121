// What an update may bring: rows, adopted memory, other dtypes, names; and what it is refused for.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/graph/tensor_digest.h"
#include "tests/core/weights/store_testing.h"

namespace midstream::weights {
namespace {

// Memory of a caller who wants to know when it is let go.
struct Lent {
  explicit Lent(Shape shape, float value) {
    auto memory = std::make_shared<std::vector<float>>(*ElementCount(shape), value);
    watch = memory;
    const void* data = memory->data();
    tensor = Tensor::Wrap(DType::kF32, std::move(shape), data, std::move(memory));
  }
  Tensor Take() { return std::exchange(tensor, Tensor()); }
  bool gone() const { return watch.expired(); }

  std::weak_ptr<std::vector<float>> watch;
  Tensor tensor;
};

using ::testing::AllOf;
using ::testing::HasSubstr;

class ValuesTest : public StoreTest {
 protected:
  // A version whose table is `table` computes with that very memory, and lets it go when it retires.
  void ExpectUsedInPlace(Store& store, session::Session& session, const Lent& table) {
    ASSERT_FALSE(table.gone());
    table.watch.lock()->assign(8 * kWidth, 9);  // never allowed: it shows that nothing was copied
    EXPECT_EQ(Run(session, 4).rows, 9);
    ASSERT_TRUE(Commit(store, "table", Filled({8, kWidth}, 1)).ok());
    reaper_.Drain();
    EXPECT_TRUE(table.gone());
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, ValuesTest, ::testing::Values("reference", "cpu_blas", "far"));

std::string Message(const Result<uint64_t>& result) {
  return result.ok() ? "accepted" : std::string(result.status().message());
}

TEST_P(ValuesTest, RowsChangeAloneWhereverTheWeightGoes) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Transaction transaction = store->Begin();
  transaction.PutRows("table", 2, Filled({2, kWidth}, 7));
  transaction.PutRows("table:0", 3, Filled({1, kWidth}, 8));
  transaction.PutRows("m", 0, Filled({1, kWidth}, 5));  // packed
  transaction.PutRows("w", 0, Filled({8}, 3));          // the source of a recipe
  transaction.PutRows("idle", 1, Filled({1}, 4));       // read by nobody
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_EQ(Run(*session, 1).rows, 0);
  EXPECT_EQ(Run(*session, 2).rows, 7);
  EXPECT_EQ(Run(*session, 3).rows, 8);
  EXPECT_EQ(Run(*session).y, 8);
  EXPECT_EQ(store->Read("w")->as<float>()[7], 3);
  EXPECT_EQ(store->Read("w")->as<float>()[8], 1);
  EXPECT_EQ(store->Read("idle")->as<float>()[0], 0);
  EXPECT_EQ(store->Read("idle")->as<float>()[1], 4);
  EXPECT_EQ(store->Read("m")->as<float>()[0], 5);
  EXPECT_EQ(store->Read("m")->as<float>()[kWidth], 0);
  // On top of a whole value of the same update, and of none of it.
  transaction.Put("table", Filled({8, kWidth}, 1));
  transaction.PutRows("table", 7, Filled({1, kWidth}, 2));
  transaction.PutRows("table", 8, Filled({0, kWidth}, 2));
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_EQ(Run(*session, 3).rows, 1);
  EXPECT_EQ(Run(*session, 7).rows, 2);
}

TEST_P(ValuesTest, RowsThatDoNotFitAreRefused) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Transaction transaction = store->Begin();
  transaction.PutRows("table", 7, Filled({2, kWidth}, 7));
  transaction.PutRows("table", -1, Filled({1, kWidth}, 7));
  transaction.PutRows("table", 0, Filled({1, 3}, 7));
  transaction.PutRows("step", 0, Filled({1}, 7));
  transaction.PutRows("m", 0, *Tensor::Allocate(DType::kI32, {1, kWidth}));
  transaction.PutRows("m", std::numeric_limits<int64_t>::max(), Filled({1, kWidth}, 7));
  EXPECT_THAT(Message(transaction.Commit()), AllOf(HasSubstr("6 problems"), HasSubstr("row 7"),
                                                   HasSubstr("expected rows of float32")));
  EXPECT_EQ(Run(*session).version, 1u);
}

TEST_P(ValuesTest, AdoptedMemoryIsUsedWhereItLiesAndLetGo) {
  if (GetParam() == "far") GTEST_SKIP() << "its weights lie in its own memory";
  auto store = MakeStore({.keep_versions = 1});
  auto session = MakeSession(store);
  Lent table({8, kWidth}, 3);
  Transaction transaction = store->Begin();
  transaction.Adopt("table", table.Take());
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_EQ(Run(*session, 4).rows, 3);
  ExpectUsedInPlace(*store, *session, table);
}

TEST_P(ValuesTest, WhatTheCheckpointGivesIsUsedWhereItLies) {
  if (GetParam() == "far") GTEST_SKIP() << "its weights lie in its own memory";
  Lent table({8, kWidth}, 3);
  auto initial = [&](const std::string& name) -> Result<Tensor> {
    if (name == "table") return table.Take();
    return Filled(Declarations().at(name).shape, 1);
  };
  auto store = std::make_shared<Store>(Declarations(), initial, *evaluator_, reaper_,
                                       StoreOptions{.keep_versions = 1});
  auto session = MakeSession(store);
  ExpectUsedInPlace(*store, *session, table);
}

TEST_P(ValuesTest, AdoptedMemoryThatHasToBePackedIsLetGoAtOnce) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Lent matrix({kWidth, kWidth}, 2);
  Transaction transaction = store->Begin();
  transaction.Adopt("m", matrix.Take());
  ASSERT_TRUE(transaction.Commit().ok());
  const bool packs = GetParam() != "reference";
  EXPECT_EQ(matrix.gone(), packs);
  EXPECT_EQ(Run(*session).y, 33);
}

TEST_P(ValuesTest, MemoryOfARefusedUpdateIsLetGo) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Lent bias({kWidth}, 2);
  Transaction transaction = store->Begin();
  transaction.Adopt("b", bias.Take());
  transaction.Put("nobody", Filled({1}, 1));
  EXPECT_FALSE(transaction.Commit().ok());
  EXPECT_TRUE(bias.gone());
}

TEST_P(ValuesTest, FloatsAreConvertedToTheDTypeOfTheWeight) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Tensor half = *Tensor::Allocate(DType::kF16, {kWidth});
  for (uint16_t& bits : half.mutable_as<uint16_t>()) bits = 0x3e00;  // 1.5
  ASSERT_TRUE(Commit(*store, "b", half).ok());
  EXPECT_EQ(Run(*session).y, 2.5F);
  Tensor brain = *Tensor::Allocate(DType::kBF16, {kWidth});
  for (uint16_t& bits : brain.mutable_as<uint16_t>()) bits = 0x4020;  // 2.5
  ASSERT_TRUE(Commit(*store, "b", brain).ok());
  EXPECT_EQ(Run(*session).y, 3.5F);
  Tensor wide = *Tensor::Allocate(DType::kF64, {kWidth});
  for (double& value : wide.mutable_as<double>()) value = 6;
  EXPECT_THAT(Message(Commit(*store, "b", wide)), HasSubstr("float64 is converted on request"));
  UpdateOptions options;
  options.accept_float64 = true;
  ASSERT_TRUE(Commit(*store, "b", wide, options).ok());
  EXPECT_EQ(Run(*session).y, 7);
  EXPECT_THAT(Message(Commit(*store, "step", Filled({}, 1))), HasSubstr("expected int64"));
}

TEST_P(ValuesTest, ChecksWhichNamesAreThere) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  const auto push = [&](CheckMode mode, bool all, bool more) {
    UpdateOptions options;
    options.check = mode;
    Transaction transaction = store->Begin(options);
    for (const auto& [name, decl] : Declarations()) {
      if (decl.dtype != DType::kF32 || (!all && name == "m")) continue;
      if (name != "idle") transaction.Put(name, Filled(decl.shape, 1));
    }
    if (more) transaction.Put("stranger", Filled({1}, 1));
    return transaction.Commit();
  };
  EXPECT_TRUE(push(CheckMode::kSubset, false, false).ok());
  EXPECT_THAT(Message(push(CheckMode::kSubset, true, true)), HasSubstr("'stranger'"));
  EXPECT_TRUE(push(CheckMode::kExact, true, false).ok());
  EXPECT_THAT(Message(push(CheckMode::kExact, false, true)),
              AllOf(HasSubstr("'stranger'"), HasSubstr("'m': missing"), HasSubstr("2 problems")));
  EXPECT_TRUE(push(CheckMode::kSuperset, true, true).ok());
  EXPECT_THAT(Message(push(CheckMode::kSuperset, false, true)),
              AllOf(HasSubstr("'m': missing"), HasSubstr("1 problem\n")));
}

TEST_P(ValuesTest, RenamesWhatTheTrainerCallsOtherwise) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  UpdateOptions options;
  options.rename = {{"policy/*", "*"}, {"offset", "b"}, {"*_table", "*table"}};
  Transaction transaction = store->Begin(options);
  transaction.Put("policy/m:0", Filled({kWidth, kWidth}, 2));
  transaction.Put("offset", Filled({kWidth}, 1));
  transaction.Put("policy/unknown", Filled({kWidth}, 1));
  EXPECT_THAT(Message(transaction.Commit()),
              HasSubstr("'unknown' (given as 'policy/unknown'): the model has no such weight"));
  transaction.Put("policy/m:0", Filled({kWidth, kWidth}, 2));
  transaction.Put("offset", Filled({kWidth}, 1));
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_EQ(Run(*session).y, 34);
  options.rename = {{"a*", "*b"}};
  EXPECT_THAT(Message(Commit(*store, "b", Filled({kWidth}, 1), options)),
              HasSubstr("rename rule 'a*=*b'"));
}

TEST_P(ValuesTest, FindsWhatIsNotFinite) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  UpdateOptions options;
  options.finite = true;
  Tensor bad = Filled({kWidth, kWidth}, 1);
  bad.mutable_as<float>()[37] = std::numeric_limits<float>::quiet_NaN();
  Tensor rows = Filled({1, kWidth}, 1);
  rows.mutable_as<float>()[2] = -std::numeric_limits<float>::infinity();
  Transaction transaction = store->Begin(options);
  transaction.Put("m", bad);
  transaction.PutRows("table", 3, rows);
  transaction.Put("b", Filled({kWidth}, 1));
  EXPECT_THAT(Message(transaction.Commit()),
              AllOf(HasSubstr("'m': element 37 is NaN"), HasSubstr("2 problems"),
                    HasSubstr("'table': element 50 is -infinity")));
  EXPECT_EQ(Run(*session).version, 1u);
  // What becomes infinite only in the weight's dtype.
  options.accept_float64 = true;
  Tensor wide = *Tensor::Allocate(DType::kF64, {kWidth});
  for (double& value : wide.mutable_as<double>()) value = 1e300;
  EXPECT_THAT(Message(Commit(*store, "b", wide, options)), HasSubstr("element 0 is infinity"));
  EXPECT_TRUE(Commit(*store, "m", bad).ok());  // not asked
}

TEST_P(ValuesTest, HoldsTheDigestThatWasPromised) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  SetDigest digest;
  ASSERT_TRUE(digest.Add("b", Filled({kWidth}, 4)).ok());
  UpdateOptions options;
  options.digest = Hex(*digest.Finish());
  EXPECT_TRUE(Commit(*store, "b", Filled({kWidth}, 4), options).ok());
  auto refused = Commit(*store, "b", Filled({kWidth}, 5), options);
  EXPECT_EQ(refused.status().code(), Code::kDataLoss);
  EXPECT_THAT(Message(refused), HasSubstr("expected " + options.digest));
  EXPECT_EQ(Run(*session).y, 5);
}

TEST_P(ValuesTest, TellsEveryValueThatCannotBeRead) {
  auto store = MakeStore();
  auto session = MakeSession(store);
  Transaction transaction = store->Begin();
  for (const char* name : {"m", "w", "b"}) {
    transaction.PutReader(name, [name]() -> Result<Tensor> {
      if (std::string(name) == "w") return Filled({kWidth}, 1);
      return DataLoss(std::string(name) + " is damaged");
    });
  }
  EXPECT_THAT(Message(transaction.Commit()),
              AllOf(HasSubstr("2 problems"), HasSubstr("m is damaged"), HasSubstr("b is damaged")));
  transaction.PutReader("b", [] { return Result<Tensor>(Filled({3}, 1)); });
  EXPECT_THAT(Message(transaction.Commit()), HasSubstr("expected float32[16], got float32[3]"));
  EXPECT_EQ(store->Stats().rejected.at("source"), 2u);
  EXPECT_EQ(Run(*session).version, 1u);
}

TEST_P(ValuesTest, TheMemoryLimitHoldsForPinsAndGivesUpWhatIsKept) {
  // 64 MiB are always allowed, so the weight that no session reads must be large.
  const int64_t rows = 3 << 10;
  Declared declared = Declarations();
  declared["big"] = {DType::kF32, {rows, 4096}, false, false};
  Store large(
      declared,
      [&](const std::string& name) -> Result<Tensor> { return Filled(declared.at(name).shape, 0); },
      *evaluator_, reaper_, {.keep_versions = 5, .memory_limit = 2, .wait_ms = 0});
  const Tensor value = Filled({rows, 4096}, 1);  // 48 MiB
  ASSERT_TRUE(Commit(large, "big", value).ok());
  ASSERT_TRUE(Commit(large, "big", value).ok());
  EXPECT_EQ(large.Stats().versions.size(), 3u);  // version 1 holds nothing
  auto pin = large.Pin();
  ASSERT_TRUE(Commit(large, "big", value).ok());
  const ModelStats before = large.Stats();
  auto refused = Commit(large, "big", value);
  EXPECT_EQ(refused.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(Message(refused),
              AllOf(HasSubstr("weights.memory_limit"), HasSubstr("version 3 with 1 pin")));
  EXPECT_EQ(large.Stats().bytes, before.bytes);
  EXPECT_EQ(large.Stats().version, 4u);
  EXPECT_LE(large.Stats().peak_bytes, large.Stats().limit_bytes);
  pin.reset();
  EXPECT_TRUE(Commit(large, "big", value).ok());
}

}  // namespace
}  // namespace midstream::weights
