// y = condition ? a : b, with broadcasting. TX: an unsigned type as wide as the elements.

kernel void where(TENSOR_IN(b8, condition), TENSOR_IN(TX, a), TENSOR_IN(TX, b), TENSOR_OUT(TX, y),
                  index_t c_step, index_t a_step, index_t b_step, WALK_PARAMETERS) {
  BIND_IN(b8, condition);
  BIND_IN(TX, a);
  BIND_IN(TX, b);
  BIND_OUT(TX, y);
  WALK_OR_RETURN(4);
  for (index_t i = first; i < first + count; ++i) {
    y[at[0] + i] = condition[at[1] + i * c_step] != 0 ? a[at[2] + i * a_step] : b[at[3] + i * b_step];
  }
}
