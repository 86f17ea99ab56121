// Generated bad updates: each is refused, names its tensor, and leaves the version that is served,
// its bits and its memory as they were.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "core/graph/tensor_digest.h"
#include "tests/soak/scale.h"
#include "tests/soak/sentinel.h"

namespace midstream {
namespace {

using weights::Transaction;

// A valid update, and how it is spoilt.
struct Draft {
  std::vector<std::string> names = Sentinel::names();
  std::vector<Tensor> values = Sentinel::Values(77);
  UpdateOptions options;
  std::function<void(Transaction&)> more = [](Transaction&) {};  // put on top
  std::string culprit;                                           // what the message must have
};

class Spoiler {
 public:
  explicit Spoiler(uint32_t seed) : random_(seed) {}

  Draft Next() {
    Draft draft;
    const size_t victim = Below(draft.names.size());
    draft.culprit = "'" + draft.names[victim] + "'";
    if (Below(2) == 0) draft.options.check = CheckMode::kExact;
    static constexpr void (Spoiler::*kWays[])(Draft&, size_t) = {
        &Spoiler::Unknown,       &Spoiler::Missing,       &Spoiler::Duplicate,
        &Spoiler::Shape,         &Spoiler::Transposed,    &Spoiler::OtherDType,
        &Spoiler::NotFinite,     &Spoiler::WrongDigest,   &Spoiler::StaleBase,
        &Spoiler::Unreadable,    &Spoiler::ReadOtherwise, &Spoiler::RowsBeyond,
        &Spoiler::RowsMisshapen, &Spoiler::Float64,       &Spoiler::RowsNotFinite};
    (this->*kWays[Below(std::size(kWays))])(draft, victim);
    return draft;
  }

 private:
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  void Unknown(Draft& draft, size_t victim) {
    std::string& name = draft.names[victim];
    switch (Below(4)) {
      case 0:
        name += static_cast<char>('a' + Below(26));
        break;
      case 1:
        name.erase(Below(name.size()), 1);
        break;
      case 2:
        name += ":1";
        break;
      default:
        name.clear();
    }
    draft.culprit = "'" + name + "'";
  }
  void Missing(Draft& draft, size_t victim) {
    draft.options.check = Below(2) == 0 ? CheckMode::kExact : CheckMode::kSuperset;
    draft.names.erase(draft.names.begin() + static_cast<ptrdiff_t>(victim));
    draft.values.erase(draft.values.begin() + static_cast<ptrdiff_t>(victim));
  }
  void Duplicate(Draft& draft, size_t victim) {
    draft.names.push_back(draft.names[victim] + (Below(2) == 0 ? ":0" : ""));
    draft.values.push_back(draft.values[victim]);
  }
  void Shape(Draft& draft, size_t victim) {
    std::vector<int64_t> dims = draft.values[victim].shape().dims();
    if (Below(3) == 0) {
      dims.push_back(1);
    } else {
      dims[Below(dims.size())] += Below(2) == 0 ? 1 : -1;
    }
    draft.values[victim] = Filled(DType::kF32, dims);
  }
  void Transposed(Draft& draft, size_t victim) {
    std::vector<int64_t> dims = draft.values[victim].shape().dims();
    std::reverse(dims.begin(), dims.end());
    if (dims == draft.values[victim].shape().dims()) dims.insert(dims.begin(), 1);
    draft.values[victim] = *draft.values[victim].Reshaped(dims);
  }
  void OtherDType(Draft& draft, size_t victim) {
    static constexpr DType kOthers[] = {DType::kI8, DType::kI32, DType::kI64, DType::kU32,
                                        DType::kBool};
    draft.values[victim] =
        Filled(kOthers[Below(std::size(kOthers))], draft.values[victim].shape().dims());
  }
  void Float64(Draft& draft, size_t victim) {
    draft.values[victim] = Filled(DType::kF64, draft.values[victim].shape().dims());
  }
  void NotFinite(Draft& draft, size_t victim) {
    draft.options.finite = true;
    draft.values[victim] = Spoilt(draft.values[victim]);
    draft.culprit += ": element";
  }
  void RowsNotFinite(Draft& draft, size_t) {
    draft.options.finite = true;
    const Tensor rows = Spoilt(Filled(DType::kF32, {2, 16}));
    draft.more = [rows](Transaction& update) { update.PutRows("table", 3, rows); };
    draft.culprit = "'table': element";
  }
  void WrongDigest(Draft& draft, size_t victim) {
    SetDigest digest;
    for (size_t i = 0; i < draft.names.size(); ++i) {
      ASSERT_TRUE(digest.Add(draft.names[i], draft.values[i]).ok());
    }
    draft.options.digest = Hex(*digest.Finish());
    Tensor changed = Copy(draft.values[victim]);
    changed.mutable_as<uint32_t>()[Below(static_cast<size_t>(changed.count()))] ^= 1U << Below(32);
    draft.values[victim] = changed;
    draft.culprit = draft.options.digest;  // of a set, not of a tensor
  }
  void StaleBase(Draft& draft, size_t) {
    draft.options.base = 2 + Below(100);
    draft.culprit = "version 1 is current";
  }
  void Unreadable(Draft& draft, size_t victim) {
    const std::string name = draft.names[victim];
    Missing(draft, victim);
    draft.more = [name](Transaction& update) {
      update.PutReader(name, [name]() -> Result<Tensor> {
        return DataLoss("policy.safetensors: tensor '" + name + "' ends beyond the file");
      });
    };
  }
  void ReadOtherwise(Draft& draft, size_t victim) {
    const std::string name = draft.names[victim];
    std::vector<int64_t> dims = draft.values[victim].shape().dims();
    dims[0] += 1;
    const Tensor other = Filled(DType::kF32, dims);
    Missing(draft, victim);
    draft.more = [name, other](Transaction& update) {
      update.PutReader(name, [other] { return Result<Tensor>(other); });
    };
  }
  void RowsBeyond(Draft& draft, size_t) {
    const auto begin = static_cast<int64_t>(Below(1000)) + 31;
    const Tensor rows = Filled(DType::kF32, {2, 16});
    draft.more = [rows, begin](Transaction& update) { update.PutRows("table", begin, rows); };
    draft.culprit = "'table'";
  }
  void RowsMisshapen(Draft& draft, size_t) {
    const auto width = static_cast<int64_t>(Below(15)) + 1;
    const Tensor rows = Filled(DType::kF32, {2, width});
    draft.more = [rows](Transaction& update) { update.PutRows("table", 0, rows); };
    draft.culprit = "'table'";
  }

  static Tensor Filled(DType dtype, std::vector<int64_t> dims) {
    Tensor tensor = *Tensor::Allocate(dtype, std::move(dims));
    std::memset(tensor.mutable_data(), 0, tensor.byte_size());
    return tensor;
  }
  static Tensor Copy(const Tensor& tensor) {
    return *Tensor::Copy(tensor.dtype(), tensor.shape(), tensor.bytes());
  }
  Tensor Spoilt(const Tensor& tensor) {
    static constexpr float kBad[] = {std::numeric_limits<float>::quiet_NaN(),
                                     std::numeric_limits<float>::infinity(),
                                     -std::numeric_limits<float>::infinity()};
    Tensor spoilt = Copy(tensor);
    spoilt.mutable_as<float>()[Below(static_cast<size_t>(spoilt.count()))] = kBad[Below(3)];
    return spoilt;
  }

  std::mt19937 random_;
};

std::string DigestOf(weights::Store& store) {
  SetDigest digest;
  for (const std::string& name : Sentinel::names()) {
    auto value = store.Read(name);
    if (!value.ok() || !digest.Add(name, *value).ok()) return "unreadable";
  }
  return Hex(*digest.Finish());
}

class BadUpdates : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Backends, BadUpdates, ::testing::Values("reference", "cpu_blas"));

TEST_P(BadUpdates, NoneIsAcceptedAndNoneLeavesATrace) {
  auto made = Sentinel::Make(GetParam(), 1);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  weights::Store& store = (*made)->store();
  const std::string digest = DigestOf(store);
  const uint64_t bytes = store.Stats().bytes;
  const Tensor input = Sentinel::Input();
  std::vector<Tensor> outputs;
  ASSERT_TRUE((*made)->session().Run(std::span(&input, 1), &outputs, nullptr).ok());
  const std::vector<Tensor> before = outputs;

  Spoiler spoiler(20240917);
  const int64_t count = SoakCount(2'000, 100'000);
  for (int64_t i = 0; i < count; ++i) {
    const Draft draft = spoiler.Next();
    Transaction update = store.Begin(draft.options);
    for (size_t k = 0; k < draft.names.size(); ++k) update.Put(draft.names[k], draft.values[k]);
    draft.more(update);
    const bool staged_first = i % 3 == 0;
    Status refused = staged_first ? update.Stage() : update.Commit().status();
    ASSERT_FALSE(refused.ok()) << i << " should name " << draft.culprit;
    const std::string message(refused.message());
    ASSERT_NE(message.find(draft.culprit), std::string::npos) << i << ": " << message;
    ASSERT_EQ(update.Commit().status().code() == Code::kOk, false);
    ASSERT_EQ(store.Pin()->id, 1u);
    if (i % 16 != 0) continue;
    std::vector<Tensor> now;
    uint64_t version = 0;
    ASSERT_TRUE((*made)->session().Run(std::span(&input, 1), &now, &version).ok());
    ASSERT_EQ(version, 1u);
    for (size_t k = 0; k < now.size(); ++k) ASSERT_TRUE(BitEqual(now[k], before[k])) << i;
  }
  EXPECT_EQ(DigestOf(store), digest);
  EXPECT_EQ(store.Stats().bytes, bytes);
  EXPECT_EQ(store.Stats().staged, 0u);
  uint64_t rejected = 0;
  for (const auto& [reason, number] : store.Stats().rejected) {
    std::cout << reason << ": " << number << "\n";
    rejected += number;
  }
  EXPECT_GE(rejected, static_cast<uint64_t>(count));
}

}  // namespace
}  // namespace midstream
