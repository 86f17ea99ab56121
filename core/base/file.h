// Small file helpers: whole files with a bound, sizes, absolute paths.
//
// Every error names the path and the system's reason. Only regular files are read, so a directory,
// a device or a pipe is an error and never a hang.
// Threads: any.
#ifndef MIDSTREAM_CORE_BASE_FILE_H_
#define MIDSTREAM_CORE_BASE_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace midstream {

// The whole file. Errors: NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT when it is not a regular
// file or has more than max_bytes, DATA_LOSS when reading fails or it shrinks meanwhile.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

// Bytes of a regular file. Errors: as ReadFile.
Result<uint64_t> FileSize(const std::string& path);

// path seen from the folder base (an absolute path stays what it is), without "." and "..".
// The file need not exist; links are not followed.
std::string AbsolutePath(std::string_view path, std::string_view base);
// The same, seen from the working directory.
Result<std::string> AbsolutePath(std::string_view path);

// "path: reason" with the code that fits the errno of a failed system call.
Status ErrnoStatus(int error, std::string_view path);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_FILE_H_
