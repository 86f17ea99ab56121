// Functions of one element. TX: the element type. Each is written once, for an element and for 16.

#define DEFINE_FUNCTION(NAME, TYPE, EXPRESSION)             \
  TYPE NAME(TYPE x, REAL(TX) alpha, REAL(TX) gamma) {       \
    typedef TYPE T;                                         \
    return EXPRESSION;                                      \
  }
#if IS_VECTOR(TX)
#define DEFINE_VECTOR(NAME, EXPRESSION) DEFINE_FUNCTION(NAME##_of_16, COMPUTE16(TX), EXPRESSION)
#define TAKE_VECTORS(NAME)     \
  for (; i + 16 <= end; i += 16) STORE16(TX, y, i, NAME##_of_16(LOAD16(TX, x, i), alpha, gamma))
#else
#define DEFINE_VECTOR(NAME, EXPRESSION)
#define TAKE_VECTORS(NAME)
#endif

#define UNARY(NAME, EXPRESSION)                                                          \
  DEFINE_FUNCTION(NAME##_of_1, COMPUTE(TX), EXPRESSION)                                  \
  DEFINE_VECTOR(NAME, EXPRESSION)                                                        \
  kernel void NAME(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), long n, REAL(TX) alpha,          \
                   REAL(TX) gamma) {                                                     \
    BIND_IN(TX, x);                                                                      \
    BIND_OUT(TX, y);                                                                     \
    long i = (long)get_global_id(0) * SPAN;                                              \
    const long end = min(i + SPAN, n);                                                   \
    TAKE_VECTORS(NAME);                                                                  \
    for (; i < end; ++i) STORE(TX, y, i, NAME##_of_1(LOAD(TX, x, i), alpha, gamma));     \
  }

#if IS_FLOAT(TX)
UNARY(unary_abs, fabs(x))
UNARY(unary_neg, -x)
UNARY(unary_sign, x > (T)(0) ? (T)(1) : x < (T)(0) ? (T)(-1) : x)
UNARY(unary_relu, x < (T)(0) ? (T)(0) : x)
UNARY(unary_floor, floor(x))
UNARY(unary_ceil, ceil(x))
UNARY(unary_round, rint(x))
UNARY(unary_sqrt, sqrt(x))
UNARY(unary_reciprocal, (T)(1) / x)
UNARY(unary_exp, exp(x))
UNARY(unary_log, log(x))
UNARY(unary_erf, erf(x))
UNARY(unary_erfc, erfc(x))
UNARY(unary_gelu, x * (T)(0.5f) * erfc(x * (T)(alpha)))
UNARY(unary_gelu_tanh, x / ((T)(1) + exp(x * ((T)(alpha) + (T)(gamma) * x * x))))
UNARY(unary_expm1, expm1(x))
UNARY(unary_log1p, log1p(x))
UNARY(unary_sigmoid, (T)(1) / ((T)(1) + exp(-x)))
UNARY(unary_tanh, tanh(x))
UNARY(unary_softplus, fmax(x, (T)(0)) + log1p(exp(-fabs(x))))
UNARY(unary_softsign, x / ((T)(1) + fabs(x)))
UNARY(unary_elu, x < (T)(0) ? (T)(alpha) * expm1(x) : x)
UNARY(unary_leaky_relu, x < (T)(0) ? (T)(alpha) * x : x)
UNARY(unary_selu, (T)(gamma) * (x > (T)(0) ? x : (T)(alpha) * expm1(x)))
UNARY(unary_sin, sin(x))
UNARY(unary_cos, cos(x))
UNARY(unary_tan, tan(x))
UNARY(unary_asin, asin(x))
UNARY(unary_acos, acos(x))
UNARY(unary_atan, atan(x))
UNARY(unary_sinh, sinh(x))
UNARY(unary_cosh, cosh(x))
UNARY(unary_asinh, asinh(x))
UNARY(unary_acosh, acosh(x))
UNARY(unary_atanh, atanh(x))
#else
UNARY(unary_abs, x < (T)(0) ? (T)((WRAPPING(TX))0 - (WRAPPING(TX))x) : x)
UNARY(unary_neg, (T)((WRAPPING(TX))0 - (WRAPPING(TX))x))
UNARY(unary_sign, x > (T)(0) ? (T)(1) : x < (T)(0) ? (T)(-1) : (T)(0))
UNARY(unary_relu, x < (T)(0) ? (T)(0) : x)
UNARY(unary_not, x == (T)(0) ? (T)(1) : (T)(0))
UNARY(unary_complement, (T)(~x))
#endif

// The bounds are tensors of one element; one that is absent has flag 0.
kernel void clip(TENSOR_IN(TX, x), TENSOR_IN(TX, low), TENSOR_IN(TX, high), TENSOR_OUT(TX, y),
                 long n, int has_low, int has_high) {
  BIND_IN(TX, x);
  BIND_IN(TX, low);
  BIND_IN(TX, high);
  BIND_OUT(TX, y);
  long i = (long)get_global_id(0) * SPAN;
  const long end = min(i + SPAN, n);
  if (i >= end) return;
  const COMPUTE(TX) bottom = LOAD(TX, low, 0), top = LOAD(TX, high, 0);
  for (; i < end; ++i) {
    COMPUTE(TX) value = LOAD(TX, x, i);
    if (has_low && value < bottom) value = bottom;
    if (has_high && value > top) value = top;
    STORE(TX, y, i, value);
  }
}
