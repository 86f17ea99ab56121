// Images between layouts. TX: an unsigned type of the elements' width.

typedef struct {
  int channels, height, width;  // of the batch's images, without padding
  int top, left, full_height, full_width;
  int channel_step, y_step, x_step, image_step;  // of the unpadded tensor, in elements
} image_t;

// -DPIXELS: a work-item moves a pixel, for devices that do not need neighbours to read neighbours;
// else an element.
#ifdef PIXELS
#define FOR_CHANNELS(c, n) for (int c = 0; c < (n); ++c)
#define PIXEL_OF(i, channels) (i)
#define IN_LINE(i, width, channels) ((i) < (width))
#else
#define FOR_CHANNELS(c, n) const int c = get_global_id(0) % (n);
#define PIXEL_OF(i, channels) ((i) / (channels))
#define IN_LINE(i, width, channels) ((i) < (width) * (channels))
#endif

// To channels last with zeroes around.
kernel void pad_image(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), image_t s) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const int i = get_global_id(0), row = get_global_id(1), image = get_global_id(2);
  if (!IN_LINE(i, s.full_width, s.channels) || row >= s.full_height) return;
  const int full_column = PIXEL_OF(i, s.channels);
  const int column = full_column - s.left, line = row - s.top;
  const bool inside = line >= 0 && line < s.height && column >= 0 && column < s.width;
  x += (size_t)image * s.image_step;
  if (inside) x += (size_t)line * s.y_step + (size_t)column * s.x_step;
  y += (((size_t)image * s.full_height + row) * s.full_width + full_column) * s.channels;
  FOR_CHANNELS(c, s.channels) y[c] = inside ? x[(size_t)c * s.channel_step] : 0;
}

// From channels last to the tensor's layout.
kernel void unpad_image(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), image_t s) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const int i = get_global_id(0), line = get_global_id(1), image = get_global_id(2);
  if (!IN_LINE(i, s.width, s.channels) || line >= s.height) return;
  const int column = PIXEL_OF(i, s.channels);
  x += (((size_t)image * s.height + line) * s.width + column) * s.channels;
  y += (size_t)image * s.image_step + (size_t)line * s.y_step + (size_t)column * s.x_step;
  FOR_CHANNELS(c, s.channels) y[(size_t)c * s.channel_step] = x[c];
}
