// Array <-> bytes of a `.npy` file, whether it lies on disk or inside an archive.
#ifndef MIDSTREAM_CORE_FORMATS_NPY_NPY_CODEC_H_
#define MIDSTREAM_CORE_FORMATS_NPY_NPY_CODEC_H_

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/status.h"
#include "core/formats/npy/npy_header.h"
#include "core/graph/tensor.h"

namespace midstream::formats {

// Delivers the next `size` bytes of the source, in order.
using ReadNext = std::function<Status(void* to, size_t size)>;

// Reads up to the data of an array, and checks that the source has as many bytes as the header says.
// Errors: as DecodeNpy.
Result<NpyHeader> DecodeNpyHeader(uint64_t size, const ReadNext& read);

// Reads one array from a source of `size` bytes. Errors: as ReadNpy, and those of `read`.
Result<Tensor> DecodeNpy(uint64_t size, const ReadNext& read);

// Reads the text, as UTF-8, of an array that holds one. Errors: DATA_LOSS, UNIMPLEMENTED, and those of
// `read`.
Result<std::string> DecodeNpyText(uint64_t size, const ReadNext& read);

// A whole file. Errors: INVALID_ARGUMENT for strings.
Result<std::string> EncodeNpy(const Tensor& tensor);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NPY_NPY_CODEC_H_
