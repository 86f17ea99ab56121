// Moves elements. TX: an unsigned type as wide as they are.

// y[row] = x[row] with any steps; the rows of y are contiguous or strided.
kernel void copy(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), index_t y_step, index_t x_step,
                 WALK_PARAMETERS) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  WALK_OR_RETURN(2);
  y += at[0] + first * y_step;
  x += at[1] + first * x_step;
  if (x_step == 1 && y_step == 1) {
    for (index_t i = 0; i < count; ++i) y[i] = x[i];
  } else {
    for (index_t i = 0; i < count; ++i) y[i * y_step] = x[i * x_step];
  }
}

kernel void fill(TENSOR_OUT(TX, y), long n, ulong bits) {
  BIND_OUT(TX, y);
  const long first = (long)get_global_id(0) * SPAN;
  const long end = min(first + SPAN, n);
  for (long i = first; i < end; ++i) y[i] = (STORAGE(TX))bits;
}

// What stands at `position` of an axis of `size`, or -1. mode 0: a constant, 1: the mirror image
// without the edge, 2: the edge.
index_t padded(int mode, index_t position, index_t size) {
  if (position >= 0 && position < size) return position;
  if (mode == 0 || size == 0) return -1;
  if (mode == 2) return clamp(position, (index_t)0, size - 1);
  return clamp(position < 0 ? -position : 2 * (size - 1) - position, (index_t)0, size - 1);
}

// axes: for each axis the size of y, the padding before x, the size of x, its step in x.
kernel void pad(TENSOR_IN(TX, x), TENSOR_IN(TX, value), TENSOR_OUT(TX, y), TENSOR_IN(INDEX, axes),
                int rank, int mode, int has_value, index_t length, index_t pieces, index_t items) {
  BIND_IN(TX, x);
  BIND_IN(TX, value);
  BIND_OUT(TX, y);
  BIND_IN(INDEX, axes);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  index_t row = (index_t)item / pieces;
  const index_t first = ((index_t)item - row * pieces) * SPAN;
  const index_t end = min(first + SPAN, length);
  y += row * length;
  index_t start = 0;
  for (int k = rank - 2; k >= 0; --k) {
    global const index_t *axis = axes + 4 * k;
    const index_t above = row / axis[0];
    const index_t from = padded(mode, row - above * axis[0] - axis[1], axis[2]);
    start = from < 0 || start < 0 ? -1 : start + from * axis[3];
    row = above;
  }
  const STORAGE(TX) constant_value = has_value ? value[0] : 0;
  global const index_t *last = axes + 4 * (rank - 1);
  for (index_t i = first; i < end; ++i) {
    const index_t from = start < 0 ? -1 : padded(mode, i - last[1], last[2]);
    y[i] = from < 0 ? constant_value : x[start + from];
  }
}
