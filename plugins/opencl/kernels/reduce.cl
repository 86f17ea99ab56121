// Reductions over the middle axis of [outer, depth, inner]. TX: the input, TY: the output, which is
// the type of the sums between passes. A work-item (a work-group, for rows without MS_TILES) folds one part
// of the depth of at most `part` elements; y is [outer, parts, inner].

#if IS_FLOAT(TX)
typedef REAL(TX) sum_t;
#else
// Integers are folded in 64 bits.
#define SUM_i8 long
#define SUM_i16 long
#define SUM_i32 long
#define SUM_i64 long
#define SUM_u8 ulong
#define SUM_u16 ulong
#define SUM_u32 ulong
#define SUM_u64 ulong
typedef CAT(SUM_, TX) sum_t;
#endif

#define GROUP 64  // work-items that fold a row without MS_TILES

// A negative divisor: none.
sum_t finished(sum_t sum, long divisor) {
#if IS_FLOAT(TX)
  return divisor < 0 ? sum : sum / (sum_t)divisor;
#else
  return divisor < 0 ? sum : divisor == 0 ? 0 : sum / (sum_t)divisor;
#endif
}

#define PARAMETERS                                                                              \
  TENSOR_IN(TX, x), TENSOR_OUT(TY, y), sum_t start, index_t depth, index_t inner, index_t part, \
      index_t parts, index_t items, long divisor

#ifdef MS_TILES
#define COLUMNS 16  // of a work-item
#if IS_VECTOR(TX)
#define ROW_VECTORS(STEP)                                             \
  COMPUTE16(TX) many = (COMPUTE16(TX))start;                          \
  for (; i + 16 <= n; i += 16) many = STEP(many, LOAD16(TX, x, i));   \
  sum_t few[16];                                                      \
  vstore16(many, 0, few);                                             \
  for (int width = 8; width > 0; width /= 2) {                        \
    for (int k = 0; k < width; ++k) few[k] = STEP(few[k], few[k + width]); \
  }                                                                   \
  sum = few[0];
#define COLUMN_VECTORS(STEP)                                                       \
  if (width == 16) {                                                               \
    COMPUTE16(TX) many = (COMPUTE16(TX))start;                                     \
    for (index_t i = 0; i < n; ++i) many = STEP(many, LOAD16(TX, x, i * inner));   \
    sum_t each[16];                                                                \
    vstore16(many, 0, each);                                                       \
    for (int k = 0; k < 16; ++k) STORE(TY, y, k, CONVERT(TY, finished(each[k], divisor))); \
    return;                                                                        \
  }
#else
#define ROW_VECTORS(STEP)
#define COLUMN_VECTORS(STEP)
#endif
#define ROWS(NAME, STEP)                                                        \
  kernel void NAME##_rows(PARAMETERS) {                                         \
    BIND_IN(TX, x);                                                             \
    BIND_OUT(TY, y);                                                            \
    const size_t item = get_global_id(0);                                       \
    if (item >= (size_t)items) return;                                          \
    const index_t row = (index_t)item / parts;                                  \
    const index_t begin = ((index_t)item - row * parts) * part;                 \
    const index_t n = min(part, depth - begin);                                 \
    x += row * depth + begin;                                                   \
    sum_t sum = start;                                                          \
    index_t i = 0;                                                              \
    ROW_VECTORS(STEP)                                                           \
    for (; i < n; ++i) sum = STEP(sum, (sum_t)LOAD(TX, x, i));                  \
    STORE(TY, y, item, CONVERT(TY, finished(sum, divisor)));                    \
  }
#else
#define COLUMNS 1
#define COLUMN_VECTORS(STEP)
#define ROWS(NAME, STEP)                                                        \
  kernel void NAME##_rows(PARAMETERS) {                                         \
    BIND_IN(TX, x);                                                             \
    BIND_OUT(TY, y);                                                            \
    local sum_t sums[GROUP];                                                    \
    const int self = get_local_id(0);                                           \
    const index_t item = get_group_id(0);                                       \
    const index_t row = item / parts;                                           \
    const index_t begin = (item - row * parts) * part;                          \
    const index_t n = min(part, depth - begin);                                 \
    x += row * depth + begin;                                                   \
    sum_t sum = start;                                                          \
    for (index_t i = self; i < n; i += GROUP) sum = STEP(sum, (sum_t)LOAD(TX, x, i)); \
    sums[self] = sum;                                                           \
    for (int width = GROUP / 2; width > 0; width /= 2) {                        \
      barrier(CLK_LOCAL_MEM_FENCE);                                             \
      if (self < width) sums[self] = STEP(sums[self], sums[self + width]);      \
    }                                                                           \
    if (self == 0) STORE(TY, y, item, CONVERT(TY, finished(sums[0], divisor))); \
  }
#endif

#define REDUCTION(NAME, STEP)                                                   \
  ROWS(NAME, STEP)                                                              \
  kernel void NAME##_columns(PARAMETERS) {                                      \
    BIND_IN(TX, x);                                                             \
    BIND_OUT(TY, y);                                                            \
    const size_t item = get_global_id(0);                                       \
    if (item >= (size_t)items) return;                                          \
    const index_t pieces = (inner + COLUMNS - 1) / COLUMNS;                     \
    const index_t above = (index_t)item / pieces;                               \
    const index_t first = ((index_t)item - above * pieces) * COLUMNS;           \
    const index_t outer = above / parts;                                        \
    const index_t begin = (above - outer * parts) * part;                       \
    const index_t n = min(part, depth - begin);                                 \
    const int width = (int)min((index_t)COLUMNS, inner - first);                \
    x += (outer * depth + begin) * inner + first;                               \
    y += above * inner + first;                                                 \
    COLUMN_VECTORS(STEP)                                                        \
    for (int k = 0; k < width; ++k) {                                           \
      sum_t sum = start;                                                        \
      for (index_t i = 0; i < n; ++i) sum = STEP(sum, (sum_t)LOAD(TX, x, i * inner + k)); \
      STORE(TY, y, k, CONVERT(TY, finished(sum, divisor)));                     \
    }                                                                           \
  }

#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#define LARGER(a, b) ((b) <= (a) ? (a) : (b))
#define SMALLER(a, b) ((b) >= (a) ? (a) : (b))
REDUCTION(reduce_sum, PLUS)
REDUCTION(reduce_prod, TIMES)
REDUCTION(reduce_max, LARGER)
REDUCTION(reduce_min, SMALLER)
