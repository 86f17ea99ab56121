// Packages for tests, written field by field and without the product's writer, so that every field
// can lie.
#ifndef MIDSTREAM_TESTS_CORE_FORMATS_PACKAGE_TESTING_H_
#define MIDSTREAM_TESTS_CORE_FORMATS_PACKAGE_TESTING_H_

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace midstream::package {

// The fields of one header of a zip entry.
struct RawHeader {
  uint16_t version = 20;
  uint16_t flags = 0, method = 0;
  uint32_t time = 0x00210000;
  uint32_t crc = 0;
  uint32_t stored = 0, size = 0;
  std::string name;
  std::string extra;
};

struct RawEntry {
  std::string data;
  RawHeader local, central;
  std::string comment;
  uint16_t disk = 0;
  uint16_t made_by = 3 << 8 | 45, internal = 0;
  uint32_t attributes = uint32_t{0100644} << 16;
  std::optional<uint32_t> offset;  // instead of where it lies
  std::string before;              // bytes in front of its local header
};

// A zip file as it will be written. `data` of an entry is not looked at again: sizes and sums are
// those of the headers.
struct RawZip {
  std::vector<RawEntry> entries;
  std::string before_directory;
  std::string after_directory;
  std::string after;
  std::string comment;
  std::optional<uint16_t> count;
  std::optional<uint32_t> directory_size, directory_offset;
  bool zip64 = false;                             // an end record of zip64 too
  std::function<void(std::string*)> edit64 = {};  // of its 76 bytes, locator included

  RawEntry& at(std::string_view name);
  std::string Build() const;
};

RawEntry Entry(const std::string& name, const std::string& data);

// A package of a policy with one float32[4,2] tensor `w` in data/0.bin, at a multiple of 64 bytes, a
// bool[3] `mask` in data/1.bin, code/policy.py, and data/vocab.txt.
struct RawPackage {
  nlohmann::ordered_json manifest;
  RawZip zip;  // without manifest.json

  std::string Build() const;
  static RawPackage Good();
};

std::string Sha256Text(std::string_view bytes);
// Pads entries whose data must lie at multiples of 64 bytes.
void Align(RawZip* zip);
std::string Little(uint64_t number, size_t width);

}  // namespace midstream::package

#endif  // MIDSTREAM_TESTS_CORE_FORMATS_PACKAGE_TESTING_H_
