// Pairs of a head turned by the angles of its position. TX: the element type, TC: that of the caches.

// A unit is a pair, or one of the elements behind the rotated ones; `units` of them make a row. Rows
// are [samples][heads][positions] (split) or [samples][positions][heads].
kernel void rotate_heads(TENSOR_IN(TX, x), TENSOR_IN(TC, cosine), TENSOR_IN(TC, sine),
                   TENSOR_IN(i64, positions), TENSOR_OUT(TX, y), index_t width, index_t half_width,
                   index_t units, index_t heads, index_t length, index_t cached, int split,
                   int interleaved, index_t pieces, index_t items) {
  BIND_IN(TX, x);
  BIND_IN(TC, cosine);
  BIND_IN(TC, sine);
  BIND_IN(i64, positions);
  BIND_OUT(TX, y);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t row = (index_t)item / pieces;
  const index_t first = ((index_t)item - row * pieces) * SPAN;
  const index_t end = min(first + SPAN, units);
  const index_t place = split ? row % length : row / heads % length;
  long angle = (long)(row / (heads * length)) * length + place;
  int inside = 1;
  if (cached > 0) {  // rows of the caches are chosen by number
    angle = positions[angle];
    inside = angle >= 0 && angle < cached;
  }
  x += row * width;
  y += row * width;
  for (index_t i = first; i < end; ++i) {
    if (i >= half_width) {
      const index_t at = i + half_width;
      STORE(TX, y, at, LOAD(TX, x, at));
      continue;
    }
    const size_t at = inside ? (size_t)angle * half_width + i : 0;
    const COMPUTE(TX) c = inside ? CONVERT(TX, LOAD(TC, cosine, at)) : ZERO(TX);
    const COMPUTE(TX) s = inside ? CONVERT(TX, LOAD(TC, sine, at)) : ZERO(TX);
    const index_t p = interleaved ? 2 * i : i, q = interleaved ? 2 * i + 1 : i + half_width;
    const COMPUTE(TX) a = LOAD(TX, x, p), b = LOAD(TX, x, q);
    STORE(TX, y, p, a * c - b * s);
    STORE(TX, y, q, a * s + b * c);
  }
}
