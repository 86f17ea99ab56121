#include "tests/core/formats/package_testing.h"

#include <zlib.h>

#include "core/base/sha256.h"

namespace midstream::package {

std::string Little(uint64_t number, size_t width) {
  std::string bytes;
  for (size_t i = 0; i < width; ++i) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}

std::string Sha256Text(std::string_view bytes) {
  return Hex(*Sha256Of(bytes.data(), bytes.size()));
}

RawEntry Entry(const std::string& name, const std::string& data) {
  RawEntry entry;
  entry.data = data;
  entry.local.name = name;
  entry.local.crc =
      static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  entry.local.stored = entry.local.size = static_cast<uint32_t>(data.size());
  entry.central = entry.local;
  return entry;
}

RawEntry& RawZip::at(std::string_view name) {
  for (RawEntry& entry : entries) {
    if (entry.central.name == name) return entry;
  }
  std::abort();
}

namespace {

std::string Common(const RawHeader& header) {
  return Little(header.version, 2) + Little(header.flags, 2) + Little(header.method, 2) +
         Little(header.time, 4) + Little(header.crc, 4) + Little(header.stored, 4) +
         Little(header.size, 4) + Little(header.name.size(), 2) + Little(header.extra.size(), 2);
}

}  // namespace

std::string RawZip::Build() const {
  std::string bytes;
  std::vector<uint64_t> offsets;
  for (const RawEntry& entry : entries) {
    bytes += entry.before;
    offsets.push_back(bytes.size());
    bytes += "PK\x03\x04" + Common(entry.local) + entry.local.name + entry.local.extra + entry.data;
  }
  bytes += before_directory;
  const uint64_t begin = bytes.size();
  for (size_t i = 0; i < entries.size(); ++i) {
    const RawEntry& entry = entries[i];
    bytes += "PK\x01\x02" + Little(entry.made_by, 2) + Common(entry.central) +
             Little(entry.comment.size(), 2) + Little(entry.disk, 2) + Little(entry.internal, 2) +
             Little(entry.attributes, 4) +
             Little(entry.offset.value_or(static_cast<uint32_t>(offsets[i])), 4) +
             entry.central.name + entry.central.extra + entry.comment;
  }
  bytes += after_directory;
  const uint64_t end = bytes.size(), n = entries.size();
  if (zip64) {
    std::string tail = "PK\x06\x06" + Little(44, 8) + Little(45, 2) + Little(45, 2) + Little(0, 8) +
                       Little(n, 8) + Little(n, 8) + Little(end - begin, 8) + Little(begin, 8) +
                       "PK\x06\x07" + Little(0, 4) + Little(end, 8) + Little(1, 4);
    if (edit64) edit64(&tail);
    bytes += tail;
  }
  const uint64_t total = count.value_or(static_cast<uint16_t>(n));
  bytes += "PK\x05\x06" + Little(0, 4) + Little(total, 2) + Little(total, 2) +
           Little(directory_size.value_or(static_cast<uint32_t>(end - begin)), 4) +
           Little(directory_offset.value_or(static_cast<uint32_t>(begin)), 4) +
           Little(comment.size(), 2) + comment;
  return bytes + after;
}

void Align(RawZip* zip) {
  uint64_t at = 0;
  for (RawEntry& entry : zip->entries) {
    at += entry.before.size() + 30 + entry.local.name.size() + entry.local.extra.size();
    const bool tensor = entry.local.name.ends_with(".bin");
    if (tensor && at % 64 != 0) {
      const uint64_t zeros = (64 - (at + 4) % 64) % 64;
      entry.local.extra += "FB" + Little(zeros, 2) + std::string(zeros, '\0');
      at += 4 + zeros;
    }
    at += entry.data.size();
  }
}

RawPackage RawPackage::Good() {
  RawPackage package;
  const std::string code = "def run(x, weights):\n    return x @ weights['w']\n";
  std::string w, mask = std::string("\1\0\1", 3);
  for (int i = 0; i < 8; ++i) {
    const float value = 0.5f * static_cast<float>(i);
    w.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  package.zip.entries = {Entry("code/policy.py", code), Entry("data/vocab.txt", "a\nb\n"),
                         Entry("data/0.bin", w), Entry("data/1.bin", mask)};
  Align(&package.zip);
  package.manifest = {{"format", "midstream.package"},
                      {"version", 1},
                      {"name", "policy"},
                      {"entry", "policy:run"},
                      {"python", "3.10"},
                      {"inputs", {{{"name", "x"}, {"dtype", "float32"}, {"shape", {"batch", 4}}}}},
                      {"outputs", {{{"name", "y"}, {"dtype", "float32"}, {"shape", {"batch", 2}}}}},
                      {"batching", true},
                      {"extern", {"numpy"}},
                      {"tensors",
                       {{{"name", "w"},
                         {"dtype", "float32"},
                         {"shape", {4, 2}},
                         {"file", "data/0.bin"},
                         {"sha256", Sha256Text(w)}},
                        {{"name", "mask"},
                         {"dtype", "bool"},
                         {"shape", {3}},
                         {"file", "data/1.bin"},
                         {"sha256", Sha256Text(mask)}}}},
                      {"files",
                       {{{"file", "code/policy.py"}, {"sha256", Sha256Text(code)}},
                        {{"file", "data/vocab.txt"}, {"sha256", Sha256Text("a\nb\n")}}}}};
  return package;
}

std::string RawPackage::Build() const {
  RawZip whole = zip;
  whole.entries.push_back(Entry("manifest.json", manifest.dump(1)));
  return whole.Build();
}

}  // namespace midstream::package
