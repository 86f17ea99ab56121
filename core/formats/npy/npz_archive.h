// A .npz archive as libzip opens it for reading, and its members that hold arrays.
//
// Threads: libzip's archives are not shared between threads; callers take turns.
#ifndef MIDSTREAM_CORE_FORMATS_NPY_NPZ_ARCHIVE_H_
#define MIDSTREAM_CORE_FORMATS_NPY_NPZ_ARCHIVE_H_

#include <zip.h>

#include <functional>
#include <memory>
#include <string>

#include "core/base/status.h"
#include "core/formats/npy/npy_header.h"
#include "core/graph/tensor.h"

namespace midstream::formats {

using Archive = std::unique_ptr<zip_t, void (*)(zip_t*)>;

// Messages call the file `name`. Errors: NOT_FOUND; DATA_LOSS.
Result<Archive> OpenArchive(const std::string& path, const std::string& name, int flags);
// Errors: as OpenArchive; DATA_LOSS for an empty file.
Result<Archive> OpenArchiveForReading(const std::string& path, const std::string& name);

// Calls `visit` for every array, member `key.npy`, until it returns an error.
using VisitArray =
    std::function<Status(const std::string& key, zip_uint64_t index, const zip_stat_t& info)>;
Status ForEachArray(zip_t* archive, const std::string& path, const VisitArray& visit);

// Errors: DATA_LOSS; UNIMPLEMENTED for a dtype or a compression that is not read.
Result<NpyHeader> ReadMemberHeader(zip_t* archive, zip_uint64_t index, const zip_stat_t& info);
Result<Tensor> ReadMember(zip_t* archive, zip_uint64_t index, const zip_stat_t& info);
// Of an array that holds one text.
Result<std::string> ReadMemberText(zip_t* archive, zip_uint64_t index, const zip_stat_t& info);

// Names file and array.
Status MemberError(const Status& status, const std::string& path, const std::string& key);

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NPY_NPZ_ARCHIVE_H_
