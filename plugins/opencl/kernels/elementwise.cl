// Element by element. TX: the element type.

kernel void relu(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), long n) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const size_t i = get_global_id(0);
  if (i >= (size_t)n) return;
  const COMPUTE(TX) v = LOAD(TX, x, i);
  STORE(TX, y, i, v < ZERO(TX) ? ZERO(TX) : v);
}
