// Whole rows at a time: normalisation, and the weights of attention. TX: the element type.
//
// With -DMS_TILES a work-item takes a row, else a work-group of GROUP does; ROW_OR_RETURN tells the row, and
// JOIN_SUM and JOIN_MAX what all of its work-items have found. Every work-item of a group comes by every one.

typedef COMPUTE(TX) real;

#ifdef MS_TILES
#define GROUP 1
#define SELF 0
#define ROW_OR_RETURN(rows)                \
  const index_t row = (index_t)get_global_id(0); \
  if (get_global_id(0) >= (size_t)(rows)) return
#define PARTS
#define JOIN_SUM(value) (value)
#define JOIN_MAX(value) (value)
#else
#define GROUP 64
#define SELF ((int)get_local_id(0))
#define ROW_OR_RETURN(rows) const index_t row = (index_t)get_group_id(0)
#define PARTS local real parts[GROUP]
#define JOIN_SUM(value) join_sum(value, parts)
#define JOIN_MAX(value) join_max(value, parts)
real sum_of_two(real a, real b) { return a + b; }
#define DEFINE_JOIN(NAME, F)                                 \
  real NAME(real value, local real *parts) {                 \
    const int self = get_local_id(0);                        \
    parts[self] = value;                                     \
    for (int width = GROUP / 2; width > 0; width /= 2) {     \
      barrier(CLK_LOCAL_MEM_FENCE);                          \
      if (self < width) parts[self] = F(parts[self], parts[self + width]); \
    }                                                        \
    barrier(CLK_LOCAL_MEM_FENCE);                            \
    const real result = parts[0];                            \
    barrier(CLK_LOCAL_MEM_FENCE);                            \
    return result;                                           \
  }
DEFINE_JOIN(join_sum, sum_of_two)
DEFINE_JOIN(join_max, fmax)
#endif

#ifdef TP
// (x - mean) / sqrt(variance + epsilon) * scale + shift over rows of n elements; RMS has neither mean
// nor shift. `axes` holds sizes, steps of scale and steps of shift, for `outer` axes before the row and
// then for `inner` axes of it; with plain, scale and shift run along the row as x does.
kernel void normalize_rows(TENSOR_IN(TX, x), TENSOR_IN(TP, scale), TENSOR_IN(TQ, shift),
                           TENSOR_OUT(TX, y), TENSOR_IN(INDEX, axes), int outer, int inner,
                           int plain, index_t n, index_t rows, REAL(TX) epsilon, int centred,
                           int has_shift) {
  BIND_IN(TX, x);
  BIND_IN(TP, scale);
  BIND_IN(TQ, shift);
  BIND_OUT(TX, y);
  BIND_IN(INDEX, axes);
  PARTS;
  ROW_OR_RETURN(rows);
  x += row * n;
  y += row * n;
  index_t start[2], at[2];
  walk_to(axes, outer, row, 2, start);
  real mean = 0, squares = 0;
  if (centred) {
    for (index_t i = SELF; i < n; i += GROUP) mean += LOAD(TX, x, i);
    mean = JOIN_SUM(mean) / (real)n;
  }
  for (index_t i = SELF; i < n; i += GROUP) {
    const real value = LOAD(TX, x, i) - mean;
    squares += value * value;
  }
  const real root = sqrt(JOIN_SUM(squares) / (real)n + epsilon);
  for (index_t i = SELF; i < n; i += GROUP) {
    at[0] = at[1] = i;
    if (!plain) walk_to(axes + 3 * outer, inner, i, 2, at);
    real value = (LOAD(TX, x, i) - mean) / root * CONVERT(TX, LOAD(TP, scale, start[0] + at[0]));
    if (has_shift) value += CONVERT(TX, LOAD(TQ, shift, start[1] + at[1]));
    STORE(TX, y, i, value);
  }
}
#endif

#ifdef TM
#define IS_SEEN_b8(value) (value)
#define IS_SEEN_f16(value) 1
#define IS_SEEN_bf16(value) 1
#define IS_SEEN_f32(value) 1
#define IS_SEEN_f64(value) 1
#define ADDED_b8(value) 0
#define ADDED_f16(value) CONVERT(TX, value)
#define ADDED_bf16(value) CONVERT(TX, value)
#define ADDED_f32(value) CONVERT(TX, value)
#define ADDED_f64(value) CONVERT(TX, value)

// Scores [heads, queries, keys] -> weights, in place; zeros where no key is seen. The steps tell how
// the mask broadcasts.
kernel void weigh_scores(TENSOR_OUT(TX, scores), TENSOR_IN(TM, mask), index_t queries, index_t keys,
                         index_t rows, index_t head_step, index_t query_step, index_t key_step,
                         int has_mask) {
  BIND_OUT(TX, scores);
  BIND_IN(TM, mask);
  PARTS;
  ROW_OR_RETURN(rows);
  scores += row * keys;
  mask += row / queries * head_step + row % queries * query_step;
  real largest = -INFINITY, sum = 0;
  for (index_t i = SELF; i < keys; i += GROUP) {
    real value = LOAD(TX, scores, i);
    if (has_mask) {
      const COMPUTE(TM) said = LOAD(TM, mask, i * key_step);
      value = CAT(IS_SEEN_, TM)(said) ? value + CAT(ADDED_, TM)(said) : -INFINITY;
      STORE(TX, scores, i, value);
    }
    largest = fmax(largest, value);
  }
  largest = JOIN_MAX(largest);
  const int none = largest == -INFINITY;
  for (index_t i = SELF; i < keys; i += GROUP) {
    const real weight = none ? 0 : exp(LOAD(TX, scores, i) - largest);
    STORE(TX, scores, i, weight);
    sum += weight;
  }
  sum = JOIN_SUM(sum);
  const real factor = none ? 0 : 1 / sum;
  for (index_t i = SELF; i < keys; i += GROUP) {
    STORE(TX, scores, i, LOAD(TX, scores, i) * factor);
  }
}
#endif
