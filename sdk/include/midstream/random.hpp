// Counter-based random numbers: what midstream.RandomUniform, RandomNormal and RandomUniformInt
// compute (docs/operators.md). A number depends on the key, the stream and its index alone, so it
// is the same on every backend, for any number of threads and any split of the work.
//
// The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
// as 1, 2, 3", 2011); key, order and conversions are those of TensorFlow's StatelessRandom*.
#ifndef MIDSTREAM_RANDOM_HPP_
#define MIDSTREAM_RANDOM_HPP_

#include <array>
#include <cmath>
#include <cstdint>

#include "midstream/view.hpp"

namespace midstream::sdk {

class Philox {
 public:
  using Block = std::array<uint32_t, 4>;
  using Key = std::array<uint32_t, 2>;

  // key: the two integers of the operator's input; stream: its attribute.
  Philox(int64_t key0, int64_t key1, int64_t stream) {
    auto a = static_cast<uint64_t>(key0) ^ static_cast<uint64_t>(stream);
    auto b = static_cast<uint64_t>(key1);
    Block mixed = Generate({static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32),
                            static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32)},
                           {0x3ec8f720u, 0x02461e29u});
    key_ = {mixed[0], mixed[1]};
    high_ = {mixed[2], mixed[3]};
  }

  // 128 random bits: block `idx` of the sequence.
  Block At(uint64_t idx) const {
    return Generate(
        {static_cast<uint32_t>(idx), static_cast<uint32_t>(idx >> 32), high_[0], high_[1]}, key_);
  }

  static Block Generate(Block counter, Key key) {
    for (int round = 0; round < 10; ++round) {
      uint64_t p0 = uint64_t{0xd2511f53u} * counter[0];
      uint64_t p1 = uint64_t{0xcd9e8d57u} * counter[2];
      counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
                 static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
      key[0] += 0x9e3779b9u;
      key[1] += 0xbb67ae85u;
    }
    return counter;
  }

 private:
  Key key_;
  Key high_;
};

// Elements of a tensor come in groups, one block of bits each: 4 elements, or 2 of 64 bits.
inline uint32_t RandomGroupSize(uint32_t dtype_bits) { return dtype_bits == 64 ? 2 : 4; }

// Random bits of a number in [0, 1): those that the dtype's mantissa holds.
inline uint32_t MantissaBits(ms_dtype dtype) {
  if (dtype.code == MS_DTYPE_BFLOAT) return 7;
  return dtype.bits == 16 ? 10 : dtype.bits == 32 ? 23 : 52;
}

// In [0, 1), of at most 31 bits.
inline double UnitFromBits(uint32_t bits, uint32_t mantissa) {
  return static_cast<double>(bits & ((1u << mantissa) - 1)) /
         static_cast<double>(uint32_t{1} << mantissa);
}
// 52 random bits, for float64.
inline double WideUnitFromBits(uint32_t high, uint32_t low) {
  return static_cast<double>(uint64_t{high & 0xfffffu} << 32 | low) * 0x1p-52;
}

// Group `group` of a tensor of numbers in [0, 1). mantissa = 52: 2 elements, else 4.
inline std::array<double, 4> UniformGroup(const Philox& random, uint64_t group, uint32_t mantissa) {
  Philox::Block bits = random.At(group);
  if (mantissa == 52) {
    return {WideUnitFromBits(bits[0], bits[1]), WideUnitFromBits(bits[2], bits[3]), 0, 0};
  }
  return {UnitFromBits(bits[0], mantissa), UnitFromBits(bits[1], mantissa),
          UnitFromBits(bits[2], mantissa), UnitFromBits(bits[3], mantissa)};
}

// Two normal numbers from two uniform ones (Box and Muller).
inline std::array<double, 2> NormalPair(double u, double v) {
  double radius = std::sqrt(-2.0 * std::log(u < 1e-7 ? 1e-7 : u));
  double angle = 6.283185307179586476925286766559 * v;
  return {std::sin(angle) * radius, std::cos(angle) * radius};
}

// As UniformGroup, of normal numbers; `wide` for float64.
inline std::array<double, 4> NormalBlock(const Philox& random, uint64_t idx, bool wide) {
  std::array<double, 4> u = UniformGroup(random, idx, wide ? 52 : 23);
  std::array<double, 2> a = NormalPair(u[0], u[1]);
  if (wide) return {a[0], a[1], 0, 0};
  std::array<double, 2> b = NormalPair(u[2], u[3]);
  return {a[0], a[1], b[0], b[1]};
}
// Truncated: each group has 256 blocks of its own (128 if wide), from which the numbers in (-2, 2)
// are taken. That is enough but for one group in 10^100; what is missing then is 0.
inline std::array<double, 4> NormalGroup(const Philox& random, uint64_t group, bool wide,
                                         bool truncated) {
  if (!truncated) return NormalBlock(random, group, wide);
  const uint64_t blocks = wide ? 128 : 256;
  std::array<double, 4> kept{};
  const uint32_t wanted = wide ? 2 : 4;
  uint32_t found = 0;
  for (uint64_t i = 0; i < blocks && found < wanted; ++i) {
    std::array<double, 4> drawn = NormalBlock(random, group * blocks + i, wide);
    for (uint32_t k = 0; k < wanted && found < wanted; ++k) {
      if (std::fabs(drawn[k]) < 2.0) kept[found++] = drawn[k];
    }
  }
  return kept;
}

// As UniformGroup, of integers in [low, high), which is [low, low] when empty; `wide` for 64 bits.
inline std::array<int64_t, 4> IntegerGroup(const Philox& random, uint64_t group, int64_t low,
                                           int64_t high, bool wide) {
  Philox::Block bits = random.At(group);
  uint64_t range = high > low ? static_cast<uint64_t>(high) - static_cast<uint64_t>(low) : 1;
  auto at = [&](uint64_t value) {
    return static_cast<int64_t>(static_cast<uint64_t>(low) + value % range);
  };
  if (wide) {
    return {at(uint64_t{bits[1]} << 32 | bits[0]), at(uint64_t{bits[3]} << 32 | bits[2]), 0, 0};
  }
  return {at(bits[0]), at(bits[1]), at(bits[2]), at(bits[3])};
}

}  // namespace midstream::sdk

#endif  // MIDSTREAM_RANDOM_HPP_
