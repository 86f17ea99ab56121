// Pooling over windows of up to three axes. TX: the element type.
//
// axes holds, for each of three axes: sizes of the input, the output and the window, stride,
// dilation, padding at the begin and the end, and the input's step. A work-item makes one
// output position of one channel, or of several that follow each other in memory.

#define LOWEST_f16 (-INFINITY)
#define LOWEST_bf16 (-INFINITY)
#define LOWEST_f32 (-INFINITY)
#define LOWEST_f64 (-INFINITY)
#define LOWEST_i8 CHAR_MIN
#define LOWEST_i16 SHRT_MIN
#define LOWEST_i32 INT_MIN
#define LOWEST_i64 LONG_MIN
#define LOWEST_u8 0
#define LOWEST_u16 0
#define LOWEST_u32 0
#define LOWEST_u64 0
#define LOWEST(T) CAT(LOWEST_, T)

// Which cells [low, high) of a window lie in the input along one axis, and how many lie in the
// padded one.
typedef struct {
  index_t first;  // position of cell 0
  index_t low;
  index_t high;
  index_t padded;
} reach_t;
reach_t reach_of(global const index_t *axis, index_t at) {
  const index_t size = axis[0], window = axis[2], dilation = axis[4];
  reach_t reach;
  reach.first = at * axis[3] - axis[5];
  reach.low = reach.first < 0 ? (-reach.first + dilation - 1) / dilation : 0;
  reach.high = clamp((size - reach.first + dilation - 1) / dilation, (index_t)0, window);
  reach.padded =
      clamp((size + axis[6] - reach.first + dilation - 1) / dilation, (index_t)0, window);
  return reach;
}

#define FOR_CELLS(BODY)                                                                     \
  for (index_t i = r0.low; i < r0.high; ++i) {                                              \
    for (index_t j = r1.low; j < r1.high; ++j) {                                            \
      for (index_t k = r2.low; k < r2.high; ++k) {                                          \
        const index_t from = (r0.first + i * axes[4]) * axes[7] +                           \
                             (r1.first + j * axes[12]) * axes[15] +                         \
                             (r2.first + k * axes[20]) * axes[23];                          \
        BODY;                                                                               \
      }                                                                                     \
    }                                                                                       \
  }

// x_image: elements of an image (a batch entry, and a channel where channels come first); channels:
// how many lie side by side; blocks: how many of them, or of groups of them, are made.
#define PARAMETERS                                                                          \
  TENSOR_IN(TX, x), TENSOR_OUT(TX, y), TENSOR_IN(INDEX, axes), index_t x_image,             \
      index_t channels, index_t blocks, index_t items, int include_pad
#define START(WIDTH)                                                                        \
  BIND_IN(TX, x);                                                                           \
  BIND_OUT(TX, y);                                                                          \
  BIND_IN(INDEX, axes);                                                                     \
  const size_t item = get_global_id(0);                                                     \
  if (item >= (size_t)items) return;                                                        \
  index_t rest = (index_t)item / blocks;                                                    \
  const index_t channel = ((index_t)item - rest * blocks) * WIDTH;                          \
  const index_t place = rest;                                                               \
  index_t above = rest / axes[17];                                                          \
  const reach_t r2 = reach_of(axes + 16, rest - above * axes[17]);                          \
  rest = above;                                                                             \
  above = rest / axes[9];                                                                   \
  const reach_t r1 = reach_of(axes + 8, rest - above * axes[9]);                            \
  rest = above;                                                                             \
  above = rest / axes[1];                                                                   \
  const reach_t r0 = reach_of(axes, rest - above * axes[1]);                                \
  x += above * x_image + channel;                                                           \
  y += place * channels + channel

#define LARGER(a, b) ((b) > (a) ? (b) : (a))
// Cells inside the input, or also in the padding.
#define COUNT_CELLS                                                \
  (include_pad ? r0.padded * r1.padded * r2.padded                 \
               : (r0.high - r0.low) * (r1.high - r1.low) * (r2.high - r2.low))

kernel void max_pool_1(PARAMETERS) {
  START(1);
  COMPUTE(TX) best = LOWEST(TX);
  FOR_CELLS(best = LARGER(best, LOAD(TX, x, from)))
  STORE(TX, y, 0, best);
}
#if IS_FLOAT(TX)
kernel void average_pool_1(PARAMETERS) {
  START(1);
  COMPUTE(TX) sum = 0;
  FOR_CELLS(sum += LOAD(TX, x, from))
  STORE(TX, y, 0, sum / CONVERT(TX, COUNT_CELLS));
}
#endif

#if IS_VECTOR(TX)
#define WIDE_f16(x, i, N) CAT(vload_half, N)(0, (x) + (i))
#define WIDE_bf16(x, i, N) CAT(as_float, N)(CAT(convert_uint, N)(CAT(vload, N)(0, (x) + (i))) << 16)
#define WIDE_f32(x, i, N) CAT(vload, N)(0, (x) + (i))
#define WIDE_f64(x, i, N) CAT(vload, N)(0, (x) + (i))
#define WIDE(T, x, i, N) CAT(WIDE_, T)(x, i, N)
#define STORE_WIDE(N, value)                                       \
  COMPUTE(TX) each[N];                                             \
  CAT(vstore, N)(value, 0, each);                                  \
  for (int k = 0; k < N; ++k) STORE(TX, y, k, each[k])

#define POOLS(N)                                                   \
  kernel void max_pool_##N(PARAMETERS) {                           \
    START(N);                                                      \
    typedef CAT(COMPUTE(TX), N) wide;                              \
    wide best = (wide)((COMPUTE(TX))LOWEST(TX));                   \
    FOR_CELLS(best = LARGER(best, WIDE(TX, x, from, N)))           \
    STORE_WIDE(N, best);                                           \
  }                                                                \
  kernel void average_pool_##N(PARAMETERS) {                       \
    START(N);                                                      \
    typedef CAT(COMPUTE(TX), N) wide;                              \
    wide sum = (wide)((COMPUTE(TX))0);                             \
    FOR_CELLS(sum += WIDE(TX, x, from, N))                         \
    STORE_WIDE(N, sum / CONVERT(TX, COUNT_CELLS));                 \
  }
POOLS(4)
POOLS(8)
POOLS(16)
#endif
