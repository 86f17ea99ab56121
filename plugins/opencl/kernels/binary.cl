// Functions of two elements, with broadcasting. TX: the element type, TE: that of the exponent.
// The step of a row is 0 or 1 in each input.

#define WRAP(x) ((WRAPPING(TX))(x))

#if IS_VECTOR(TX)
#define DEFINE_VECTOR(NAME, EXPRESSION)                                          \
  COMPUTE16(TX) NAME##_of_16(COMPUTE16(TX) a, COMPUTE16(TX) b) {                 \
    typedef COMPUTE16(TX) T;                                                     \
    return EXPRESSION;                                                           \
  }
#define TAKE_VECTORS(NAME)                                                               \
  for (; i + 16 <= count; i += 16) {                                                     \
    const COMPUTE16(TX) p = a_step != 0 ? LOAD16(TX, a, i) : (COMPUTE16(TX))LOAD(TX, a, 0); \
    const COMPUTE16(TX) q = b_step != 0 ? LOAD16(TX, b, i) : (COMPUTE16(TX))LOAD(TX, b, 0); \
    STORE16(TX, y, i, NAME##_of_16(p, q));                                               \
  }
#else
#define DEFINE_VECTOR(NAME, EXPRESSION)
#define TAKE_VECTORS(NAME)
#endif

#define START(TA, TB, TY)                                    \
  BIND_IN(TA, a);                                            \
  BIND_IN(TB, b);                                            \
  BIND_OUT(TY, y);                                           \
  WALK_OR_RETURN(3);                                         \
  y += at[0] + first;                                        \
  a += at[1] + first * a_step;                               \
  b += at[2] + first * b_step;                               \
  index_t i = 0

#define BINARY(NAME, EXPRESSION)                                                           \
  COMPUTE(TX) NAME##_of_1(COMPUTE(TX) a, COMPUTE(TX) b) {                                  \
    typedef COMPUTE(TX) T;                                                                 \
    return EXPRESSION;                                                                     \
  }                                                                                        \
  DEFINE_VECTOR(NAME, EXPRESSION)                                                          \
  kernel void NAME(TENSOR_IN(TX, a), TENSOR_IN(TX, b), TENSOR_OUT(TX, y), index_t a_step,  \
                   index_t b_step, WALK_PARAMETERS) {                                      \
    START(TX, TX, TX);                                                                     \
    TAKE_VECTORS(NAME)                                                                     \
    for (; i < count; ++i) {                                                               \
      STORE(TX, y, i, NAME##_of_1(LOAD(TX, a, i * a_step), LOAD(TX, b, i * b_step)));      \
    }                                                                                      \
  }

#define COMPARE(NAME, EXPRESSION)                                                          \
  kernel void NAME(TENSOR_IN(TX, a_), TENSOR_IN(TX, b_), TENSOR_OUT(b8, y), index_t a_step, \
                   index_t b_step, WALK_PARAMETERS) {                                      \
    BIND_IN(TX, a_);                                                                       \
    BIND_IN(TX, b_);                                                                       \
    BIND_OUT(b8, y);                                                                       \
    WALK_OR_RETURN(3);                                                                     \
    for (index_t i = 0; i < count; ++i) {                                                  \
      const COMPUTE(TX) a = LOAD(TX, a_, at[1] + (first + i) * a_step);                    \
      const COMPUTE(TX) b = LOAD(TX, b_, at[2] + (first + i) * b_step);                    \
      y[at[0] + first + i] = (EXPRESSION) ? 1 : 0;                                         \
    }                                                                                      \
  }

#ifdef TE

#if IS_FLOAT(TX)
COMPUTE(TX) power(COMPUTE(TX) base, COMPUTE(TE) exponent) {
  return pow(base, CONVERT(TX, exponent));
}
#else
// Exact modulo the width; a negative exponent truncates towards zero.
COMPUTE(TX) power(COMPUTE(TX) base, long exponent) {
  if (exponent < 0) {
    if (base == 1) return base;
    if (base < 0 && base + 1 == 0) return (exponent & 1) == 0 ? (COMPUTE(TX))1 : base;
    return 0;
  }
  ulong left = (ulong)exponent, factor = (ulong)(long)base, result = 1;
  for (; left != 0; left >>= 1) {
    if ((left & 1) != 0) result *= factor;
    factor *= factor;
  }
  return (COMPUTE(TX))result;
}
#endif
kernel void binary_pow(TENSOR_IN(TX, a), TENSOR_IN(TE, b), TENSOR_OUT(TX, y), index_t a_step,
                       index_t b_step, WALK_PARAMETERS) {
  START(TX, TE, TX);
  for (; i < count; ++i) {
    STORE(TX, y, i, power(LOAD(TX, a, i * a_step), LOAD(TE, b, i * b_step)));
  }
}

#else

#if IS_FLOAT(TX)
BINARY(binary_add, a + b)
BINARY(binary_sub, a - b)
BINARY(binary_mul, a * b)
BINARY(binary_div, a / b)
// NaN wins, whichever side it is on.
BINARY(binary_max, ((a > b) | (a != a)) ? a : b)
BINARY(binary_min, ((a < b) | (a != a)) ? a : b)
BINARY(binary_fmod, fmod(a, b))
#else
COMPUTE(TX) quotient(COMPUTE(TX) a, COMPUTE(TX) b) {
  if (b == 0) return 0;
  if (b < 0 && b + 1 == 0) return (COMPUTE(TX))((WRAPPING(TX))0 - WRAP(a));
  return a / b;
}
COMPUTE(TX) rest_of(COMPUTE(TX) a, COMPUTE(TX) b) {
  return (COMPUTE(TX))(WRAP(a) - WRAP(quotient(a, b)) * WRAP(b));
}
COMPUTE(TX) modulus(COMPUTE(TX) a, COMPUTE(TX) b) {
  const COMPUTE(TX) rest = rest_of(a, b);
  const int flip = rest != 0 && b != 0 && (rest < 0) != (b < 0);
  return flip ? (COMPUTE(TX))(WRAP(rest) + WRAP(b)) : rest;
}
BINARY(binary_add, (T)(WRAP(a) + WRAP(b)))
BINARY(binary_sub, (T)(WRAP(a) - WRAP(b)))
BINARY(binary_mul, (T)(WRAP(a) * (ulong)WRAP(b)))
BINARY(binary_div, quotient(a, b))
BINARY(binary_max, a > b ? a : b)
BINARY(binary_min, a < b ? a : b)
BINARY(binary_fmod, rest_of(a, b))
BINARY(binary_mod, modulus(a, b))
BINARY(binary_bit_and, a & b)
BINARY(binary_bit_or, a | b)
BINARY(binary_bit_xor, a ^ b)
#endif

COMPARE(compare_equal, a == b)
COMPARE(compare_greater, a > b)
COMPARE(compare_greater_or_equal, a >= b)
COMPARE(compare_less, a < b)
COMPARE(compare_less_or_equal, a <= b)
COMPARE(compare_and, a != 0 && b != 0)
COMPARE(compare_or, a != 0 || b != 0)
COMPARE(compare_xor, (a != 0) != (b != 0))

#endif
