// Random numbers by counter: random.hpp says how.
#include <array>

#include "midstream/random.hpp"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

sdk::Philox Generator(const Call& call, int64_t stream) {
  const auto* key = call.in(1).as<int64_t>();
  return {key[0], key[1], stream};
}

// out[i] = element i % size of group(i / size).
template <typename T, typename Group>
void FillGroups(const Call& call, Group group) {
  auto size = static_cast<int64_t>(sdk::RandomGroupSize(call.out().dtype().bits));
  T* y = call.out().as<T>();
  for (int64_t i = 0, n = call.out().count(); i < n; i += size) {
    auto values = group(static_cast<uint64_t>(i / size));
    for (int64_t k = 0; k < size && i + k < n; ++k) y[i + k] = values[static_cast<size_t>(k)];
  }
}

KernelPtr RandomUniform(const NodeView& node) {
  return MakeCompute([stream = node.Int("stream", 0)](const Call& call) {
    sdk::Philox random = Generator(call, stream);
    uint32_t mantissa = sdk::MantissaBits(call.out().dtype());
    FillGroups<double>(call, [&](uint64_t g) { return sdk::UniformGroup(random, g, mantissa); });
  });
}

KernelPtr RandomNormal(const NodeView& node) {
  bool truncated = node.Int("truncated", 0) != 0;
  return MakeCompute([truncated, stream = node.Int("stream", 0)](const Call& call) {
    sdk::Philox random = Generator(call, stream);
    bool wide = call.out().dtype().bits == 64;
    FillGroups<double>(call,
                       [&](uint64_t g) { return sdk::NormalGroup(random, g, wide, truncated); });
  });
}

KernelPtr RandomUniformInt(const NodeView& node) {
  return MakeCompute([stream = node.Int("stream", 0)](const Call& call) {
    sdk::Philox random = Generator(call, stream);
    bool wide = call.out().dtype().bits == 64;
    int64_t low = *call.in(2).as<int64_t>();
    int64_t high = *call.in(3).as<int64_t>();
    FillGroups<int64_t>(call,
                        [&](uint64_t g) { return sdk::IntegerGroup(random, g, low, high, wide); });
  });
}

constexpr std::array kTable = {
    KernelEntry{"midstream", "RandomNormal", ClaimAny, RandomNormal},
    KernelEntry{"midstream", "RandomUniform", ClaimAny, RandomUniform},
    KernelEntry{"midstream", "RandomUniformInt", ClaimAny, RandomUniformInt},
};

}  // namespace

std::span<const KernelEntry> RandomKernels() { return kTable; }

}  // namespace midstream::reference
