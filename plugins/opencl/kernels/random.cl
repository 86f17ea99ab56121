// Random numbers by counter (Philox4x32-10), as sdk/include/midstream/random.hpp has them: what an
// element is depends on key, stream and index alone. TX: the element type.

// Elements of a block of bits: two of 64 bits (-DWIDE_ELEMENTS=1), else four.
#define GROUP_SIZE (WIDE_ELEMENTS ? 2 : 4)

uint4 philox(uint4 counter, uint2 key) {
  for (int round = 0; round < 10; ++round) {
    const uint low0 = 0xd2511f53u * counter.s0, high0 = mul_hi(0xd2511f53u, counter.s0);
    const uint low1 = 0xcd9e8d57u * counter.s2, high1 = mul_hi(0xcd9e8d57u, counter.s2);
    counter = (uint4)(high1 ^ counter.s1 ^ key.s0, low1, high0 ^ counter.s3 ^ key.s1, low0);
    key += (uint2)(0x9e3779b9u, 0xbb67ae85u);
  }
  return counter;
}
// The key in .lo, the upper half of the counter in .hi.
uint4 generator(global const long *key, long stream) {
  const ulong a = (ulong)key[0] ^ (ulong)stream, b = (ulong)key[1];
  return philox((uint4)((uint)a, (uint)(a >> 32), (uint)b, (uint)(b >> 32)),
                (uint2)(0x3ec8f720u, 0x02461e29u));
}
uint4 block_at(uint4 generator, ulong idx) {
  return philox((uint4)((uint)idx, (uint)(idx >> 32), generator.s2, generator.s3), generator.lo);
}

#define PARAMETERS TENSOR_IN(i64, key), TENSOR_OUT(TX, y), long n, long stream
#define START                                                   \
  BIND_IN(i64, key);                                            \
  BIND_OUT(TX, y);                                              \
  const long group = get_global_id(0);                          \
  const long first = group * GROUP_SIZE;                        \
  if (first >= n) return;                                       \
  const int count = (int)min((long)GROUP_SIZE, n - first);      \
  const uint4 random = generator(key, stream)

#if IS_FLOAT(TX)
// In [0, 1), of as many bits as the mantissa holds.
kernel void random_uniform(PARAMETERS, int mantissa) {
  START;
  const uint4 bits = block_at(random, group);
#if WIDE_ELEMENTS
  const double unit[2] = {((ulong)(bits.s0 & 0xfffffu) << 32 | bits.s1) * 0x1p-52,
                          ((ulong)(bits.s2 & 0xfffffu) << 32 | bits.s3) * 0x1p-52};
#else
  const uint mask = (1u << mantissa) - 1;
  const float scale = 1.0f / (float)(1u << mantissa);
  const float unit[4] = {(float)(bits.s0 & mask) * scale, (float)(bits.s1 & mask) * scale,
                         (float)(bits.s2 & mask) * scale, (float)(bits.s3 & mask) * scale};
#endif
  for (int k = 0; k < count; ++k) STORE(TX, y, first + k, unit[k]);
}

#ifdef MS_FP64
// Two normal numbers from two uniform ones (Box and Muller).
double2 normal_pair(double u, double v) {
  const double radius = sqrt(-2.0 * log(u < 1e-7 ? 1e-7 : u));
  const double angle = 6.283185307179586476925286766559 * v;
  return (double2)(sin(angle) * radius, cos(angle) * radius);
}
double4 normal_block(uint4 random, ulong idx) {
  const uint4 bits = block_at(random, idx);
#if WIDE_ELEMENTS
  const double u = ((ulong)(bits.s0 & 0xfffffu) << 32 | bits.s1) * 0x1p-52;
  const double v = ((ulong)(bits.s2 & 0xfffffu) << 32 | bits.s3) * 0x1p-52;
  return (double4)(normal_pair(u, v), 0, 0);
#else
  const double4 unit = convert_double4(bits & 0x7fffffu) * 0x1p-23;
  return (double4)(normal_pair(unit.s0, unit.s1), normal_pair(unit.s2, unit.s3));
#endif
}
// Truncated: each group has blocks of its own, from which the numbers in (-2, 2) are taken.
kernel void random_normal(PARAMETERS, int truncated) {
  START;
  double kept[4] = {0, 0, 0, 0};
  const int wanted = GROUP_SIZE, blocks = truncated ? 64 * GROUP_SIZE : 1;
  int found = 0;
  for (int i = 0; i < blocks && found < wanted; ++i) {
    double drawn[4];
    vstore4(normal_block(random, (ulong)group * blocks + i), 0, drawn);
    for (int k = 0; k < wanted && found < wanted; ++k) {
      if (!truncated || fabs(drawn[k]) < 2.0) kept[found++] = drawn[k];
    }
  }
  for (int k = 0; k < count; ++k) STORE(TX, y, first + k, CONVERT(TX, kept[k]));
}
#endif

#else
// In [low, high), by remainder; always low when that is empty.
kernel void random_integer(PARAMETERS, TENSOR_IN(TX, low), TENSOR_IN(TX, high)) {
  START;
  BIND_IN(TX, low);
  BIND_IN(TX, high);
  const long from = low[0], to = high[0];
  const ulong range = to > from ? (ulong)to - (ulong)from : 1;
  const uint4 bits = block_at(random, group);
#if WIDE_ELEMENTS
  const ulong drawn[2] = {(ulong)bits.s1 << 32 | bits.s0, (ulong)bits.s3 << 32 | bits.s2};
#else
  const ulong drawn[4] = {bits.s0, bits.s1, bits.s2, bits.s3};
#endif
  for (int k = 0; k < count; ++k) y[first + k] = (STORAGE(TX))((ulong)from + drawn[k] % range);
}
#endif
