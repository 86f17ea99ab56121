#include "core/formats/tensorflow/table_writer.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/crc32c.h"
#include "core/formats/tensorflow/wire_writer.h"

namespace midstream::tensorflow {
namespace {

constexpr size_t kBlockSize = 262144;
constexpr size_t kRowsPerRestart = 16;
constexpr size_t kHandlesSize = 40;  // of the footer
constexpr std::string_view kMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";

size_t SharedPrefix(std::string_view a, std::string_view b) {
  const size_t length = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(length), b.begin()).first -
      a.begin());
}

// Rows, each without what its key shares with the one before, and the positions of whole keys.
class BlockBuilder {
 public:
  explicit BlockBuilder(size_t rows_per_restart) : rows_per_restart_(rows_per_restart) {}

  void Add(std::string_view key, std::string_view value) {
    size_t shared = 0;
    if (rows_ == rows_per_restart_) {
      restarts_.push_back(static_cast<uint32_t>(bytes_.size()));
      rows_ = 0;
    } else {
      shared = SharedPrefix(last_key_, key);
    }
    PutVarint(shared, &bytes_);
    PutVarint(key.size() - shared, &bytes_);
    PutVarint(value.size(), &bytes_);
    bytes_.append(key.substr(shared)).append(value);
    last_key_ = key;
    ++rows_;
  }

  size_t size() const { return bytes_.size() + 4 * restarts_.size() + 4; }

  std::string Finish() {
    for (uint32_t restart : restarts_) PutLittleEndian32(restart, &bytes_);
    PutLittleEndian32(static_cast<uint32_t>(restarts_.size()), &bytes_);
    return std::move(bytes_);
  }

 private:
  size_t rows_per_restart_;
  std::string bytes_;
  std::vector<uint32_t> restarts_ = {0};
  size_t rows_ = 0;  // since the last restart
  std::string last_key_;
};

// A short key that is at least `last` and below `next`.
std::string Separator(std::string last, std::string_view next) {
  const size_t at = SharedPrefix(last, next);
  if (at == last.size() || at == next.size()) return last;
  const auto byte = static_cast<unsigned char>(last[at]);
  if (byte == 0xff || byte + 1 >= static_cast<unsigned char>(next[at])) return last;
  last.resize(at + 1);
  last[at] = static_cast<char>(byte + 1);
  return last;
}

// A short key that is at least `last`.
std::string Successor(std::string last) {
  for (size_t i = 0; i < last.size(); ++i) {
    const auto byte = static_cast<unsigned char>(last[i]);
    if (byte == 0xff) continue;
    last.resize(i + 1);
    last[i] = static_cast<char>(byte + 1);
    break;
  }
  return last;
}

// Appends the block and its trailer, and returns its handle.
std::string AppendBlock(std::string block, std::string* table) {
  std::string handle;
  PutVarint(table->size(), &handle);
  PutVarint(block.size(), &handle);
  block += '\0';  // not compressed
  table->append(block);
  PutLittleEndian32(MaskCrc32c(Crc32c(block.data(), block.size())), table);
  return handle;
}

}  // namespace

std::string FormatTable(const TableRows& rows) {
  std::string table;
  BlockBuilder index(1);
  BlockBuilder block(kRowsPerRestart);
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string& key = rows[i].first;
    block.Add(key, rows[i].second);
    const bool last = i + 1 == rows.size();
    if (!last && block.size() < kBlockSize) continue;
    const std::string bound = last ? Successor(key) : Separator(key, rows[i + 1].first);
    index.Add(bound, AppendBlock(block.Finish(), &table));
    block = BlockBuilder(kRowsPerRestart);
  }
  std::string footer = AppendBlock(BlockBuilder(kRowsPerRestart).Finish(), &table);
  footer += AppendBlock(index.Finish(), &table);
  footer.resize(kHandlesSize, '\0');
  return table + footer + std::string(kMagic);
}

}  // namespace midstream::tensorflow
