// One header of a zip entry, of which each has two: what both say, and what must hold in each.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_HEADER_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::package::zip {

// Little endian. Requires: at + width <= bytes.size().
uint64_t Number(std::string_view bytes, size_t at, size_t width);

// What a header says about its entry.
struct Header {
  bool has64 = false;                                  // there is a zip64 field
  uint64_t version = 0;                                // needed to read it
  uint64_t made_by = 0, internal = 0, attributes = 0;  // the directory's headers have them
  uint64_t flags = 0, method = 0, time = 0, crc = 0, compressed = 0, size = 0, offset = 0;
  std::string_view name;
  std::string_view extra;
};

// Errors: DATA_LOSS naming `what`.
Status CheckAgree(std::string_view what, uint64_t local, uint64_t central);

// 4.5 exactly where a header has zip64's numbers (has64), or, in the directory, where either has.
// where: which header it is, for the message.
Status CheckVersion(std::string_view where, uint64_t version, bool has64);

// What no reader of packages looks at is as our writers write it, so that it can tell nothing.
Status CheckUnread(const Header& header);

// Errors: UNIMPLEMENTED for what entries of packages never are.
Status CheckKind(const Header& header);

// Reads the numbers of a zip64 field, those of `fields` that the header leaves to it (`all`: every
// one, as a local header may have them although they would fit), and padding. Returns whether there
// is a zip64 field.
Result<bool> ReadExtra(std::string_view extra, const std::vector<uint64_t*>& fields, bool all);

}  // namespace midstream::package::zip

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_HEADER_H_
