// The header of a `.npy` array: a Python dictionary literal with dtype, order and shape.
#ifndef MIDSTREAM_CORE_FORMATS_NPY_NPY_HEADER_H_
#define MIDSTREAM_CORE_FORMATS_NPY_NPY_HEADER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::formats {

struct NpyHeader {
  DType dtype = DType::kInvalid;
  bool fortran_order = false;
  Shape shape;
};

// Bytes at the start of a file that say how long its header is.
constexpr size_t kNpyPreludeSize = 12;
constexpr size_t kLargestNpyHeader = size_t{1} << 20;
constexpr size_t kLongestNpyText = size_t{1} << 20;  // characters

struct NpyPrelude {
  size_t header_begin = 0;
  size_t header_size = 0;
  size_t data_begin() const { return header_begin + header_size; }
};

// `start` is the first kNpyPreludeSize bytes of the file. Errors: DATA_LOSS, UNIMPLEMENTED.
Result<NpyPrelude> ParseNpyPrelude(std::string_view start);

// Errors: DATA_LOSS for a malformed dictionary; UNIMPLEMENTED for a dtype that is not read.
Result<NpyHeader> ParseNpyHeader(std::string_view text);

// The header of an array that holds one text: a prompt, as numpy keeps a str or bytes.
struct NpyTextHeader {
  bool utf32 = false;  // 4 bytes a character, little endian; else UTF-8
  size_t bytes = 0;    // zeros at the end belong to no text
};
// Errors: DATA_LOSS for a malformed dictionary; UNIMPLEMENTED for an array of anything else.
Result<NpyTextHeader> ParseNpyTextHeader(std::string_view text);

// Magic, version, length and dictionary of a row-major array. Errors: INVALID_ARGUMENT for a dtype
// that numpy does not have.
Result<std::string> FormatNpyHeader(DType dtype, const Shape& shape);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NPY_NPY_HEADER_H_
