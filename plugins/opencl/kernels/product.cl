// Products of gathered rows with a packed matrix: matrix products and convolutions alike.
//
//   y[m, n] = activation(alpha * sum over k of a(m, k) * b[k, n] + beta * c[m, n])
//
// Row m of `a` is pixel m of an image (a matrix is an image of height 1): it starts at an address
// made from the pixel's place, and its `depth` elements come in segments (the rows of a filter) of
// segment_depth elements. `b` lies in panels of WIDTH columns: [panel][k][column], zero behind the
// last column. Sums run over k in order in every variant, so the bits do not depend on which is used.
//
// TA TB TC TY: element types; TS: type of the sums, f32 or f64.
// -DTILES   one work-item computes ROWS rows by PANELS panels in registers: for devices whose
//           work-items own vector registers. A panel is VECTORS vectors of LANES wide.
// -DGROUPS  a work-group of 16x16 computes 64 rows by one panel of 64 columns through local memory.

typedef struct {
  int rows, columns, depth;
  int width, height;                             // of the image that the rows are
  int image_step, y_step, x_step, depth_step;    // elements of a
  int segments_across, segment_depth, down_step, across_step;
  int y_row_step;                                // elements of y from row to row
  int c_row_step, c_column_step;
  int activation;                                // as below
  int has_c;
} product_t;

#define SUM COMPUTE(TS)
typedef CAT(SUM, 4) factors_t;  // alpha, beta, and the parameters of the activation

size_t row_start(const product_t s, int m) {
  m = min(m, s.rows - 1);  // rows behind the last repeat it and are not stored
  const int x = m % s.width;
  const int y = m / s.width % s.height;
  return (size_t)(m / s.width / s.height) * s.image_step + (size_t)y * s.y_step +
         (size_t)x * s.x_step;
}

// Macros, since they serve scalars and vectors.
#define ACTIVATE(v)                                                              \
  switch (s.activation) {                                                        \
    case 1: v = v < ZERO_SUM ? ZERO_SUM : v; break;                              \
    case 2: v = v < P0 ? P0 : v; v = v > P1 ? P1 : v; break;                     \
    case 3: v = v < ZERO_SUM ? v * P0 : v; break;                                \
    case 4: v = v < ZERO_SUM ? P0 * expm1(v) : v; break;                         \
    case 5: v = ONE_SUM / (ONE_SUM + exp(-v)); break;                            \
    case 6: v = tanh(v); break;                                                  \
    case 7: v = v / (ONE_SUM + exp(v * (P0 + P1 * v * v))); break;               \
  }

#ifdef TILES
#define WIDTH (VECTORS * LANES)
#define VEC CAT(SUM, LANES)
#define TO_VEC CAT(convert_, VEC)
#define FLOATS CAT(float, LANES)
#define ZERO_SUM ((VEC)(0))
#define ONE_SUM ((VEC)(1))
#define P0 ((VEC)(factors.z))
#define P1 ((VEC)(factors.w))

#define VLOAD_f32(p) TO_VEC(CAT(vload, LANES)(0, p))
#define VLOAD_f64(p) TO_VEC(CAT(vload, LANES)(0, p))
#define VLOAD_f16(p) TO_VEC(CAT(vload_half, LANES)(0, p))
#define VLOAD_bf16(p) \
  TO_VEC(CAT(as_, FLOATS)(CAT(convert_uint, LANES)(CAT(vload, LANES)(0, p)) << 16))
#define VLOAD(T, p) CAT(VLOAD_, T)(p)

VEC load_c(global const STORAGE(TC) * c, const product_t s, int m, int n) {
  global const STORAGE(TC) *from = c + (size_t)m * s.c_row_step;
  if (s.c_column_step == 1 && n + LANES <= s.columns) return VLOAD(TC, from + n);
  SUM lanes[LANES];
  for (int j = 0; j < LANES; ++j)
    lanes[j] = LOAD(TC, from, (size_t)min(n + j, s.columns - 1) * s.c_column_step);
  return CAT(vload, LANES)(0, lanes);
}

void store_y(global STORAGE(TY) * y, const product_t s, int n, VEC v) {
#define DIRECT_f32 1
#define DIRECT_f64 1
#define DIRECT_f16 0
#define DIRECT_bf16 0
#if CAT(DIRECT_, TY)
  if (n + LANES <= s.columns) {
    CAT(vstore, LANES)(CAT(CAT(convert_, STORAGE(TY)), LANES)(v), 0, y + n);
    return;
  }
#endif
  SUM lanes[LANES];
  CAT(vstore, LANES)(v, 0, lanes);
  const int count = min(LANES, s.columns - n);
  for (int j = 0; j < count; ++j) STORE(TY, y, n + j, lanes[j]);
}

kernel void product_tiles(TENSOR_IN(TA, a), TENSOR_IN(TB, b), TENSOR_IN(TC, c), TENSOR_OUT(TY, y),
                          TENSOR_IN(i64, batches), product_t s, factors_t factors) {
  BIND_IN(TA, a);
  BIND_IN(TB, b);
  BIND_IN(TC, c);
  BIND_OUT(TY, y);
  BIND_IN(i64, batches);
  const int first = get_global_id(0) * ROWS;
  const int panel = get_global_id(1) * PANELS;
  if (first >= s.rows || panel * WIDTH >= s.columns) return;
  batches += get_global_id(2) * 4;
  a += batches[0];
  b += batches[1];
  y += batches[2];
  c += batches[3];

  global const STORAGE(TA) * row[ROWS];
  VEC sum[ROWS][PANELS * VECTORS];
  int x = first % s.width, at_y = first / s.width % s.height;
  row[0] = a + row_start(s, first);
#pragma unroll
  for (int i = 0; i < ROWS; ++i) {
    if (i > 0) {  // the next pixel, or the last row again
      row[i] = row[i - 1];
      if (first + i < s.rows) {
        row[i] += s.x_step;
        if (++x == s.width) {
          x = 0;
          row[i] += s.y_step - s.width * s.x_step;
          if (++at_y == s.height) {
            at_y = 0;
            row[i] += s.image_step - s.height * s.y_step;
          }
        }
      }
    }
#pragma unroll
    for (int j = 0; j < PANELS * VECTORS; ++j) sum[i][j] = ZERO_SUM;
  }
  global const STORAGE(TB) * column[PANELS];
#pragma unroll
  for (int j = 0; j < PANELS; ++j) {  // panels behind the last repeat it and are not stored
    const int p = (panel + j) * WIDTH < s.columns ? panel + j : panel;
    column[j] = b + (size_t)p * s.depth * WIDTH;
  }
  for (int done = 0, segment = 0; done < s.depth; done += s.segment_depth, ++segment) {
    int at = segment / s.segments_across * s.down_step + segment % s.segments_across * s.across_step;
    for (int k = 0; k < s.segment_depth; ++k, at += s.depth_step) {
      VEC w[PANELS * VECTORS];
#pragma unroll
      for (int j = 0; j < PANELS; ++j) {
#pragma unroll
        for (int v = 0; v < VECTORS; ++v) w[VECTORS * j + v] = VLOAD(TB, column[j] + v * LANES);
        column[j] += WIDTH;
      }
#pragma unroll
      for (int i = 0; i < ROWS; ++i) {
        const VEC v = (VEC)(CONVERT(TS, LOAD(TA, row[i], at)));
#pragma unroll
        for (int j = 0; j < PANELS * VECTORS; ++j) sum[i][j] = fma(v, w[j], sum[i][j]);
      }
    }
  }
  // From here on in memory and in a loop: unrolled, it would take the compiler seconds.
  VEC result[ROWS * PANELS * VECTORS];
#pragma unroll
  for (int i = 0; i < ROWS; ++i) {
#pragma unroll
    for (int j = 0; j < PANELS * VECTORS; ++j) result[i * PANELS * VECTORS + j] = sum[i][j];
  }
#pragma unroll 1
  for (int i = 0; i < ROWS * PANELS * VECTORS; ++i) {
    const int m = first + i / (PANELS * VECTORS), n = panel * WIDTH + i % (PANELS * VECTORS) * LANES;
    if (m >= s.rows || n >= s.columns) continue;
    VEC v = result[i] * (VEC)(factors.x);
    if (s.has_c) v += (VEC)(factors.y) * load_c(c, s, m, n);
    ACTIVATE(v)
    store_y(y + (size_t)m * s.y_row_step, s, n, v);
  }
}
#endif

#ifdef GROUPS
#define ZERO_SUM ((SUM)0)
#define ONE_SUM ((SUM)1)
#define P0 factors.z
#define P1 factors.w
#define TILE 64
#define STEP 16

kernel __attribute__((reqd_work_group_size(16, 16, 1))) void product_groups(
    TENSOR_IN(TA, a), TENSOR_IN(TB, b), TENSOR_IN(TC, c), TENSOR_OUT(TY, y),
    TENSOR_IN(i64, batches), product_t s, factors_t factors) {
  BIND_IN(TA, a);
  BIND_IN(TB, b);
  BIND_IN(TC, c);
  BIND_OUT(TY, y);
  BIND_IN(i64, batches);
  local SUM a_tile[STEP][TILE + 1];
  local SUM b_tile[STEP][TILE];
  const int panel = get_global_id(1) / 16;  // a launch may begin behind the first, unlike its groups
  batches += get_global_id(2) * 4;
  a += batches[0];
  b += batches[1] + (size_t)panel * s.depth * TILE;
  y += batches[2];
  c += batches[3];
  const int x = get_local_id(0), t = get_local_id(1) * 16 + x;
  const int first = get_group_id(0) * TILE, column = panel * TILE;

  // A work-item brings element x of each step, for four rows.
  global const STORAGE(TA) * row[4];
  for (int i = 0; i < 4; ++i) row[i] = a + row_start(s, first + t / 16 + i * 16);
  SUM sum[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) sum[i][j] = 0;
  for (int begin = 0; begin < s.depth; begin += STEP) {
    const int k = begin + x;
    const int segment = k / s.segment_depth;
    const int at = segment / s.segments_across * s.down_step +
                   segment % s.segments_across * s.across_step +
                   k % s.segment_depth * s.depth_step;
    for (int i = 0; i < 4; ++i)
      a_tile[x][t / 16 + i * 16] = k < s.depth ? CONVERT(TS, LOAD(TA, row[i], at)) : ZERO_SUM;
    for (int i = t; i < STEP * TILE; i += 256) {
      const bool inside = begin + i / TILE < s.depth;
      b_tile[i / TILE][i % TILE] =
          inside ? CONVERT(TS, LOAD(TB, b, (size_t)begin * TILE + i)) : ZERO_SUM;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int step = 0; step < STEP; ++step) {
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j)
          sum[i][j] = fma(a_tile[step][t / 16 + i * 16], b_tile[step][x + j * 16], sum[i][j]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      const int m = first + t / 16 + i * 16, n = column + x + j * 16;
      if (m >= s.rows || n >= s.columns) continue;
      SUM v = sum[i][j] * factors.x;
      if (s.has_c) {
        v += factors.y *
             CONVERT(TS, LOAD(TC, c, (size_t)m * s.c_row_step + (size_t)n * s.c_column_step));
      }
      ACTIVATE(v)
      STORE(TY, y, (size_t)m * s.y_row_step + n, v);
    }
  }
}
#endif
