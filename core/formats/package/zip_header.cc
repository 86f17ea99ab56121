#include "core/formats/package/zip_header.h"

#include "core/formats/package/zip_format.h"

namespace midstream::package::zip {
namespace {

std::string Text(uint64_t number) { return std::to_string(number); }

}  // namespace

uint64_t Number(std::string_view bytes, size_t at, size_t width) {
  uint64_t number = 0;
  for (size_t i = 0; i < width; ++i) {
    number |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  }
  return number;
}

Status CheckAgree(std::string_view what, uint64_t local, uint64_t central) {
  if (local == central) return OkStatus();
  return DataLoss("its local header and the directory disagree in the " + std::string(what) + ": " +
                  Text(local) + " and " + Text(central));
}

Status CheckVersion(std::string_view where, uint64_t version, bool has64) {
  const uint64_t wanted = has64 ? kVersion64 : kVersion;
  if (version == wanted) return OkStatus();
  return DataLoss("is said by " + std::string(where) + " to need version " + Text(version) +
                  " of zip, expected " + Text(wanted));
}

Status CheckUnread(const Header& header) {
  if (header.made_by != kMadeBy && header.made_by != kMadeBy20) {
    return DataLoss("is said to be made by " + Text(header.made_by) + ", expected " +
                    Text(kMadeBy) + " (zip 4.5 on Unix)");
  }
  if (header.internal == 0 && header.attributes == kAttributes) return OkStatus();
  return DataLoss("has the attributes " + Text(header.internal) + " and " +
                  Text(header.attributes) + ", expected 0 and " + Text(kAttributes) +
                  " (a file of mode 0644)");
}

Status CheckKind(const Header& header) {
  if ((header.flags & kFlagEncrypted) != 0) {
    return Unimplemented("is encrypted; the entries of a package are not");
  }
  if ((header.flags & kFlagSizesBehind) != 0) {
    return Unimplemented("has its sizes behind its data; a package has them before");
  }
  if ((header.flags & ~uint64_t{kFlagUtf8}) != 0) {
    return Unimplemented("has the flags " + Text(header.flags) + ", which no package has");
  }
  if (header.method != 0) {
    return Unimplemented("is compressed by method " + Text(header.method) +
                         "; the entries of a package are stored");
  }
  return OkStatus();
}

Result<bool> ReadExtra(std::string_view extra, const std::vector<uint64_t*>& fields, bool all) {
  std::vector<uint64_t*> open;
  for (uint64_t* field : fields) {
    if (*field == kIn64) open.push_back(field);
  }
  bool seen64 = false;
  while (!extra.empty()) {
    const bool headed = extra.size() >= kExtraSize;
    if (!headed || Number(extra, 2, 2) > extra.size() - kExtraSize) {
      return DataLoss("has an extra field that is cut off");
    }
    const uint64_t id = Number(extra, 0, 2), size = Number(extra, 2, 2);
    const std::string_view data = extra.substr(kExtraSize, size);
    extra.remove_prefix(kExtraSize + size);
    if (id == kExtraPadding) {
      if (data.find_first_not_of('\0') == std::string_view::npos) continue;
      return DataLoss("has padding that is not of zeros");
    }
    if (id != kExtra64) {
      return Unimplemented("has an extra field of kind " + Text(id) + ", which no package has");
    }
    if (seen64) return DataLoss("has two zip64 fields");
    seen64 = true;
    const bool whole = all && open.empty() && size == 8 * fields.size();
    if (!whole && (open.empty() || size != 8 * open.size())) {
      return DataLoss("has a zip64 field of " + Text(size) + " bytes, expected " +
                      Text(8 * open.size()));
    }
    for (size_t i = 0; i < size / 8; ++i) {
      const uint64_t number = Number(data, 8 * i, 8);
      if (whole) {
        MS_RETURN_IF_ERROR(CheckAgree("sizes", *fields[i], number));
      } else {
        *open[i] = number;
      }
    }
  }
  if (open.empty() || seen64) return seen64;
  return DataLoss("leaves its sizes to a zip64 field, which is missing");
}

}  // namespace midstream::package::zip
