#include "core/formats/package/zip_writer.h"

#include <algorithm>

#include "core/formats/package/zip_format.h"

namespace midstream::package {
namespace {

constexpr uint64_t kDate = 0x00210000;  // 1980-01-01, midnight: the first that the format has

void Put(std::string* bytes, uint64_t number, size_t width) {
  for (size_t i = 0; i < width; ++i) *bytes += static_cast<char>(number >> (8 * i));
}

uint64_t Flags(const std::string& name) {
  const bool ascii =
      std::all_of(name.begin(), name.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  return ascii ? 0 : zip::kFlagUtf8;
}

uint64_t In32(uint64_t number) { return std::min(number, zip::kIn64); }

// The fields from flags to sizes, which both headers have.
void PutCommon(std::string* bytes, const ZipEntry& entry) {
  Put(bytes, Flags(entry.name), 2);
  Put(bytes, 0, 2);  // stored
  Put(bytes, kDate, 4);
  Put(bytes, entry.crc, 4);
  Put(bytes, In32(entry.size), 4);
  Put(bytes, In32(entry.size), 4);
  Put(bytes, entry.name.size(), 2);
}

std::string Extra64(const std::vector<uint64_t>& numbers) {
  std::string extra;
  if (numbers.empty()) return extra;
  Put(&extra, zip::kExtra64, 2);
  Put(&extra, 8 * numbers.size(), 2);
  for (uint64_t number : numbers) Put(&extra, number, 8);
  return extra;
}

}  // namespace

Status ZipWriter::Append(std::string_view bytes) {
  at_ += bytes.size();
  return file_->Append(bytes);
}

Status ZipWriter::Add(const std::string& name, std::string_view bytes, bool aligned) {
  if (entries_.size() == kMostEntries) {
    return InvalidArgument("a package has at most " + std::to_string(kMostEntries) + " entries");
  }
  Written written{{name, 0, bytes.size(), Crc32(bytes)}, at_};
  const bool large = bytes.size() >= zip::kIn64;
  std::string extra = large ? Extra64({bytes.size(), bytes.size()}) : "";
  const uint64_t begin = at_ + zip::kLocalSize + name.size() + extra.size();
  if (aligned && begin % zip::kAlignment != 0) {
    const uint64_t zeros =
        (zip::kAlignment - (begin + zip::kExtraSize) % zip::kAlignment) % zip::kAlignment;
    Put(&extra, zip::kExtraPadding, 2);
    Put(&extra, zeros, 2);
    extra.append(zeros, '\0');
  }
  std::string header;
  Put(&header, zip::kLocal, 4);
  Put(&header, large ? zip::kVersion64 : zip::kVersion, 2);
  PutCommon(&header, written.entry);
  Put(&header, extra.size(), 2);
  header += name + extra;
  MS_RETURN_IF_ERROR(Append(header));
  written.entry.offset = at_;
  entries_.push_back(std::move(written));
  return Append(bytes);
}

Status ZipWriter::Finish() {
  const uint64_t begin = at_;
  for (const auto& [entry, offset] : entries_) {
    std::vector<uint64_t> numbers;
    if (entry.size >= zip::kIn64) numbers = {entry.size, entry.size};
    if (offset >= zip::kIn64) numbers.push_back(offset);
    const std::string extra = Extra64(numbers);
    std::string header;
    Put(&header, zip::kCentral, 4);
    Put(&header, zip::kMadeBy, 2);
    Put(&header, numbers.empty() ? zip::kVersion : zip::kVersion64, 2);
    PutCommon(&header, entry);
    Put(&header, extra.size(), 2);
    Put(&header, 0, 6);  // no comment, first disk, binary
    Put(&header, zip::kAttributes, 4);
    Put(&header, In32(offset), 4);
    MS_RETURN_IF_ERROR(Append(header.append(entry.name).append(extra)));
  }
  const uint64_t end = at_, count = entries_.size(), size = end - begin;
  std::string tail;
  if (count >= zip::kCountIn64 || size >= zip::kIn64 || begin >= zip::kIn64) {
    Put(&tail, zip::kEnd64, 4);
    Put(&tail, zip::kEnd64Size - 12, 8);
    Put(&tail, zip::kVersion64, 2);
    Put(&tail, zip::kVersion64, 2);
    Put(&tail, 0, 8);  // the first disk, twice
    for (uint64_t number : {count, count, size, begin}) Put(&tail, number, 8);
    Put(&tail, zip::kLocator64, 4);
    Put(&tail, 0, 4);
    Put(&tail, end, 8);
    Put(&tail, 1, 4);
  }
  Put(&tail, zip::kEnd, 4);
  Put(&tail, 0, 4);
  Put(&tail, std::min(count, zip::kCountIn64), 2);
  Put(&tail, std::min(count, zip::kCountIn64), 2);
  Put(&tail, In32(size), 4);
  Put(&tail, In32(begin), 4);
  Put(&tail, 0, 2);
  return Append(tail);
}

}  // namespace midstream::package
