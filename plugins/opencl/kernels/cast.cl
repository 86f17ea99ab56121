// From one element type, TX, to another, TY.

// To an integer towards zero; what does not fit saturates, and NaN gives 0.
#define SATURATED(T) CAT(CAT(convert_, COMPUTE(T)), _sat)
#define IS_BOOL_b8 1
#define IS_BOOL(T) (CAT(IS_BOOL_, T) + 0)

COMPUTE(TY) cast_of(COMPUTE(TX) x) {
#if IS_BOOL(TY)
  return x != 0 ? 1 : 0;
#elif IS_FLOAT(TX) && !IS_FLOAT(TY)
  return x == x ? SATURATED(TY)(x) : 0;
#else
  return CONVERT(TY, x);
#endif
}

kernel void cast(TENSOR_IN(TX, x), TENSOR_OUT(TY, y), long n) {
  BIND_IN(TX, x);
  BIND_OUT(TY, y);
  const long first = (long)get_global_id(0) * SPAN;
  const long end = min(first + SPAN, n);
  for (long i = first; i < end; ++i) STORE(TY, y, i, cast_of(LOAD(TX, x, i)));
}

// Every element of y is x[0].
kernel void fill_cast(TENSOR_IN(TX, x), TENSOR_OUT(TY, y), long n) {
  BIND_IN(TX, x);
  BIND_OUT(TY, y);
  const long first = (long)get_global_id(0) * SPAN;
  const long end = min(first + SPAN, n);
  for (long i = first; i < end; ++i) STORE(TY, y, i, cast_of(LOAD(TX, x, 0)));
}
