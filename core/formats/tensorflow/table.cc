#include "core/formats/tensorflow/table.h"

#include <snappy.h>

#include <algorithm>

#include "core/base/crc32c.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

constexpr size_t kFooterSize = 48;
constexpr size_t kTrailerSize = 5;  // type and checksum behind every block
constexpr std::string_view kMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
// An index is small (a thousand tensors: 100 kB); all rows are held in memory.
constexpr uint64_t kLargestTable = uint64_t{1} << 30;

enum BlockType : char { kPlain = 0, kSnappy = 1 };

uint32_t LittleEndian32(const char* bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

bool TakeHandle(std::string_view* rest, uint64_t* offset, uint64_t* size) {
  return TakeVarint(rest, offset) && TakeVarint(rest, size);
}

bool Inside(uint64_t offset, uint64_t size, uint64_t end) {
  return offset <= end && size <= end - offset && kTrailerSize <= end - offset - size;
}

// Calls visit(key, value) for each row of a block until it returns false. False when the block is
// malformed.
template <typename Visit>
bool VisitRows(std::string_view block, Visit visit) {
  if (block.size() < 4) return false;
  uint64_t restarts = 4 * (uint64_t{LittleEndian32(block.data() + block.size() - 4)} + 1);
  if (restarts > block.size()) return false;
  std::string_view rest = block.substr(0, block.size() - static_cast<size_t>(restarts));
  std::string key;
  while (!rest.empty()) {
    uint64_t shared, fresh, size;
    if (!TakeVarint(&rest, &shared) || !TakeVarint(&rest, &fresh) || !TakeVarint(&rest, &size) ||
        shared > key.size() || fresh > rest.size() || size > rest.size() - fresh) {
      return false;
    }
    key.resize(static_cast<size_t>(shared));
    key += rest.substr(0, static_cast<size_t>(fresh));
    std::string_view value = rest.substr(static_cast<size_t>(fresh), static_cast<size_t>(size));
    rest.remove_prefix(static_cast<size_t>(fresh + size));
    if (!visit(key, value)) return true;
  }
  return true;
}

Status Damaged(const std::string& path, const std::string& why) {
  return DataLoss(path + " is damaged: " + why);
}

}  // namespace

Result<Table> Table::Open(const std::string& path) {
  MS_ASSIGN_OR_RETURN(formats::File file, formats::File::Open(path));
  Table table(std::move(file));
  if (table.file_.size() < kFooterSize) {
    return DataLoss(path + " is not a checkpoint table: it has " +
                    std::to_string(table.file_.size()) + " bytes, fewer than its footer");
  }
  char footer[kFooterSize];
  uint64_t end = table.file_.size() - kFooterSize;
  MS_RETURN_IF_ERROR(table.file_.ReadAt(end, footer, kFooterSize));
  std::string_view rest(footer, kFooterSize);
  if (!rest.ends_with(kMagic)) {
    return DataLoss(path + " is not a checkpoint table, or was cut short: bad magic number");
  }
  rest.remove_suffix(kMagic.size());
  uint64_t offset, size;  // first of the block of meta information, which is empty
  bool inside = TakeHandle(&rest, &offset, &size) && Inside(offset, size, end) &&
                TakeHandle(&rest, &offset, &size) && Inside(offset, size, end);
  if (!inside) return Damaged(path, "its footer points outside the file");
  MS_ASSIGN_OR_RETURN(std::string index, table.ReadBlock(offset, size));

  bool outside = false;
  bool sorted = true;
  uint64_t next = 0;       // where the block before ends: no block is read twice
  uint64_t key_bytes = 0;  // what the index shortens by sharing is bounded as a compression is
  bool well_formed = VisitRows(index, [&](std::string_view key, std::string_view value) {
    Block block{std::string(key)};
    outside =
        !TakeHandle(&value, &block.offset, &block.size) || !Inside(block.offset, block.size, end);
    if (outside) return false;
    key_bytes += key.size();
    sorted = (table.blocks_.empty() || table.blocks_.back().last_key < key) &&
             block.offset >= next && key_bytes <= table.file_.size() * kLargestGrowth;
    next = block.offset + block.size + kTrailerSize;
    table.blocks_.push_back(std::move(block));
    return sorted;
  });
  if (outside) return Damaged(path, "its index points outside the file");
  if (!well_formed || !sorted) return Damaged(path, "its list of blocks is malformed");
  return table;
}

Result<std::string> Table::ReadBlock(uint64_t offset, uint64_t size) const {
  std::string bytes(static_cast<size_t>(size) + kTrailerSize, '\0');
  MS_RETURN_IF_ERROR(file_.ReadAt(offset, bytes.data(), bytes.size()));
  size_t covered = static_cast<size_t>(size) + 1;  // the payload and its type
  if (Crc32c(bytes.data(), covered) != UnmaskCrc32c(LittleEndian32(bytes.data() + covered))) {
    return Damaged(path(),
                   "the block at " + std::to_string(offset) + " does not match its checksum");
  }
  char type = bytes[covered - 1];
  bytes.resize(static_cast<size_t>(size));
  if (type == kPlain) return bytes;
  size_t length = 0;
  std::string plain;
  if (type != kSnappy || !snappy::GetUncompressedLength(bytes.data(), bytes.size(), &length) ||
      length > bytes.size() * kLargestGrowth ||
      !snappy::Uncompress(bytes.data(), bytes.size(), &plain)) {
    return Damaged(path(), "the block at " + std::to_string(offset) + " cannot be decompressed");
  }
  return plain;
}

Result<TableValue> Table::Get(std::string_view key) const {
  auto block = std::lower_bound(
      blocks_.begin(), blocks_.end(), key,
      [](const Block& block, std::string_view wanted) { return block.last_key < wanted; });
  if (block == blocks_.end()) return TableValue{};
  MS_ASSIGN_OR_RETURN(std::string bytes, ReadBlock(block->offset, block->size));
  TableValue found{std::make_unique<const std::string>(std::move(bytes)), {}};
  bool present = false;
  bool well_formed = VisitRows(*found.block, [&](std::string_view row_key, std::string_view value) {
    present = row_key == key;
    if (present) found.value = value;
    return !present;
  });
  if (!well_formed) return Damaged(path(), "a block is malformed");
  return present ? std::move(found) : TableValue{};
}

Result<TableRows> ReadTable(const std::string& path) {
  MS_ASSIGN_OR_RETURN(Table table, Table::Open(path));
  if (table.file_size() > kLargestTable) {
    return InvalidArgument(path + " has " + std::to_string(table.file_size()) +
                           " bytes; an index of more than 1 GiB is not read");
  }
  TableRows rows;
  uint64_t total = 0;
  for (const Table::Block& block : table.blocks_) {
    MS_ASSIGN_OR_RETURN(std::string bytes, table.ReadBlock(block.offset, block.size));
    bool sorted = true;
    bool well_formed = VisitRows(bytes, [&](std::string_view key, std::string_view value) {
      total += key.size() + value.size();
      sorted = rows.empty() || rows.back().first < key;
      rows.emplace_back(key, value);
      return sorted && total <= table.file_size() * kLargestGrowth;
    });
    if (!well_formed) return Damaged(path, "a block is malformed");
    if (!sorted) return Damaged(path, "its rows are not sorted");
    if (total > table.file_size() * kLargestGrowth) {
      return Damaged(path, "its rows are larger than the file can hold");
    }
  }
  return rows;
}

}  // namespace midstream::tensorflow
