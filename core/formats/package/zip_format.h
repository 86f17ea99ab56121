// The records of a zip file as numbers: what the reader and the writer of packages share.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_FORMAT_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_FORMAT_H_

#include <cstddef>
#include <cstdint>

namespace midstream::package::zip {

constexpr uint32_t kLocal = 0x04034b50;
constexpr uint32_t kCentral = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kLocator64 = 0x07064b50;

// Bytes of the records without their names and extra fields.
constexpr size_t kLocalSize = 30;
constexpr size_t kCentralSize = 46;
constexpr size_t kEndSize = 22;
constexpr size_t kEnd64Size = 56;
constexpr size_t kLocator64Size = 20;
constexpr size_t kExtraSize = 4;  // id and length

constexpr uint16_t kExtra64 = 0x0001;
constexpr uint16_t kExtraPadding = 0x4246;  // "FB", as in archives of torch.package

constexpr uint16_t kFlagEncrypted = 0x0001;
constexpr uint16_t kFlagSizesBehind = 0x0008;
constexpr uint16_t kFlagUtf8 = 0x0800;

// What is needed to read an entry: 2.0, and 4.5 for zip64's records.
constexpr uint64_t kVersion = 20, kVersion64 = 45;
// What wrote an entry: 4.5, on Unix. Python's zipfile says 2.0 by itself, which is as good.
constexpr uint64_t kMadeBy = 3 << 8 | 45, kMadeBy20 = 3 << 8 | 20;
constexpr uint64_t kAttributes = uint64_t{0100644} << 16;  // a file that all may read

// The number is in a zip64 record.
constexpr uint64_t kIn64 = 0xffffffff;
constexpr uint64_t kCountIn64 = 0xffff;

constexpr uint64_t kAlignment = 64;  // of the bytes of tensors

}  // namespace midstream::package::zip

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_ZIP_FORMAT_H_
