// The header of a .safetensors file: a JSON object that lists the tensors.
//
//   {"__metadata__":{"key":"text"},"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...}
//
// Decoding is strict and bounded: no nesting beyond that of the format, no key twice, no unknown
// field, and the tensors' bytes must fill the data of the file exactly, without overlap or hole.
// The format keeps numbers little endian, as the engine does.
#ifndef MIDSTREAM_CORE_FORMATS_SAFETENSORS_HEADER_H_
#define MIDSTREAM_CORE_FORMATS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::safetensors {

// Bytes before the header that give its length.
constexpr uint64_t kPreludeSize = 8;
// As the reference implementation has it.
constexpr uint64_t kLargestHeader = 100'000'000;

using Metadata = std::map<std::string, std::string>;

struct Entry {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;
  uint64_t begin = 0;  // in the data behind the header
  uint64_t end = 0;
};

struct Header {
  std::vector<Entry> entries;  // in the order of their bytes
  Metadata metadata;
};

// `data_size` is the number of bytes behind the header. Errors: DATA_LOSS naming the tensor;
// UNIMPLEMENTED for a dtype that the engine does not have.
Result<Header> ParseHeader(std::string_view json, uint64_t data_size);

// Length, JSON and spaces up to a multiple of eight bytes. Requires: entries in the order of their
// bytes. Errors: INVALID_ARGUMENT for a name or metadata that is not UTF-8, a dtype that the format
// does not have, or too large a header.
Result<std::string> FormatHeader(const Header& header);

// Orders dtypes as the reference implementation does: the larger alignment first.
bool ComesBefore(DType a, DType b);

}  // namespace midstream::safetensors

#endif  // MIDSTREAM_CORE_FORMATS_SAFETENSORS_HEADER_H_
