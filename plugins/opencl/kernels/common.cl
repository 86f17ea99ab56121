// Put before every kernel source. Element types by name, so that one kernel serves every dtype:
//
//   kernel void relu(TENSOR_IN(TX, x), TENSOR_OUT(TX, y), ulong n) {    built with -DTX=f16
//     BIND_IN(TX, x); BIND_OUT(TX, y);
//     size_t i = get_global_id(0);
//     if (i < n) STORE(TX, y, i, max(LOAD(TX, x, i), ZERO(TX)));
//   }
//
// The names: f16 bf16 f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 b8 (bool).
//   STORAGE(T)           type in memory
//   COMPUTE(T)           type of arithmetic: float for f16, bf16 and f32; double; the integer itself;
//                        uchar, 0 or 1, for b8
//   LOAD(T, x, i)        element i of the pointer x, as COMPUTE(T)
//   STORE(T, y, i, v)    v is COMPUTE(T); floats are rounded to nearest, ties to even
//   CONVERT(T, v)        v, of any arithmetic type, as COMPUTE(T)
//   IS_FLOAT(T)          1 or 0, usable in #if
// Tensors of more than 2^31 elements need -DINDEX_64, which makes index_t 64 bits wide.

#ifdef MS_FP64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

#ifdef INDEX_64
typedef long index_t;
#define INDEX i64
#else
typedef int index_t;
#define INDEX i32
#endif

// Elements that one work-item of an elementwise kernel takes care of, one behind the other; as
// SpanOf() in ops/walk.h. Devices of work-groups want neighbours in
// neighbouring work-items.
#ifdef MS_TILES
#define SPAN 64
#else
#define SPAN 1
#endif

#define STORAGE_f16 half
#define STORAGE_bf16 ushort
#define STORAGE_f32 float
#define STORAGE_f64 double
#define STORAGE_i8 char
#define STORAGE_i16 short
#define STORAGE_i32 int
#define STORAGE_i64 long
#define STORAGE_u8 uchar
#define STORAGE_u16 ushort
#define STORAGE_u32 uint
#define STORAGE_u64 ulong
#define STORAGE_b8 uchar
#define STORAGE(T) CAT(STORAGE_, T)

#define COMPUTE_f16 float
#define COMPUTE_bf16 float
#define COMPUTE_f32 float
#define COMPUTE_f64 double
#define COMPUTE_i8 char
#define COMPUTE_i16 short
#define COMPUTE_i32 int
#define COMPUTE_i64 long
#define COMPUTE_u8 uchar
#define COMPUTE_u16 ushort
#define COMPUTE_u32 uint
#define COMPUTE_u64 ulong
#define COMPUTE_b8 uchar
#define COMPUTE(T) CAT(COMPUTE_, T)

#define IS_FLOAT_f16 1
#define IS_FLOAT_bf16 1
#define IS_FLOAT_f32 1
#define IS_FLOAT_f64 1
#define IS_FLOAT_i8 0
#define IS_FLOAT_i16 0
#define IS_FLOAT_i32 0
#define IS_FLOAT_i64 0
#define IS_FLOAT_u8 0
#define IS_FLOAT_u16 0
#define IS_FLOAT_u32 0
#define IS_FLOAT_u64 0
#define IS_FLOAT_b8 0
#define IS_FLOAT(T) CAT(IS_FLOAT_, T)

float load_bf16(ushort bits) { return as_float((uint)bits << 16); }
ushort store_bf16(float value) {
  uint bits = as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (ushort)((bits >> 16) | 0x40u);  // NaN stays one
  return (ushort)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

#define LOAD_f16(x, i) vload_half((i), (x))
#define LOAD_bf16(x, i) load_bf16((x)[i])
#define LOAD_f32(x, i) ((x)[i])
#define LOAD_f64(x, i) ((x)[i])
#define LOAD_i8(x, i) ((x)[i])
#define LOAD_i16(x, i) ((x)[i])
#define LOAD_i32(x, i) ((x)[i])
#define LOAD_i64(x, i) ((x)[i])
#define LOAD_u8(x, i) ((x)[i])
#define LOAD_u16(x, i) ((x)[i])
#define LOAD_u32(x, i) ((x)[i])
#define LOAD_u64(x, i) ((x)[i])
#define LOAD_b8(x, i) ((x)[i])
#define LOAD(T, x, i) CAT(LOAD_, T)(x, i)

#define STORE_f16(y, i, v) vstore_half_rte((v), (i), (y))
#define STORE_bf16(y, i, v) ((y)[i] = store_bf16(v))
#define STORE_f32(y, i, v) ((y)[i] = (v))
#define STORE_f64(y, i, v) ((y)[i] = (v))
#define STORE_i8(y, i, v) ((y)[i] = (v))
#define STORE_i16(y, i, v) ((y)[i] = (v))
#define STORE_i32(y, i, v) ((y)[i] = (v))
#define STORE_i64(y, i, v) ((y)[i] = (v))
#define STORE_u8(y, i, v) ((y)[i] = (v))
#define STORE_u16(y, i, v) ((y)[i] = (v))
#define STORE_u32(y, i, v) ((y)[i] = (v))
#define STORE_u64(y, i, v) ((y)[i] = (v))
#define STORE_b8(y, i, v) ((y)[i] = (v))
#define STORE(T, y, i, v) CAT(STORE_, T)(y, i, v)

#define CONVERT(T, v) ((COMPUTE(T))(v))
#define ZERO(T) CONVERT(T, 0)

// A tensor is two parameters: its buffer, and the number of its first element in there.
#define TENSOR_IN(T, x) global const STORAGE(T) *restrict x##_buffer, ulong x##_first
#define TENSOR_OUT(T, x) global STORAGE(T) *restrict x##_buffer, ulong x##_first
#define BIND_IN(T, x) global const STORAGE(T) *x = x##_buffer + x##_first
#define BIND_OUT(T, x) global STORAGE(T) *x = x##_buffer + x##_first

// Floats 16 at a time, from x[i] on, where work-items own vector registers (-DMS_TILES).
#ifdef MS_TILES
#define IS_VECTOR(T) IS_FLOAT(T)
#else
#define IS_VECTOR(T) 0
#endif
#define COMPUTE16(T) CAT(COMPUTE(T), 16)
float16 load16_bf16(global const ushort *from) {
  return as_float16(convert_uint16(vload16(0, from)) << 16);
}
void store16_bf16(global ushort *to, float16 value) {
  const uint16 bits = as_uint16(value);
  const uint16 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint16 result =
      (bits & 0x7fffffffu) > (uint16)(0x7f800000u) ? (bits >> 16) | 0x40u : rounded;
  vstore16(convert_ushort16(result), 0, to);
}
#define LOAD16_f16(x, i) vload_half16(0, (x) + (i))
#define LOAD16_bf16(x, i) load16_bf16((x) + (i))
#define LOAD16_f32(x, i) vload16(0, (x) + (i))
#define LOAD16_f64(x, i) vload16(0, (x) + (i))
#define LOAD16(T, x, i) CAT(LOAD16_, T)(x, i)
#define STORE16_f16(y, i, v) vstore_half16_rte((v), 0, (y) + (i))
#define STORE16_bf16(y, i, v) store16_bf16((y) + (i), (v))
#define STORE16_f32(y, i, v) vstore16((v), 0, (y) + (i))
#define STORE16_f64(y, i, v) vstore16((v), 0, (y) + (i))
#define STORE16(T, y, i, v) CAT(STORE16_, T)(y, i, v)

// The type of a real attribute: double for f64, else float.
#define REAL_f16 float
#define REAL_bf16 float
#define REAL_f32 float
#define REAL_f64 double
#define REAL_i8 float
#define REAL_i16 float
#define REAL_i32 float
#define REAL_i64 float
#define REAL_u8 float
#define REAL_u16 float
#define REAL_u32 float
#define REAL_u64 float
#define REAL_b8 float
#define REAL(T) CAT(REAL_, T)

// The integer of the same width that wraps; floats as they are.
#define WRAPPING_f16 float
#define WRAPPING_bf16 float
#define WRAPPING_f32 float
#define WRAPPING_f64 double
#define WRAPPING_i8 uchar
#define WRAPPING_i16 ushort
#define WRAPPING_i32 uint
#define WRAPPING_i64 ulong
#define WRAPPING_u8 uchar
#define WRAPPING_u16 ushort
#define WRAPPING_u32 uint
#define WRAPPING_u64 ulong
#define WRAPPING_b8 uchar
#define WRAPPING(T) CAT(WRAPPING_, T)

// A walk over rows of several strided tensors (ops/walk.h): `walk` holds the sizes of the outer
// axes, then their steps in each tensor. Work-item `item` takes elements [first, first + count) of
// row `row`.
#define WALK_PARAMETERS \
  TENSOR_IN(INDEX, walk), int rank, index_t length, index_t pieces, index_t items
#define WALK_OR_RETURN(OPERANDS)                                      \
  BIND_IN(INDEX, walk);                                               \
  const size_t item = get_global_id(0);                               \
  if (item >= (size_t)items) return;                                  \
  const index_t row = (index_t)item / pieces;                         \
  const index_t first = ((index_t)item - row * pieces) * SPAN;        \
  const index_t count = min((index_t)SPAN, length - first);           \
  index_t at[OPERANDS];                                               \
  walk_to(walk, rank, row, OPERANDS, at)
void walk_to(global const index_t *walk, int rank, index_t row, int operands, index_t *at) {
  for (int k = 0; k < operands; ++k) at[k] = 0;
  for (int axis = rank - 1; axis >= 0; --axis) {
    const index_t above = row / walk[axis];
    const index_t here = row - above * walk[axis];
    for (int k = 0; k < operands; ++k) at[k] += here * walk[(k + 1) * rank + axis];
    row = above;
  }
}
