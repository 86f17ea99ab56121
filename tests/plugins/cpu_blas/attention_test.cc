// Attention of cpu_blas against plain loops in double, on every instruction set: more queries than
// one block holds, heads that share keys in groups, either mask.
#include <cmath>

#include "tests/plugins/cpu_blas/cpu_blas_testing.h"

namespace midstream::plugin_testing {
namespace {

struct Sizes {
  int64_t q_heads, kv_heads, queries, keys, width;
};

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// One sample, tensors as [1, S, N*H]; `seen` [S, T].
std::vector<double> Attend(const Sizes& s, const std::vector<double>& q,
                           const std::vector<double>& k, const std::vector<double>& v,
                           const std::vector<bool>& seen) {
  std::vector<double> out(q.size(), 0.0);
  for (int64_t n = 0; n < s.q_heads; ++n)
    for (int64_t i = 0; i < s.queries; ++i) {
      const int64_t query = (i * s.q_heads + n) * s.width;
      const int64_t group = n / (s.q_heads / s.kv_heads);
      double total = 0;
      for (int64_t t = 0; t < s.keys; ++t) {
        if (!seen[Index(i * s.keys + t)]) continue;
        const int64_t key = (t * s.kv_heads + group) * s.width;
        double score = 0;
        for (int64_t h = 0; h < s.width; ++h) score += q[Index(query + h)] * k[Index(key + h)];
        const double weight = std::exp(score / std::sqrt(static_cast<double>(s.width)));
        total += weight;
        for (int64_t h = 0; h < s.width; ++h) out[Index(query + h)] += weight * v[Index(key + h)];
      }
      for (int64_t h = 0; h < s.width && total > 0; ++h) out[Index(query + h)] /= total;
    }
  return out;
}

void Check(const std::shared_ptr<backend::Device>& device, const Sizes& s, DType dtype) {
  SCOPED_TRACE(Shape({s.q_heads, s.kv_heads, s.queries, s.keys, s.width}).ToString());
  Values values(5);
  Tensor q = Narrowed(values.Floats({1, s.queries, s.q_heads * s.width}), dtype);
  Tensor k = Narrowed(values.Floats({1, s.keys, s.kv_heads * s.width}), dtype);
  Tensor v = Narrowed(values.Floats({1, s.keys, s.kv_heads * s.width}), dtype);
  // A query sees the keys up to its own place and the first; the third query sees none.
  Tensor mask = *Tensor::Allocate(DType::kBool, {s.queries, s.keys});
  std::vector<bool> seen(Index(s.queries * s.keys));
  for (int64_t i = 0; i < s.queries * s.keys; ++i) {
    const int64_t query = i / s.keys, key = i % s.keys;
    seen[Index(i)] = query != 2 && (key <= query || key == 0);
    mask.mutable_as<uint8_t>()[Index(i)] = seen[Index(i)] ? 1 : 0;
  }
  NodeCase node{"Attention", "", {}, {{q}, {k}, {v}, {mask}}};
  node.attrs["q_num_heads"] = s.q_heads;
  node.attrs["kv_num_heads"] = s.kv_heads;
  auto out = RunNode(device, node);
  ASSERT_TRUE(out.ok()) << out.status().message();
  ExpectNear((*out)[0], Attend(s, Doubles(q), Doubles(k), Doubles(v), seen), ToleranceOf(dtype));
}

TEST(CpuBlasAttention, MatchesPlainLoops) {
  ForEachIsa([](const std::shared_ptr<backend::Device>& device) {
    for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      Check(device, {8, 1, 51, 70, 24}, dtype);
      Check(device, {4, 2, 90, 33, 9}, dtype);
      Check(device, {2, 2, 150, 150, 16}, dtype);
      Check(device, {1, 1, 3, 2100, 8}, dtype);
    }
  });
}

}  // namespace
}  // namespace midstream::plugin_testing
