// Convolution by F(2x2, 3x3): Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.
// Tiles of 4x4 input pixels give 2x2 output pixels; each of the 16 places of a tile is a product of its
// own, [tiles, channels] times [channels, outputs].

typedef struct {
  int channels, outputs;
  int tiles_across, tiles_down, images;
  int width, height;                                     // of the output
  int line, image_step;                                  // elements of the padded input
  int w_y, w_x, w_in, w_out;                             // elements of the filters
  int panels;
  int activation, has_c;
} winograd_t;

// U = G w G^T for one channel and one output, in panels: [place][panel][channel][column].
#ifdef WIDTH
kernel void winograd_filter(TENSOR_IN(f32, w), TENSOR_OUT(f32, u), winograd_t s) {
  BIND_IN(f32, w);
  BIND_OUT(f32, u);
  const int n = get_global_id(0), c = get_global_id(1);
  if (n >= s.panels * WIDTH || c >= s.channels) return;
  float g[4][3];
  for (int x = 0; x < 3; ++x) {
    float v[3];
    for (int y = 0; y < 3; ++y) {
      v[y] = n < s.outputs ? w[(size_t)y * s.w_y + (size_t)x * s.w_x + (size_t)c * s.w_in +
                               (size_t)n * s.w_out]
                           : 0.0f;
    }
    g[0][x] = v[0];
    g[1][x] = 0.5f * (v[0] + v[1] + v[2]);
    g[2][x] = 0.5f * (v[0] - v[1] + v[2]);
    g[3][x] = v[2];
  }
  const size_t place_step = (size_t)s.panels * s.channels * WIDTH;
  u += ((size_t)(n / WIDTH) * s.channels + c) * WIDTH + n % WIDTH;
  for (int y = 0; y < 4; ++y) {
    u[(y * 4 + 0) * place_step] = g[y][0];
    u[(y * 4 + 1) * place_step] = 0.5f * (g[y][0] + g[y][1] + g[y][2]);
    u[(y * 4 + 2) * place_step] = 0.5f * (g[y][0] - g[y][1] + g[y][2]);
    u[(y * 4 + 3) * place_step] = g[y][2];
  }
}
#endif

// V = B^T x B for one channel of one tile: [place][tile][channel].
kernel void winograd_input(TENSOR_IN(f32, x), TENSOR_OUT(f32, v), winograd_t s) {
  BIND_IN(f32, x);
  BIND_OUT(f32, v);
  const int c = get_global_id(0), across = get_global_id(1), rest = get_global_id(2);
  if (c >= s.channels || across >= s.tiles_across || rest >= s.tiles_down * s.images) return;
  x += (size_t)(rest / s.tiles_down) * s.image_step +
       (size_t)(rest % s.tiles_down) * 2 * s.line + (size_t)across * 2 * s.channels + c;
  float t[4][4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float a = x[i * s.channels], b = x[s.line + i * s.channels],
                d = x[2 * s.line + i * s.channels], e = x[3 * s.line + i * s.channels];
    t[0][i] = a - d;
    t[1][i] = b + d;
    t[2][i] = d - b;
    t[3][i] = b - e;
  }
  const size_t place_step = (size_t)s.images * s.tiles_down * s.tiles_across * s.channels;
  v += ((size_t)rest * s.tiles_across + across) * s.channels + c;
#pragma unroll
  for (int y = 0; y < 4; ++y) {
    v[(y * 4 + 0) * place_step] = t[y][0] - t[y][2];
    v[(y * 4 + 1) * place_step] = t[y][1] + t[y][2];
    v[(y * 4 + 2) * place_step] = t[y][2] - t[y][1];
    v[(y * 4 + 3) * place_step] = t[y][1] - t[y][3];
  }
}

float activate(float v, int activation, float p0, float p1) {
  switch (activation) {
    case 1: return v < 0 ? 0.0f : v;
    case 2: v = v < p0 ? p0 : v; return v > p1 ? p1 : v;
    case 3: return v < 0 ? v * p0 : v;
    case 4: return v < 0 ? p0 * expm1(v) : v;
    case 5: return 1.0f / (1.0f + exp(-v));
    case 6: return tanh(v);
    case 7: return v / (1.0f + exp(v * (p0 + p1 * v * v)));
  }
  return v;
}

// y = activation(A^T m A + c) for one output of one tile.
kernel void winograd_output(TENSOR_IN(f32, m), TENSOR_IN(f32, c), TENSOR_OUT(f32, y), winograd_t s,
                            float4 factors) {
  BIND_IN(f32, m);
  BIND_IN(f32, c);
  BIND_OUT(f32, y);
  const int n = get_global_id(0), across = get_global_id(1), rest = get_global_id(2);
  if (n >= s.outputs || across >= s.tiles_across || rest >= s.tiles_down * s.images) return;
  const size_t place_step = (size_t)s.images * s.tiles_down * s.tiles_across * s.outputs;
  m += ((size_t)rest * s.tiles_across + across) * s.outputs + n;
  float t[2][4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float a = m[i * place_step], b = m[(4 + i) * place_step],
                d = m[(8 + i) * place_step], e = m[(12 + i) * place_step];
    t[0][i] = a + b + d;
    t[1][i] = b - d - e;
  }
  const float bias = s.has_c ? c[n] : 0.0f;
  const int row = rest % s.tiles_down * 2, column = across * 2;
  y += ((size_t)(rest / s.tiles_down) * s.height + row) * s.width * s.outputs +
       (size_t)column * s.outputs + n;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if (row + i >= s.height) continue;
    const float left = t[i][0] + t[i][1] + t[i][2] + bias;
    const float right = t[i][1] - t[i][2] - t[i][3] + bias;
    global float *to = y + (size_t)i * s.width * s.outputs;
    to[0] = activate(left, s.activation, factors.z, factors.w);
    if (column + 1 < s.width)
      to[s.outputs] = activate(right, s.activation, factors.z, factors.w);
  }
}
