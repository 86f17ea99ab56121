// Softmax along the middle axis of [outer, depth, inner]. TX: the element type.

typedef COMPUTE(TX) real;

// Lines with a step, one for each work-item.
kernel void softmax_lines(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), index_t depth, index_t inner,
                          index_t items, int logarithm) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t outer = (index_t)item / inner;
  const index_t first = outer * depth * inner + ((index_t)item - outer * inner);
  x += first;
  y += first;
  real largest = -INFINITY, sum = 0;
  for (index_t i = 0; i < depth; ++i) largest = fmax(largest, LOAD(TX, x, i * inner));
  for (index_t i = 0; i < depth; ++i) sum += exp(LOAD(TX, x, i * inner) - largest);
  const real shift = logarithm ? log(sum) : 0;
  for (index_t i = 0; i < depth; ++i) {
    const real shifted = LOAD(TX, x, i * inner) - largest;
    STORE(TX, y, i * inner, logarithm ? shifted - shift : exp(shifted) / sum);
  }
}

#ifdef MS_TILES
real largest_of(COMPUTE16(TX) v) {
  real each[16];
  vstore16(v, 0, each);
  for (int k = 1; k < 16; ++k) each[0] = fmax(each[0], each[k]);
  return each[0];
}
real sum_of(COMPUTE16(TX) v) {
  real each[16];
  vstore16(v, 0, each);
  for (int width = 8; width > 0; width /= 2) {
    for (int k = 0; k < width; ++k) each[k] += each[k + width];
  }
  return each[0];
}
// Rows without a step, one for each work-item.
kernel void softmax_rows(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), index_t depth, index_t inner,
                         index_t items, int logarithm) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  x += item * depth;
  y += item * depth;
  const index_t whole = depth - depth % 16;
  real largest = -INFINITY, sum = 0;
  if (whole > 0) {
    COMPUTE16(TX) top = LOAD16(TX, x, 0), total = 0;
    for (index_t i = 16; i < whole; i += 16) top = fmax(top, LOAD16(TX, x, i));
    largest = largest_of(top);
    for (index_t i = whole; i < depth; ++i) largest = fmax(largest, LOAD(TX, x, i));
    for (index_t i = 0; i < whole; i += 16) total += exp(LOAD16(TX, x, i) - largest);
    sum = sum_of(total);
  } else {
    for (index_t i = 0; i < depth; ++i) largest = fmax(largest, LOAD(TX, x, i));
  }
  for (index_t i = whole; i < depth; ++i) sum += exp(LOAD(TX, x, i) - largest);
  const real shift = logarithm ? log(sum) : 0;
  for (index_t i = 0; i < whole; i += 16) {
    const COMPUTE16(TX) shifted = LOAD16(TX, x, i) - largest;
    if (logarithm) {
      STORE16(TX, y, i, shifted - shift);
    } else {
      STORE16(TX, y, i, exp(shifted) / sum);
    }
  }
  for (index_t i = whole; i < depth; ++i) {
    const real shifted = LOAD(TX, x, i) - largest;
    STORE(TX, y, i, logarithm ? shifted - shift : exp(shifted) / sum);
  }
}
#else
#define GROUP 64
// A work-group for each row.
kernel void softmax_rows(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), index_t depth, index_t inner,
                         index_t items, int logarithm) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  local real parts[GROUP];
  const int self = get_local_id(0);
  const size_t item = get_group_id(0);
  x += item * depth;
  y += item * depth;
  real largest = -INFINITY, sum = 0;
  for (index_t i = self; i < depth; i += GROUP) largest = fmax(largest, LOAD(TX, x, i));
  parts[self] = largest;
  for (int width = GROUP / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (self < width) parts[self] = fmax(parts[self], parts[self + width]);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  largest = parts[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (index_t i = self; i < depth; i += GROUP) sum += exp(LOAD(TX, x, i) - largest);
  parts[self] = sum;
  for (int width = GROUP / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (self < width) parts[self] += parts[self + width];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  sum = parts[0];
  const real shift = logarithm ? log(sum) : 0;
  for (index_t i = self; i < depth; i += GROUP) {
    const real shifted = LOAD(TX, x, i) - largest;
    STORE(TX, y, i, logarithm ? shifted - shift : exp(shifted) / sum);
  }
}
#endif
