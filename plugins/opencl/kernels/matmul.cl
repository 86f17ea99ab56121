// Plain products, for integers. TX: the element type; sums wrap around.

typedef struct {
  int rows, columns, depth;
  int a_row_step, a_depth_step, b_depth_step, b_column_step;
  int c_row_step, c_column_step;
  int has_c;
} matmul_t;

kernel void matmul(TENSOR_IN(TX, a), TENSOR_IN(TX, b), TENSOR_IN(TX, c), TENSOR_OUT(TX, y),
                   TENSOR_IN(i64, batches), matmul_t s) {
  BIND_IN(TX, a);
  BIND_IN(TX, b);
  BIND_IN(TX, c);
  BIND_OUT(TX, y);
  BIND_IN(i64, batches);
  const int n = get_global_id(0), m = get_global_id(1);
  if (n >= s.columns || m >= s.rows) return;
  batches += get_global_id(2) * 4;
  a += batches[0] + (size_t)m * s.a_row_step;
  b += batches[1] + (size_t)n * s.b_column_step;
  COMPUTE(TX) sum = s.has_c ? c[(size_t)m * s.c_row_step + (size_t)n * s.c_column_step] : ZERO(TX);
  for (int k = 0; k < s.depth; ++k)
    sum += a[(size_t)k * s.a_depth_step] * b[(size_t)k * s.b_depth_step];
  y[batches[2] + (size_t)m * s.columns + n] = sum;
}
