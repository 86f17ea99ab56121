// Elements of every dtype as one of three wide types: double for floats, int64_t for signed
// integers and bool, uint64_t for unsigned integers. Kernels compute on wide arrays, so that each
// is written once and every integer stays exact.
//
// Narrowing rounds floats to nearest, ties to even, and wraps integers, as the core does.
#ifndef MIDSTREAM_PLUGINS_REFERENCE_ELEMENT_H_
#define MIDSTREAM_PLUGINS_REFERENCE_ELEMENT_H_

#include <cstdint>

#include "midstream/view.hpp"

namespace midstream::reference {

enum class Wide { kNone, kReal, kSigned, kUnsigned };

// kNone for a dtype that has no elements here.
Wide WideOf(ms_dtype dtype);

// One element; it may lie at any alignment. Requires: the wide type of the dtype.
double LoadReal(ms_dtype dtype, const void* element);
int64_t LoadInt(ms_dtype dtype, const void* element);  // signed, unsigned (same bits) and bool
void StoreReal(ms_dtype dtype, void* element, double value);
void StoreInt(ms_dtype dtype, void* element, int64_t value);

// Element i of a tensor of int32 or int64: an index, a size, an axis.
int64_t IntAt(const sdk::TensorView& tensor, int64_t i);

// Whole tensors. `wide` holds count() elements of the wide type (8 bytes each).
void Widen(const sdk::TensorView& tensor, void* wide);
void Narrow(const void* wide, const sdk::TensorView& tensor);

// Smallest and largest value of an integer dtype, as bits of its wide type.
int64_t LowestInt(ms_dtype dtype);
int64_t HighestInt(ms_dtype dtype);

// Calls body(T{}) with the wide type of the dtype.
template <typename Body>
void ForWide(ms_dtype dtype, Body&& body) {
  switch (WideOf(dtype)) {
    case Wide::kReal:
      return body(double{});
    case Wide::kSigned:
      return body(int64_t{});
    case Wide::kUnsigned:
      return body(uint64_t{});
    case Wide::kNone:
      throw sdk::Error(MS_UNIMPLEMENTED, "a dtype that the reference does not know");
  }
}

}  // namespace midstream::reference

#endif  // MIDSTREAM_PLUGINS_REFERENCE_ELEMENT_H_
