// Normalisation with given or local statistics. TX: the element type, TP: that of the parameters.

typedef COMPUTE(TX) real;

// Rows of `length` elements of one channel each (channels first), or of one element of each channel.
kernel void batch_normalization(TENSOR_IN(TX, x), TENSOR_IN(TP, scale), TENSOR_IN(TP, shift),
                                TENSOR_IN(TP, mean), TENSOR_IN(TP, variance), TENSOR_OUT(TX, y),
                                REAL(TX) epsilon, index_t channels, int channels_last,
                                index_t length, index_t pieces, index_t items) {
  BIND_IN(TX, x);
  BIND_IN(TP, scale);
  BIND_IN(TP, shift);
  BIND_IN(TP, mean);
  BIND_IN(TP, variance);
  BIND_OUT(TX, y);
  const size_t item = get_global_id(0);
  if (item >= (size_t)items) return;
  const index_t row = (index_t)item / pieces;
  const index_t first = ((index_t)item - row * pieces) * SPAN;
  const index_t end = min(first + SPAN, length);
  const index_t channel = row % channels;
  x += row * length;
  y += row * length;
  for (index_t i = first; i < end; ++i) {
    const index_t c = channels_last ? i : channel;
    const real factor =
        CONVERT(TX, LOAD(TP, scale, c)) / sqrt(CONVERT(TX, LOAD(TP, variance, c)) + epsilon);
    const real centred = LOAD(TX, x, i) - CONVERT(TX, LOAD(TP, mean, c));
    STORE(TX, y, i, centred * factor + CONVERT(TX, LOAD(TP, shift, c)));
  }
}

// y = x / (bias + alpha / size * s)^beta, s = sum of squares over `size` channels around x's.
kernel void local_response(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), REAL(TX) factor, REAL(TX) beta,
                           REAL(TX) bias, index_t before, index_t after, index_t channels,
                           index_t inner, index_t n) {
  BIND_IN(TX, x);
  BIND_OUT(TX, y);
  const index_t first = (index_t)get_global_id(0) * SPAN;
  const index_t end = min(first + SPAN, n);
  for (index_t i = first; i < end; ++i) {
    const index_t channel = i / inner % channels;
    const index_t low = max(channel - before, (index_t)0), high = min(channel + after, channels - 1);
    real sum = 0;
    for (index_t c = low; c <= high; ++c) {
      const real value = LOAD(TX, x, i + (c - channel) * inner);
      sum += value * value;
    }
    STORE(TX, y, i, LOAD(TX, x, i) / pow(bias + factor * sum, beta));
  }
}
