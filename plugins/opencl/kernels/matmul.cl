// y[m, n] = sum over k of a[m, k] * b[k, n]. TX: the element type.

kernel void matmul_plain(TENSOR_IN(TX, a), TENSOR_IN(TX, b), TENSOR_OUT(TX, y), int rows, int depth,
                         int columns) {
  BIND_IN(TX, a);
  BIND_IN(TX, b);
  BIND_OUT(TX, y);
  const int n = get_global_id(0);
  const int m = get_global_id(1);
  if (n >= columns || m >= rows) return;
  COMPUTE(TX) sum = 0;
  for (int k = 0; k < depth; ++k) {
    sum = fma(LOAD(TX, a, (size_t)m * depth + k), LOAD(TX, b, (size_t)k * columns + n), sum);
  }
  STORE(TX, y, (size_t)m * columns + n, sum);
}
