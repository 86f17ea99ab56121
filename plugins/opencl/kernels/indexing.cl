// Elements picked or placed by index tensors. TX: the elements, as bits but where values are
// compared or added up; TI: the indices. An index outside its axis picks zero, and places nothing:
// a kernel cannot refuse.

// -1 for what is outside.
index_t checked(long idx, index_t size) {
  if (idx < -(long)size || idx >= (long)size) return -1;
  return (index_t)(idx < 0 ? idx + size : idx);
}

// y[outer, indices, run] = x[outer, idx, run].
kernel void gather(TENSOR_IN(TX, x), TENSOR_IN(TI, indices), TENSOR_OUT(TX, y), index_t size,
                   index_t n_indices, index_t run, index_t pieces, index_t items) {
  BIND_IN(TX, x);
  BIND_IN(TI, indices);
  BIND_OUT(TX, y);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t row = (index_t)item / pieces;
  const index_t first = ((index_t)item - row * pieces) * SPAN;
  const index_t end = min(first + SPAN, run);
  const index_t outer = row / n_indices;
  const index_t from = checked((long)LOAD(TI, indices, row - outer * n_indices), size);
  y += row * run;
  if (from < 0) {
    for (index_t i = first; i < end; ++i) y[i] = 0;
  } else {
    x += (outer * size + from) * run;
    for (index_t i = first; i < end; ++i) y[i] = x[i];
  }
}

// Where tuple `row` points to, or -1. axes: the size and step of each axis that a tuple names.
index_t tuple_place(global const long *indices, index_t row, global const index_t *axes,
                    int depth) {
  index_t place = 0;
  for (int k = 0; k < depth; ++k) {
    const index_t at = checked(indices[row * depth + k], axes[2 * k]);
    if (at < 0) return -1;
    place += at * axes[2 * k + 1];
  }
  return place;
}

kernel void gather_nd(TENSOR_IN(TX, x), TENSOR_IN(i64, indices), TENSOR_OUT(TX, y),
                      TENSOR_IN(INDEX, axes), int depth, index_t rows_each, index_t batch_step,
                      index_t run, index_t pieces, index_t items) {
  BIND_IN(TX, x);
  BIND_IN(i64, indices);
  BIND_OUT(TX, y);
  BIND_IN(INDEX, axes);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t row = (index_t)item / pieces;
  const index_t first = ((index_t)item - row * pieces) * SPAN;
  const index_t end = min(first + SPAN, run);
  const index_t from = tuple_place(indices, row, axes, depth);
  y += row * run;
  if (from < 0) {
    for (index_t i = first; i < end; ++i) y[i] = 0;
  } else {
    x += row / rows_each * batch_step + from;
    for (index_t i = first; i < end; ++i) y[i] = x[i];
  }
}

#if IS_FLOAT(TX)
#define IS_NAN(v) ((v) != (v))
#else
#define IS_NAN(v) 0
#endif

// y, a copy of the data, takes the updates in their order. mode 0: replace, 1: add, 2: multiply,
// 3: maximum, 4: minimum. A work-item goes through all updates at one place of the run.
kernel void scatter_nd(TENSOR_IN(i64, indices), TENSOR_IN(TX, updates), TENSOR_OUT(TX, y),
                       TENSOR_IN(INDEX, axes), int depth, index_t rows, index_t run, int mode) {
  BIND_IN(i64, indices);
  BIND_IN(TX, updates);
  BIND_OUT(TX, y);
  BIND_IN(INDEX, axes);
  const index_t i = get_global_id(0);
  if (i >= run) return;
  for (index_t row = 0; row < rows; ++row) {
    const index_t to = tuple_place(indices, row, axes, depth);
    if (to < 0) continue;
    const COMPUTE(TX) held = LOAD(TX, y, to + i), update = LOAD(TX, updates, row * run + i);
    COMPUTE(TX) result = update;
    if (mode == 1) result = (COMPUTE(TX))((WRAPPING(TX))held + (WRAPPING(TX))update);
    if (mode == 2) result = (COMPUTE(TX))((WRAPPING(TX))held * (WRAPPING(TX))update);
    if (mode == 3) result = update > held || IS_NAN(update) ? update : held;
    if (mode == 4) result = update < held || IS_NAN(update) ? update : held;
    STORE(TX, y, to + i, result);
  }
}

// Within the length of its batch entry each line of x runs backwards.
kernel void reverse_sequence(TENSOR_IN(TX, x), TENSOR_IN(i64, lengths), TENSOR_OUT(TX, y),
                             index_t batches, index_t batch_step, index_t times, index_t time_step,
                             index_t n) {
  BIND_IN(TX, x);
  BIND_IN(i64, lengths);
  BIND_OUT(TX, y);
  const index_t first = (index_t)get_global_id(0) * SPAN;
  const index_t end = min(first + SPAN, n);
  for (index_t i = first; i < end; ++i) {
    const index_t time = i / time_step % times;
    const long length = clamp(lengths[i / batch_step % batches], 0L, (long)times);
    const index_t from = time < length ? (index_t)length - 1 - time : time;
    y[i] = x[i + (from - time) * time_step];
  }
}

// An index in [-depth, depth) switches its place of y [outer, depth, inner] on.
kernel void one_hot(TENSOR_IN(TI, indices), TENSOR_IN(TX, values), TENSOR_OUT(TX, y), index_t depth,
                    index_t inner, index_t n) {
  BIND_IN(TI, indices);
  BIND_IN(TX, values);
  BIND_OUT(TX, y);
  const index_t first = (index_t)get_global_id(0) * SPAN;
  const index_t end = min(first + SPAN, n);
  for (index_t i = first; i < end; ++i) {
    const index_t outer = i / (depth * inner);
    const index_t at = (i - outer * depth * inner) / inner;
    const index_t place = outer * inner + i % inner;
#if IS_FLOAT(TI)
    const COMPUTE(TI) raw = LOAD(TI, indices, place);
    const long idx = raw == raw ? convert_long_sat(raw) : 0;
#else
    const long idx = convert_long_sat(LOAD(TI, indices, place));
#endif
    y[i] = values[checked(idx, depth) == at ? 1 : 0];
  }
}
