// Convolution, one output element a work-item: for filters of few channels in each group, and for
// images of three and four axes. TA TB TC TY: element types; TS: type of the sums.

typedef struct {
  int in[4], out[4], kernel_size[4];  // sizes along the axes; 1 where there are fewer
  int stride[4], dilation[4], pad[4];
  int x_step[4], y_step[4], w_step[4];  // elements
  int x_image, x_channel, y_image, y_channel, w_in, w_out;
  int channels, out_channels;  // of a group; of all
  int out_per_group, pixels;
  int activation, has_c;
} conv_t;

#define SUM COMPUTE(TS)
typedef CAT(SUM, 4) factors_t;

SUM activate(SUM v, int activation, SUM p0, SUM p1) {
  switch (activation) {
    case 1: return v < 0 ? (SUM)0 : v;
    case 2: v = v < p0 ? p0 : v; return v > p1 ? p1 : v;
    case 3: return v < 0 ? v * p0 : v;
    case 4: return v < 0 ? p0 * expm1(v) : v;
    case 5: return (SUM)1 / ((SUM)1 + exp(-v));
    case 6: return tanh(v);
    case 7: return v / ((SUM)1 + exp(v * (p0 + p1 * v * v)));
  }
  return v;
}

kernel void conv_plain(TENSOR_IN(TA, x), TENSOR_IN(TB, w), TENSOR_IN(TC, c), TENSOR_OUT(TY, y),
                       TENSOR_IN(i32, shape), factors_t factors) {
  BIND_IN(TA, x);
  BIND_IN(TB, w);
  BIND_IN(TC, c);
  BIND_OUT(TY, y);
  global const conv_t *s = (global const conv_t *)(shape_buffer + shape_first);
  const int o = get_global_id(0), pixel = get_global_id(1), image = get_global_id(2);
  if (o >= s->out_channels || pixel >= s->pixels) return;
  int place[4], rest = pixel;
  for (int i = 3; i >= 0; --i) {
    place[i] = rest % s->out[i];
    rest /= s->out[i];
  }
  x += (size_t)image * s->x_image + (size_t)(o / s->out_per_group * s->channels) * s->x_channel;
  w += (size_t)o * s->w_out;
  SUM sum = 0;
  const int cells =
      s->kernel_size[0] * s->kernel_size[1] * s->kernel_size[2] * s->kernel_size[3];
  for (int cell = 0; cell < cells; ++cell) {
    size_t from = 0, weight = 0;
    bool inside = true;
    int left = cell;
    for (int i = 3; i >= 0; --i) {
      const int k = left % s->kernel_size[i];
      left /= s->kernel_size[i];
      const int at = place[i] * s->stride[i] + k * s->dilation[i] - s->pad[i];
      inside = inside && at >= 0 && at < s->in[i];
      from += (size_t)at * s->x_step[i];
      weight += (size_t)k * s->w_step[i];
    }
    if (!inside) continue;
    for (int k = 0; k < s->channels; ++k) {
      sum = fma(CONVERT(TS, LOAD(TA, x, from + (size_t)k * s->x_channel)),
                CONVERT(TS, LOAD(TB, w, weight + (size_t)k * s->w_in)), sum);
    }
  }
  if (s->has_c) sum += CONVERT(TS, LOAD(TC, c, o));
  size_t to = (size_t)image * s->y_image + (size_t)o * s->y_channel;
  for (int i = 0; i < 4; ++i) to += (size_t)place[i] * s->y_step[i];
  STORE(TY, y, to, activate(sum, s->activation, factors.z, factors.w));
}
