// A matrix b[k, n] to panels of WIDTH columns ([matrix][panel][k][column], zero behind the last
// column) and back. k counts places (y, x, channel) of a filter; a plain matrix has one y and one x.
// TX: an unsigned type of the elements' width, WIDTH: columns of a panel.

typedef struct {
  int depth, columns, panels;
  int across, channels;                                // k = (y * across + x) * channels + channel
  int y_step, x_step, channel_step, column_step;       // elements of the source
  int matrix_step;
} pack_t;

size_t source_place(const pack_t s, int matrix, int k, int n) {
  const int x = k / s.channels % s.across;
  const int y = k / s.channels / s.across;
  return (size_t)matrix * s.matrix_step + (size_t)y * s.y_step + (size_t)x * s.x_step +
         (size_t)(k % s.channels) * s.channel_step + (size_t)n * s.column_step;
}

kernel void pack(TENSOR_IN(TX, b), TENSOR_OUT(TX, packed), pack_t s) {
  BIND_IN(TX, b);
  BIND_OUT(TX, packed);
  const int j = get_global_id(0), k = get_global_id(1), panel = get_global_id(2);
  if (k >= s.depth) return;
  const int n = panel % s.panels * WIDTH + j;
  packed[((size_t)panel * s.depth + k) * WIDTH + j] =
      n < s.columns ? b[source_place(s, panel / s.panels, k, n)] : 0;
}

kernel void unpack(TENSOR_IN(TX, packed), TENSOR_OUT(TX, b), pack_t s) {
  BIND_IN(TX, packed);
  BIND_OUT(TX, b);
  const int j = get_global_id(0), k = get_global_id(1), panel = get_global_id(2);
  const int n = panel % s.panels * WIDTH + j;
  if (k >= s.depth || n >= s.columns) return;
  b[source_place(s, panel / s.panels, k, n)] = packed[((size_t)panel * s.depth + k) * WIDTH + j];
}
