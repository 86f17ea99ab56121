// Attention and rotary position embedding, one head and one position at a time.
#include <array>
#include <cmath>
#include <limits>

#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

// [B, N, S, H] or [B, S, N*H]: element (b, n, s, h) is at Row(b, n, s) + h.
struct HeadView {
  HeadView(Dims shape, int64_t count) {
    split = shape.size() == 4;
    batch = shape[0];
    heads = split ? shape[1] : count;
    length = shape[split ? 2 : 1];
    width = split ? shape[3] : shape[2] / heads;
  }
  int64_t Row(int64_t b, int64_t n, int64_t s) const {
    return (split ? (b * heads + n) * length + s : (b * length + s) * heads + n) * width;
  }
  bool split;
  int64_t batch, heads, length, width;
};

// What attn_mask adds to the score at [batch, head, query, key]; minus infinity hides the key.
class Mask {
 public:
  Mask(const Operand& mask, Dims scores) : mask_(mask) {
    if (mask.present()) strides_ = BroadcastStrides(mask.shape(), scores);
  }
  double At(const Index& at) const {
    if (!mask_.present()) return 0;
    const int64_t i = Offset(at, strides_, 4);
    if (WideOf(mask_.dtype()) == Wide::kReal) return mask_.as<double>()[i];
    return mask_.as<int64_t>()[i] != 0 ? 0 : -std::numeric_limits<double>::infinity();
  }

 private:
  Operand mask_;
  Index strides_{};
};

// Two walks over the keys: the largest score, then the weights relative to it.
KernelPtr Attention(const NodeView& node) {
  const int64_t q_heads = node.Int("q_num_heads", 0), kv_heads = node.Int("kv_num_heads", 0);
  const double given = node.Float("scale", std::nan(""));
  return MakeCompute([=](const Call& call) {
    const HeadView q(call.in(0).shape(), q_heads), k(call.in(1).shape(), kv_heads),
        v(call.in(2).shape(), kv_heads);
    const HeadView out(call.out().shape(), q.heads);
    const double scale = std::isnan(given) ? 1.0 / std::sqrt(static_cast<double>(q.width)) : given;
    const std::array<int64_t, 4> scores = {q.batch, q.heads, q.length, k.length};
    const Mask mask(call.in(3), scores);
    const Dims rows = Dims(scores).first(3);
    ForEach(rows, [&](const Index& at, int64_t) {
      const int64_t b = at[0], n = at[1], s = at[2], group = n / (q.heads / k.heads);
      const double* query = call.in(0).as<double>() + q.Row(b, n, s);
      auto score = [&](int64_t t) {
        const double* key = call.in(1).as<double>() + k.Row(b, group, t);
        double sum = 0;
        for (int64_t h = 0; h < q.width; ++h) sum += query[h] * key[h];
        return scale * sum + mask.At({b, n, s, t});
      };
      double largest = -std::numeric_limits<double>::infinity(), total = 0;
      for (int64_t t = 0; t < k.length; ++t) largest = std::max(largest, score(t));
      double* y = call.out().as<double>() + out.Row(b, n, s);
      for (int64_t h = 0; h < v.width; ++h) y[h] = 0;
      if (largest == -std::numeric_limits<double>::infinity()) return;  // sees no key
      for (int64_t t = 0; t < k.length; ++t) {
        const double weight = std::exp(score(t) - largest);
        const double* value = call.in(2).as<double>() + v.Row(b, group, t);
        for (int64_t h = 0; h < v.width; ++h) y[h] += weight * value[h];
        total += weight;
      }
      for (int64_t h = 0; h < v.width; ++h) y[h] /= total;
    });
  });
}

// (x, y) -> (x cos - y sin, x sin + y cos) for pairs of a head: neighbours, or a half apart.
KernelPtr RotaryEmbedding(const NodeView& node) {
  const int64_t heads = node.Int("num_heads", 0), asked = node.Int("rotary_embedding_dim", 0);
  const bool interleaved = node.Int("interleaved", 0) != 0;
  return MakeCompute([=](const Call& call) {
    const HeadView x(call.in(0).shape(), heads);
    const int64_t half = (asked > 0 ? asked : x.width) / 2;
    const Operand ids = call.in(3);
    const std::array<int64_t, 3> rows = {x.batch, x.heads, x.length};
    ForEach(rows, [&](const Index& at, int64_t) {
      int64_t angle = at[0] * x.length + at[2];
      if (ids.present()) {
        angle = ids.as<int64_t>()[angle];
        if (angle < 0 || angle >= call.in(1).shape()[0]) {
          throw sdk::Error(MS_OUT_OF_RANGE, "RotaryEmbedding: position " + std::to_string(angle) +
                                                " is outside a cache of " +
                                                std::to_string(call.in(1).shape()[0]) + " rows");
        }
      }
      const double* cosine = call.in(1).as<double>() + angle * half;
      const double* sine = call.in(2).as<double>() + angle * half;
      const double* from = call.in(0).as<double>() + x.Row(at[0], at[1], at[2]);
      double* to = call.out().as<double>() + x.Row(at[0], at[1], at[2]);
      for (int64_t h = 0; h < x.width; ++h) to[h] = from[h];
      for (int64_t i = 0; i < half; ++i) {
        const int64_t a = interleaved ? 2 * i : i, b = interleaved ? 2 * i + 1 : i + half;
        to[a] = from[a] * cosine[i] - from[b] * sine[i];
        to[b] = from[a] * sine[i] + from[b] * cosine[i];
      }
    });
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "Attention", ClaimAny, Attention},
    KernelEntry{"", "RotaryEmbedding", ClaimAny, RotaryEmbedding},
};

}  // namespace

std::span<const KernelEntry> AttentionKernels() { return kTable; }

}  // namespace midstream::reference
