#include "core/formats/package/stored_zip.h"

#include <zlib.h>

#include <algorithm>
#include <unordered_set>

#include "core/formats/file.h"
#include "core/formats/package/zip_format.h"
#include "core/formats/package/zip_header.h"

namespace midstream::package {
namespace {

using formats::Quoted;
using zip::Header;
using zip::Number;

std::string Text(uint64_t number) { return std::to_string(number); }

// Where the directory lies, from the records at the end of the file.
struct Directory {
  uint64_t count = 0, begin = 0, end = 0;
};

Status Agree64(std::string_view what, uint64_t* value, uint64_t unknown, uint64_t value64) {
  if (*value != unknown && *value != value64) {
    return DataLoss("its two end records disagree in the " + std::string(what) +
                    " of its directory: " + Text(*value) + " and " + Text(value64));
  }
  *value = value64;
  return OkStatus();
}

Result<Directory> FindDirectory(std::string_view bytes) {
  if (bytes.size() < zip::kEndSize) {
    return DataLoss("is no package: it has " + Text(bytes.size()) + " bytes");
  }
  size_t end = bytes.size() - zip::kEndSize;
  if (Number(bytes, end, 4) != zip::kEnd) {
    return DataLoss(
        "does not end with the end record of a zip file: it is no package, is cut off, or has "
        "something behind it");
  }
  if (Number(bytes, end + 20, 2) != 0) return DataLoss("its end record tells of a comment");
  uint64_t count = Number(bytes, end + 10, 2), size = Number(bytes, end + 12, 4),
           begin = Number(bytes, end + 16, 4);
  if (Number(bytes, end + 4, 4) != 0 || Number(bytes, end + 8, 2) != count) {
    return Unimplemented("is one part of a zip file of several");
  }
  const bool needs64 = count == zip::kCountIn64 || size == zip::kIn64 || begin == zip::kIn64;
  const bool has64 =
      end >= zip::kLocator64Size && Number(bytes, end - zip::kLocator64Size, 4) == zip::kLocator64;
  if (needs64 && !has64) return DataLoss("its zip64 end record is missing");
  if (has64) {
    const size_t locator = end - zip::kLocator64Size;
    if (locator < zip::kEnd64Size) return DataLoss("its zip64 end record is cut off");
    end = locator - zip::kEnd64Size;
    if (Number(bytes, locator + 8, 8) != end || Number(bytes, end, 4) != zip::kEnd64) {
      return DataLoss("its zip64 end record is said to lie at " +
                      Text(Number(bytes, locator + 8, 8)) + ", expected " + Text(end));
    }
    const bool plain = Number(bytes, locator + 4, 4) == 0 && Number(bytes, locator + 16, 4) == 1 &&
                       Number(bytes, end + 4, 8) == zip::kEnd64Size - 12 &&
                       Number(bytes, end + 12, 2) == zip::kVersion64 &&
                       Number(bytes, end + 14, 2) == zip::kVersion64 &&
                       Number(bytes, end + 16, 8) == 0 &&
                       Number(bytes, end + 24, 8) == Number(bytes, end + 32, 8);
    if (!plain) return DataLoss("its zip64 end record is none that a package has");
    MS_RETURN_IF_ERROR(
        Agree64("number of entries", &count, zip::kCountIn64, Number(bytes, end + 32, 8)));
    MS_RETURN_IF_ERROR(Agree64("size", &size, zip::kIn64, Number(bytes, end + 40, 8)));
    MS_RETURN_IF_ERROR(Agree64("begin", &begin, zip::kIn64, Number(bytes, end + 48, 8)));
  }
  if (begin > end || size != end - begin) {
    return DataLoss("its directory is said to have " + Text(size) + " bytes at " + Text(begin) +
                    "; it ends at " + Text(end));
  }
  if (count > kMostEntries || count > size / zip::kCentralSize) {
    return DataLoss("its directory is said to have " + Text(count) + " entries in " + Text(size) +
                    " bytes; " + Text(kMostEntries) + " are allowed");
  }
  return Directory{count, begin, end};
}

class Parser {
 public:
  Parser(std::string_view bytes, const Directory& directory)
      : bytes_(bytes), directory_(directory), central_(directory.begin) {}

  Result<std::vector<ZipEntry>> Run() {
    std::vector<ZipEntry> entries;
    std::unordered_set<std::string_view> names;
    for (uint64_t i = 0; i < directory_.count; ++i) {
      auto header = NextCentral();
      if (!header.ok()) return header.status().WithContext("entry " + Text(i));
      Status status = Take(*header, &entries.emplace_back());
      if (status.ok() && !names.insert(header->name).second) status = DataLoss("is there twice");
      if (!status.ok()) return status.WithContext("entry " + Quoted(header->name));
    }
    if (central_ != directory_.end) {
      return DataLoss("its directory has " + Text(directory_.end - central_) +
                      " bytes behind its last entry");
    }
    if (at_ != directory_.begin) {
      return DataLoss("has " + Text(directory_.begin - at_) +
                      " bytes between its last entry and its directory");
    }
    return entries;
  }

 private:
  Result<Header> NextCentral() {
    const uint64_t at = central_;
    if (directory_.end - at < zip::kCentralSize || Number(bytes_, at, 4) != zip::kCentral) {
      return DataLoss("is no entry of a directory");
    }
    Header header;
    header.made_by = Number(bytes_, at + 4, 2);
    header.version = Number(bytes_, at + 6, 2);
    header.flags = Number(bytes_, at + 8, 2);
    header.method = Number(bytes_, at + 10, 2);
    header.time = Number(bytes_, at + 12, 4);
    header.crc = Number(bytes_, at + 16, 4);
    header.compressed = Number(bytes_, at + 20, 4);
    header.size = Number(bytes_, at + 24, 4);
    header.internal = Number(bytes_, at + 36, 2);
    header.attributes = Number(bytes_, at + 38, 4);
    header.offset = Number(bytes_, at + 42, 4);
    const uint64_t name = Number(bytes_, at + 28, 2), extra = Number(bytes_, at + 30, 2);
    const uint64_t comment = Number(bytes_, at + 32, 2);
    if (name + extra + comment > directory_.end - at - zip::kCentralSize) {
      return DataLoss("is cut off in the directory");
    }
    header.name = bytes_.substr(at + zip::kCentralSize, name);
    header.extra = bytes_.substr(at + zip::kCentralSize + name, extra);
    central_ = at + zip::kCentralSize + name + extra + comment;
    if (comment != 0) return DataLoss(Quoted(header.name) + " has a comment");
    if (Number(bytes_, at + 34, 2) != 0) return DataLoss(Quoted(header.name) + " is elsewhere");
    return header;
  }

  Status Take(Header& central, ZipEntry* entry) {
    MS_RETURN_IF_ERROR(CheckEntryName(central.name));
    const bool ascii = std::all_of(central.name.begin(), central.name.end(),
                                   [](char c) { return static_cast<uint8_t>(c) < 0x80; });
    if (!ascii && (central.flags & zip::kFlagUtf8) == 0) {
      return DataLoss("has a name that is not said to be UTF-8");
    }
    MS_RETURN_IF_ERROR(zip::CheckKind(central));
    MS_RETURN_IF_ERROR(zip::CheckUnread(central));
    MS_ASSIGN_OR_RETURN(
        central.has64,
        zip::ReadExtra(central.extra, {&central.size, &central.compressed, &central.offset},
                       false));
    if (central.offset != at_) {
      return DataLoss("begins at " + Text(central.offset) +
                      (central.offset < at_ ? ", inside what is before it, which ends at "
                                            : ", which leaves a hole behind ") +
                      Text(at_));
    }
    Header local;
    MS_ASSIGN_OR_RETURN(const uint64_t begin, ReadLocal(central, &local));
    if (central.compressed != central.size) {
      return DataLoss("is stored, and said to have " + Text(central.compressed) + " bytes of " +
                      Text(central.size));
    }
    if (central.size > directory_.begin - begin) {
      return DataLoss("is said to have " + Text(central.size) + " bytes at " + Text(begin) +
                      "; the directory begins at " + Text(directory_.begin));
    }
    MS_RETURN_IF_ERROR(zip::CheckVersion("its local header", local.version, local.has64));
    MS_RETURN_IF_ERROR(
        zip::CheckVersion("the directory", central.version, central.has64 || local.has64));
    *entry = {std::string(central.name), begin, central.size, static_cast<uint32_t>(central.crc)};
    at_ = begin + central.size;
    return OkStatus();
  }

  // Holds the local header at at_ to the directory. Returns where the data begin.
  Result<uint64_t> ReadLocal(const Header& central, Header* to) const {
    if (at_ > directory_.begin || directory_.begin - at_ < zip::kLocalSize ||
        Number(bytes_, at_, 4) != zip::kLocal) {
      return DataLoss("has no local header at " + Text(at_));
    }
    Header& local = *to;
    local.version = Number(bytes_, at_ + 4, 2);
    local.compressed = Number(bytes_, at_ + 18, 4);
    local.size = Number(bytes_, at_ + 22, 4);
    const uint64_t name = Number(bytes_, at_ + 26, 2), extra = Number(bytes_, at_ + 28, 2);
    if (name + extra > directory_.begin - at_ - zip::kLocalSize) {
      return DataLoss("has a local header that is cut off");
    }
    if (bytes_.substr(at_ + zip::kLocalSize, name) != central.name) {
      return DataLoss("is called " + Quoted(bytes_.substr(at_ + zip::kLocalSize, name)) +
                      " by its local header");
    }
    MS_RETURN_IF_ERROR(zip::CheckAgree("flags", Number(bytes_, at_ + 6, 2), central.flags));
    MS_RETURN_IF_ERROR(zip::CheckAgree("method", Number(bytes_, at_ + 8, 2), central.method));
    MS_RETURN_IF_ERROR(zip::CheckAgree("time", Number(bytes_, at_ + 10, 4), central.time));
    MS_RETURN_IF_ERROR(zip::CheckAgree("CRC-32", Number(bytes_, at_ + 14, 4), central.crc));
    MS_ASSIGN_OR_RETURN(local.has64,
                        zip::ReadExtra(bytes_.substr(at_ + zip::kLocalSize + name, extra),
                                       {&local.size, &local.compressed}, true));
    MS_RETURN_IF_ERROR(zip::CheckAgree("size", local.size, central.size));
    MS_RETURN_IF_ERROR(zip::CheckAgree("stored size", local.compressed, central.compressed));
    return at_ + zip::kLocalSize + name + extra;
  }

  const std::string_view bytes_;
  const Directory directory_;
  uint64_t central_;  // where the next entry of the directory begins
  uint64_t at_ = 0;   // where the next local header begins
};

}  // namespace

Result<std::vector<ZipEntry>> ParseStoredZip(std::string_view bytes) {
  MS_ASSIGN_OR_RETURN(const Directory directory, FindDirectory(bytes));
  return Parser(bytes, directory).Run();
}

Status CheckEntryName(std::string_view name) {
  if (name.empty() || name.size() > kLongestEntryName) {
    return InvalidArgument("has a name of " + Text(name.size()) + " bytes; 1 to " +
                           Text(kLongestEntryName) + " are allowed");
  }
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<uint8_t>(c) < 0x20 || c == 0x7f || c == '\\';
  });
  if (control) return InvalidArgument("has a backslash or a control character in its name");
  if (name.ends_with('/')) return InvalidArgument("is a folder; a package holds files only");
  for (size_t at = 0; at <= name.size();) {
    const size_t slash = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, slash - at);
    if (part.empty() || part == "." || part == "..") {
      return InvalidArgument("has a name that leads out of the package or is read in two ways");
    }
    at = slash + 1;
  }
  return OkStatus();
}

uint32_t Crc32(std::string_view bytes, uint32_t crc) {
  return static_cast<uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace midstream::package
