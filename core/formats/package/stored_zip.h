// The directory of a zip file whose entries are stored, read strictly and in place.
//
// A zip says everything twice, and what a reader skips can hide what another one shows. So every byte
// is accounted for: entries lie one behind the other from the first byte on, in the order of the
// directory, which follows them and ends the file. Whatever is said twice must agree, what nobody
// reads (versions, attributes) must be what our writers write, and what a package never has
// (compression, encryption, sizes behind the data, comments, other extra fields than zip64's and
// zeros that align) is refused.
//
// Nothing is copied but names; memory is taken for entries whose directory is there.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_STORED_ZIP_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_STORED_ZIP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::package {

constexpr uint64_t kMostEntries = 65536;
constexpr size_t kLongestEntryName = 1024;

struct ZipEntry {
  std::string name;
  uint64_t offset = 0;  // of its bytes in the file
  uint64_t size = 0;
  uint32_t crc = 0;  // CRC-32 that the directory tells, not compared here
};

// In the order of the file. Errors: DATA_LOSS, or UNIMPLEMENTED for what other zip files may have,
// naming the entry.
Result<std::vector<ZipEntry>> ParseStoredZip(std::string_view bytes);

// A relative path without ".", "..", empty parts, backslashes and control characters. Errors:
// INVALID_ARGUMENT "... leads out of the package".
Status CheckEntryName(std::string_view name);

uint32_t Crc32(std::string_view bytes, uint32_t crc = 0);

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_STORED_ZIP_H_
