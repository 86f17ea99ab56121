// Running sums and products, ranks, and numbers in steps. TX: the element type.

#if IS_FLOAT(TX)
#define ADDED(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#else
#define ADDED(a, b) ((COMPUTE(TX))((WRAPPING(TX))(a) + (WRAPPING(TX))(b)))
#define TIMES(a, b) ((COMPUTE(TX))((WRAPPING(TX))(a) * (ulong)(WRAPPING(TX))(b)))
#endif

// Along the middle axis of [outer, depth, inner], a line for each work-item.
kernel void cumulate(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), index_t depth, index_t inner,
                     index_t items, int product, int exclusive, int reverse) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t outer = (index_t)item / inner;
  const index_t start = outer * depth * inner + ((index_t)item - outer * inner);
  COMPUTE(TX) so_far = product ? 1 : 0;
  for (index_t k = 0; k < depth; ++k) {
    const index_t at = start + (reverse ? depth - 1 - k : k) * inner;
    const COMPUTE(TX) value = LOAD(TX, x, at);
    const COMPUTE(TX) next = product ? TIMES(so_far, value) : ADDED(so_far, value);
    STORE(TX, y, at, exclusive ? so_far : next);
    so_far = next;
  }
}

// Whether a comes before b; a NaN counts as the largest, of equal ones the first comes first.
int above(COMPUTE(TX) a, COMPUTE(TX) b) { return a > b || (a != a && b == b); }
int before(COMPUTE(TX) a, index_t a_at, COMPUTE(TX) b, index_t b_at, int largest) {
  if (largest ? above(a, b) : above(b, a)) return 1;
  if (largest ? above(b, a) : above(a, b)) return 0;
  return a_at < b_at;
}

// The first `n` of each line in order, a line for each work-item.
kernel void top(TENSOR_IN(TX, x), TENSOR_OUT(TX, values), TENSOR_OUT(i64, places), index_t depth,
                index_t inner, index_t n, index_t items, int largest) {
  BIND_IN(TX, x);
  BIND_OUT(TX, values);
  BIND_OUT(i64, places);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t outer = (index_t)item / inner;
  const index_t column = (index_t)item - outer * inner;
  x += outer * depth * inner + column;
  index_t last = -1;
  COMPUTE(TX) last_value = 0;
  for (index_t k = 0; k < n; ++k) {
    index_t best = -1;
    COMPUTE(TX) best_value = 0;
    for (index_t i = 0; i < depth; ++i) {
      const COMPUTE(TX) value = LOAD(TX, x, i * inner);
      const int open = last < 0 || before(last_value, last, value, i, largest);
      if (open && (best < 0 || before(value, i, best_value, best, largest))) {
        best = i;
        best_value = value;
      }
    }
    const index_t to = (outer * n + k) * inner + column;
    STORE(TX, values, to, best_value);
    places[to] = best;
    last = best;
    last_value = best_value;
  }
}

// start + i * delta; no error builds up.
kernel void range(TENSOR_IN(TX, start), TENSOR_IN(TX, delta), TENSOR_OUT(TX, y), long n) {
  BIND_IN(TX, start);
  BIND_IN(TX, delta);
  BIND_OUT(TX, y);
  const long first = (long)get_global_id(0) * SPAN;
  const long end = min(first + SPAN, n);
  if (first >= end) return;
  const COMPUTE(TX) from = LOAD(TX, start, 0), step = LOAD(TX, delta, 0);
  for (long i = first; i < end; ++i) STORE(TX, y, i, ADDED(from, TIMES((COMPUTE(TX))i, step)));
}
