// Models that compute random numbers: their distributions, what makes requests differ or repeat,
// and dropout that is kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/engine/engine.h"
#include "core/formats/npy/npy.h"

namespace midstream {
namespace {

const std::string kGraph = std::string(MS_TEST_DATA) + "/tf/random/graph.meta";
const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/";
constexpr int32_t kRows = 4000;
constexpr const char* kKey = "midstream/random_key";

Engine OpenEngine(const std::string& backend, std::vector<std::string> more = {}) {
  more.insert(more.begin(),
              {"backend=" + backend, "plugins.dir=" MS_PLUGIN_DIR, "placement.fallback=error"});
  auto engine = Engine::Open("", more);
  EXPECT_TRUE(engine.ok()) << engine.status().ToString();
  return *engine;
}

Session OpenSession(Engine& engine, const std::vector<std::string>& outputs, int32_t rows = kRows) {
  auto model = engine.Load(kGraph);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  SessionOptions options;
  options.outputs = outputs;
  options.bound["rows"] = Tensor::Scalar(DType::kI32, rows);
  auto session = model->CreateSession(options);
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  return *session;
}

std::vector<Tensor> Ask(Session& session, const std::vector<NamedTensor>& inputs = {}) {
  auto result = session.Run(inputs);
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  std::vector<Tensor> tensors;
  if (!result.ok()) return tensors;
  for (NamedTensor& output : result->outputs) tensors.push_back(std::move(output.value));
  return tensors;
}

Tensor Zeros(const Shape& shape) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  std::fill_n(tensor.mutable_as<float>().begin(), tensor.count(), 0.0f);
  return tensor;
}

std::vector<double> Sorted(const Tensor& tensor) {
  std::vector<double> values;
  for (float value : tensor.as<float>()) values.push_back(value);
  std::sort(values.begin(), values.end());
  return values;
}

// Kolmogorov and Smirnov's distance between a sample and a distribution.
template <typename Cdf>
double Distance(const std::vector<double>& sorted, Cdf cdf) {
  double worst = 0;
  const auto n = static_cast<double>(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) {
    double p = cdf(sorted[i]);
    worst = std::max({worst, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return worst;
}
// Exceeded by chance once in ten million samples.
double Bound(size_t n) { return 2.9 / std::sqrt(static_cast<double>(n)); }

double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

class Random : public ::testing::TestWithParam<std::string> {};

TEST_P(Random, FollowsItsDistributions) {
  Engine engine = OpenEngine(GetParam());
  Session session = OpenSession(engine, {"uniform", "normal", "truncated", "dice"});
  auto out = Ask(session);
  ASSERT_EQ(out.size(), 4u);
  ASSERT_EQ(out[0].shape(), (Shape{kRows, 3}));
  auto uniform = Sorted(out[0]), normal = Sorted(out[1]), truncated = Sorted(out[2]);
  EXPECT_GE(uniform.front(), 0.0);
  EXPECT_LT(uniform.back(), 1.0);
  EXPECT_LT(Distance(uniform, [](double x) { return x; }), Bound(uniform.size()));
  EXPECT_LT(Distance(normal, NormalCdf), Bound(normal.size()));
  EXPECT_GT(truncated.front(), -2.0);
  EXPECT_LT(truncated.back(), 2.0);
  double low = NormalCdf(-2);
  auto truncated_cdf = [&](double x) { return (NormalCdf(x) - low) / (1 - 2 * low); };
  EXPECT_LT(Distance(truncated, truncated_cdf), Bound(truncated.size()));
  // The bounds are tight enough to tell the distributions apart.
  EXPECT_GT(normal.back(), 2.0);
  EXPECT_GT(Distance(normal, [](double x) { return NormalCdf(x - 0.1); }), Bound(normal.size()));
  EXPECT_GT(Distance(uniform, [](double x) { return x * x; }), Bound(uniform.size()));
  std::vector<int> counts(7);
  for (int32_t face : out[3].as<int32_t>()) {
    ASSERT_GE(face, -2);
    ASSERT_LT(face, 5);
    ++counts[static_cast<size_t>(face + 2)];
  }
  const double mean = kRows * 3 / 7.0;
  for (int count : counts) EXPECT_NEAR(count, mean, 6 * std::sqrt(mean));
}

TEST_P(Random, SamplesClassesByTheirLogits) {
  Engine engine = OpenEngine(GetParam());
  for (const char* name : {"multinomial", "gumbel"}) {
    bool many = std::string(name) == "multinomial";  // else one sample a row
    Session session = OpenSession(engine, {name});
    Tensor logits = *Tensor::Allocate(DType::kF32, {many ? 1 : kRows, 4});
    const float p[4] = {0.1f, 0.2f, 0.3f, 0.4f};
    for (int64_t i = 0; i < logits.count(); ++i) {
      logits.mutable_as<float>()[static_cast<size_t>(i)] = std::log(p[i % 4]) + 3;
    }
    auto out = Ask(session, {{"logits", logits}});
    ASSERT_EQ(out.size(), 1u);
    ASSERT_EQ(out[0].count(), kRows);
    std::vector<int> counts(4);
    for (int64_t sample : out[0].as<int64_t>()) ++counts.at(static_cast<size_t>(sample));
    for (size_t i = 0; i < 4; ++i) {
      double mean = kRows * static_cast<double>(p[i]);
      EXPECT_NEAR(counts[i], mean, 6 * std::sqrt(mean)) << name << " class " << i;
    }
  }
}

TEST_P(Random, RequestsDifferAndSeedAndOrderRepeat) {
  Engine engine = OpenEngine(GetParam()), seeded = OpenEngine(GetParam(), {"execution.seed=7"});
  const std::vector<std::string> names = {"uniform", "other_uniform", "normal"};
  Session first = OpenSession(engine, names), again = OpenSession(engine, names);
  Session other = OpenSession(seeded, names);
  EXPECT_TRUE(first.inputs().empty()) << "the key is no input of the model";
  auto a = Ask(first), b = Ask(first), c = Ask(again), d = Ask(again), e = Ask(other);
  EXPECT_FALSE(BitEqual(a[0], a[1])) << "two nodes";
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_FALSE(BitEqual(a[i], b[i])) << "two requests: " << names[i];
    EXPECT_FALSE(BitEqual(a[i], e[i])) << "two seeds: " << names[i];
    EXPECT_TRUE(BitEqual(a[i], c[i])) << names[i];
    EXPECT_TRUE(BitEqual(b[i], d[i])) << names[i];
  }
}

TEST_P(Random, TheCallerMayGiveTheKey) {
  Engine engine = OpenEngine(GetParam());
  Session session = OpenSession(engine, {"uniform"});
  Tensor key = Tensor::FromInts({0, 1});
  auto given = Ask(session, {{kKey, key}});
  auto first = Ask(session), second = Ask(session);
  EXPECT_FALSE(BitEqual(given[0], first[0]));
  EXPECT_TRUE(BitEqual(given[0], second[0])) << "a given key does not count";
  auto refused = session.Run({{kKey, Tensor::FromInts({1, 2, 3})}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find(kKey), std::string::npos);
}

TEST_P(Random, AnElementDependsOnItsPlaceAlone) {
  Engine engine = OpenEngine(GetParam());
  const std::vector<std::string> names = {"uniform", "normal", "truncated", "dice", "wide"};
  Session large = OpenSession(engine, names), small = OpenSession(engine, names, 5);
  Session empty = OpenSession(engine, names, 0);
  auto a = Ask(large), b = Ask(small), c = Ask(empty);
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(std::memcmp(a[i].data(), b[i].data(), b[i].byte_size()), 0) << names[i];
    EXPECT_EQ(c[i].shape(), (Shape{0, 3}));
  }
}

TEST_P(Random, AGaussianPolicyActs) {
  Engine engine = OpenEngine(GetParam());
  Session session = OpenSession(engine, {"action"});
  ASSERT_EQ(session.inputs().size(), 1u);
  auto out = Ask(session, {{"mean", Zeros({kRows, 2})}});
  double squares[2] = {};
  for (int64_t i = 0; i < out[0].count(); ++i) {
    double x = out[0].as<float>()[static_cast<size_t>(i)];
    squares[i % 2] += x * x / kRows;
  }
  EXPECT_NEAR(squares[0], 1.0, 0.15);
  EXPECT_NEAR(squares[1], std::exp(-2.0), 0.15 * std::exp(-2.0));
  // By position, as the C API calls.
  std::vector<Tensor> outputs;
  ASSERT_TRUE(session.Run(std::vector<Tensor>{Zeros({3, 2})}, &outputs, nullptr).ok());
  EXPECT_EQ(outputs[0].shape(), (Shape{3, 2}));
}

INSTANTIATE_TEST_SUITE_P(Backends, Random, ::testing::Values("reference", "cpu_blas"),
                         [](const auto& info) { return info.param; });

TEST(RandomBackends, MakeTheSameBits) {
  Engine slow = OpenEngine("reference"), fast = OpenEngine("cpu_blas");
  Engine single = OpenEngine("cpu_blas", {"execution.threads=1"});
  const std::vector<std::string> names = {"uniform", "wide", "dice", "normal", "truncated"};
  Session a = OpenSession(slow, names), b = OpenSession(fast, names),
          c = OpenSession(single, names);
  auto x = Ask(a), y = Ask(b), z = Ask(c);
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_TRUE(BitEqual(x[i], y[i])) << names[i];
    EXPECT_TRUE(BitEqual(y[i], z[i])) << names[i] << ", one thread";
  }
}

// graph.dropout = "keep": half of the units drop out, differently in each request.
TEST(Dropout, IsComputedWhenTheConfigurationKeepsIt) {
  // The probability's placeholder has no known rank, nor has what is computed with it.
  Engine keeping = OpenEngine("cpu_blas", {"graph.dropout=keep", "placement.fallback=allow"}),
         removing = OpenEngine("cpu_blas");
  auto kept = keeping.Load(kDigits), removed = removing.Load(kDigits);
  ASSERT_TRUE(kept.ok() && removed.ok());
  SessionOptions options;
  options.outputs = {"fc2/add"};
  auto random = kept->CreateSession(options), exact = removed->CreateSession(options);
  ASSERT_TRUE(random.ok()) << random.status().ToString();
  ASSERT_TRUE(exact.ok()) << exact.status().ToString();
  EXPECT_EQ(random->inputs().size(), 2u) << "the probability to keep must be fed";
  Tensor images = *formats::ReadNpy(kDigits + "eval_images.npy");
  Tensor few = Tensor::Wrap(DType::kF32, {4, 784}, images.data(), std::make_shared<Tensor>(images));
  auto ask = [&](float keep) {
    return Ask(*random, {{"Placeholder", few},
                         {"dropout/Placeholder", Tensor::Scalar(DType::kF32, keep)}})[0];
  };
  Tensor want = Ask(*exact, {{"Placeholder", few}})[0];
  Tensor all = ask(1.0f), a = ask(0.5f), b = ask(0.5f);
  double far = 0;
  for (size_t i = 0; i < static_cast<size_t>(want.count()); ++i) {
    EXPECT_NEAR(all.as<float>()[i], want.as<float>()[i], 1e-4);
    far = std::max<double>(far, std::abs(a.as<float>()[i] - want.as<float>()[i]));
  }
  EXPECT_GT(far, 0.01);
  EXPECT_FALSE(BitEqual(a, b));
  auto unfed = random->Run({{"Placeholder", few}});
  EXPECT_FALSE(unfed.ok());
}

// An update changes the weights of a model with random numbers and nothing else.
TEST(Dropout, KeptMasksSurviveAnUpdate) {
  Engine engine = OpenEngine("cpu_blas", {"graph.dropout=keep", "placement.fallback=allow"});
  auto live = engine.Load(kDigits + "mnist_deep_model.ckpt-0"),
       cold = engine.Load(kDigits + "mnist_deep_model.ckpt-4000");
  ASSERT_TRUE(live.ok() && cold.ok());
  SessionOptions options;
  options.outputs = {"fc2/add"};
  auto a = live->CreateSession(options), b = cold->CreateSession(options);
  ASSERT_TRUE(a.ok() && b.ok());
  Tensor images = *formats::ReadNpy(kDigits + "eval_images.npy");
  Tensor few = Tensor::Wrap(DType::kF32, {4, 784}, images.data(), std::make_shared<Tensor>(images));
  std::vector<NamedTensor> inputs = {{"Placeholder", few},
                                     {"dropout/Placeholder", Tensor::Scalar(DType::kF32, 0.5f)}};
  Ask(*a, inputs);
  Ask(*b, inputs);
  ASSERT_TRUE(live->UpdateFrom(kDigits + "mnist_deep_model.ckpt-4000").ok());
  EXPECT_TRUE(BitEqual(Ask(*a, inputs)[0], Ask(*b, inputs)[0]));
}

}  // namespace
}  // namespace midstream
