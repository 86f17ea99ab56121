// Images between layouts. TX: an unsigned type of the elements' width.

typedef struct {
  int channels, height, width;  // of the batch's images, without padding
  int top, left, full_height, full_width;
  int channel_step, y_step, x_step, image_step;  // of the unpadded tensor, in elements
} image_t;

// To channels last with zeroes around.
kernel void pad_image(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), image_t s) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const int i = get_global_id(0), row = get_global_id(1), image = get_global_id(2);
  if (i >= s.full_width * s.channels || row >= s.full_height) return;
  const int c = i % s.channels, column = i / s.channels - s.left, line = row - s.top;
  const bool inside = line >= 0 && line < s.height && column >= 0 && column < s.width;
  y[((size_t)image * s.full_height + row) * s.full_width * s.channels + i] =
      inside ? x[(size_t)image * s.image_step + (size_t)line * s.y_step +
                 (size_t)column * s.x_step + (size_t)c * s.channel_step]
             : 0;
}

// From channels last to the tensor's layout.
kernel void unpad_image(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), image_t s) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const int i = get_global_id(0), line = get_global_id(1), image = get_global_id(2);
  if (i >= s.width * s.channels || line >= s.height) return;
  const int c = i % s.channels, column = i / s.channels;
  y[(size_t)image * s.image_step + (size_t)line * s.y_step + (size_t)column * s.x_step +
    (size_t)c * s.channel_step] =
      x[((size_t)image * s.height + line) * s.width * s.channels + i];
}
