// Position of the extreme along the middle axis of [outer, depth, inner]: the first of equal ones,
// or the last if asked for. TX: the element type.

kernel void arg_extreme(TENSOR_IN(TX, x), TENSOR_OUT(i64, y), index_t depth, index_t inner,
                        index_t items, int largest, int last) {
  BIND_IN(TX, x);
  BIND_OUT(i64, y);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t outer = (index_t)item / inner;
  x += outer * depth * inner + ((index_t)item - outer * inner);
  index_t best = 0;
  COMPUTE(TX) held = LOAD(TX, x, 0);
  for (index_t i = 1; i < depth; ++i) {
    const COMPUTE(TX) value = LOAD(TX, x, i * inner);
    const int better = largest ? value > held : value < held;
    if (better || (last && value == held)) {
      best = i;
      held = value;
    }
  }
  y[item] = best;
}
