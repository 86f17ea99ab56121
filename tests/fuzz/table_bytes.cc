#include "tests/fuzz/table_bytes.h"

#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <cstddef>
#include <cstdint>
#include <map>

#include "core/base/crc32c.h"
#include "core/formats/tensorflow/wire.h"
#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

using tensorflow::TakeVarint;

constexpr size_t kFooterSize = 48;
constexpr uint8_t kEndOfRows = 255;

class StringFile : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice& data) override {
    bytes.append(data.data(), data.size());
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }

  std::string bytes;
};

// Puts the checksum of the block that `handle` begins with right; returns where the block is, an
// empty view when that is outside the file.
std::string_view RepairBlock(std::string_view handle, std::string* table) {
  uint64_t offset, size;
  if (!TakeVarint(&handle, &offset) || !TakeVarint(&handle, &size)) return {};
  if (offset > table->size() || size > table->size() - offset) return {};
  if (table->size() - offset - size < 5) return {};
  char* block = table->data() + offset;
  uint32_t crc = MaskCrc32c(Crc32c(block, size + 1));  // with the compression type
  for (size_t i = 0; i < 4; ++i) block[size + 1 + i] = static_cast<char>(crc >> (8 * i));
  return {block, size};
}

uint8_t TakeByte(std::string_view* input) {
  if (input->empty()) return 0;
  auto byte = static_cast<uint8_t>(input->front());
  input->remove_prefix(1);
  return byte;
}

std::string_view TakeBytes(std::string_view* input, size_t size) {
  std::string_view bytes = input->substr(0, size);
  input->remove_prefix(bytes.size());
  return bytes;
}

}  // namespace

std::string WithRightChecksums(std::string_view table) {
  std::string out(table);
  if (out.size() < kFooterSize) return out;
  std::string footer = out.substr(out.size() - kFooterSize);
  std::string_view handles = footer;
  uint64_t ignored;
  RepairBlock(handles, &out);
  if (!TakeVarint(&handles, &ignored) || !TakeVarint(&handles, &ignored)) return out;
  std::string index(RepairBlock(handles, &out));
  // Entries: three lengths, the key without what it shares with the one before, a handle.
  std::string_view rest = index;
  uint64_t shared, fresh, size;
  while (TakeVarint(&rest, &shared) && TakeVarint(&rest, &fresh) && TakeVarint(&rest, &size) &&
         fresh <= rest.size()) {
    rest.remove_prefix(static_cast<size_t>(fresh));
    RepairBlock(TakeBytes(&rest, static_cast<size_t>(size)), &out);
  }
  return out;
}

std::string TableOfRows(std::string_view* input) {
  leveldb::Options options;
  options.compression = TakeByte(input) % 2 ? leveldb::kSnappyCompression : leveldb::kNoCompression;
  std::map<std::string_view, std::string_view> rows;
  while (!input->empty()) {
    uint8_t key_size = TakeByte(input);
    if (key_size == kEndOfRows) break;
    size_t value_size = TakeByte(input);
    value_size += size_t{256} * TakeByte(input);
    std::string_view key = TakeBytes(input, key_size);
    rows.emplace(key, TakeBytes(input, value_size));
  }
  StringFile file;
  leveldb::TableBuilder builder(options, &file);
  for (const auto& [key, value] : rows) {
    builder.Add({key.data(), key.size()}, {value.data(), value.size()});
  }
  MS_FUZZ_CHECK(builder.Finish().ok());
  return file.bytes;
}

}  // namespace midstream::fuzz
