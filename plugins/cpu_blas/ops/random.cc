// Random numbers by counter (midstream/random.hpp). Groups of elements are independent, so they are
// spread over the threads; the numbers are the same for any number of them.
#include "midstream/random.hpp"
#include "ops/floats.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

enum class Kind { kUniform, kNormal, kTruncated, kInteger };

class RandomKernel final : public sdk::Kernel {
 public:
  RandomKernel(const KernelTable& isa, Kind kind, int64_t stream)
      : isa_(isa), kind_(kind), stream_(stream) {}

  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    const auto* key = args.inputs[1].as<int64_t>();
    const sdk::Philox random(key[0], key[1], stream_);
    if (kind_ == Kind::kInteger) return RunIntegers(args, random);
    const uint32_t mantissa = sdk::MantissaBits(out.dtype);
    const bool wide = mantissa == 52, truncated = kind_ == Kind::kTruncated;
    auto group = [&](uint64_t g) {
      if (kind_ == Kind::kUniform) return sdk::UniformGroup(random, g, mantissa);
      return sdk::NormalGroup(random, g, wide, truncated);
    };
    if (wide) return Fill(args, out.as<double>(), group);
    if (sdk::Same(out.dtype, sdk::kF32)) return Fill(args, out.as<float>(), group);
    Fill(args, out.as<uint16_t>(), [&](uint64_t g) { return Halves(out.dtype, group(g)); });
  }

 private:
  static void RunIntegers(const KernelArgs& args, const sdk::Philox& random) {
    const TensorView& out = args.outputs[0];
    const bool wide = out.dtype.bits == 64;
    const int64_t low = wide ? *args.inputs[2].as<int64_t>() : *args.inputs[2].as<int32_t>();
    const int64_t high = wide ? *args.inputs[3].as<int64_t>() : *args.inputs[3].as<int32_t>();
    auto group = [&](uint64_t g) { return sdk::IntegerGroup(random, g, low, high, wide); };
    if (wide) return Fill(args, out.as<int64_t>(), group);
    Fill(args, out.as<int32_t>(), group);
  }

  std::array<uint16_t, 4> Halves(ms_dtype dtype, const std::array<double, 4>& values) const {
    float floats[4];
    for (size_t i = 0; i < 4; ++i) floats[i] = static_cast<float>(values[i]);
    std::array<uint16_t, 4> halves;
    isa_.narrow(StorageOf(dtype), floats, halves.data(), 4);
    return halves;
  }

  template <typename T, typename Group>
  static void Fill(const KernelArgs& args, T* out, Group group) {
    const int64_t size = sdk::RandomGroupSize(args.outputs[0].dtype.bits);
    const int64_t n = args.outputs[0].count();
    constexpr double kElementsPerMicrosecond = 50;
    ForRange(*args.host, static_cast<double>(n) / kElementsPerMicrosecond, n, size,
             [&](int64_t begin, int64_t end) {
               for (int64_t i = begin; i < end; i += size) {
                 auto values = group(static_cast<uint64_t>(i / size));
                 for (int64_t k = 0; k < size && i + k < end; ++k) {
                   out[i + k] = static_cast<T>(values[static_cast<size_t>(k)]);
                 }
               }
             });
  }

  const KernelTable& isa_;
  const Kind kind_;
  const int64_t stream_;
};

Claim ClaimRandom(const NodeView& node) {
  const ms_dtype dtype = node.output(0).dtype();
  return Claim::Yes(dtype, dtype);
}

template <Kind kKind>
std::unique_ptr<sdk::Kernel> Create(const NodeView& node, const Setup& setup) {
  bool truncated = kKind == Kind::kNormal && node.Int("truncated", 0) != 0;
  return std::make_unique<RandomKernel>(setup.isa, truncated ? Kind::kTruncated : kKind,
                                        node.Int("stream", 0));
}

}  // namespace

void AddRandomOps(OpList* list) {
  list->push_back({kMidstream, "RandomUniform", ClaimRandom, Create<Kind::kUniform>});
  list->push_back({kMidstream, "RandomNormal", ClaimRandom, Create<Kind::kNormal>});
  list->push_back({kMidstream, "RandomUniformInt", ClaimRandom, Create<Kind::kInteger>});
}

}  // namespace midstream::cpu_blas
