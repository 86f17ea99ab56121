#include "core/formats/tensorflow/table.h"

#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>

#include <exception>
#include <memory>
#include <string_view>

#include "core/base/file.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

constexpr uint64_t kFooterSize = 48;
constexpr uint64_t kTrailerSize = 5;  // compression type and checksum behind each block
constexpr std::string_view kMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
// Real indices are far smaller (a thousand tensors: 100 kB); all rows are held in memory.
constexpr uint64_t kLargestTable = uint64_t{1} << 30;
// Snappy cannot shrink by more, so rows that claim more are not worth decompressing.
constexpr uint64_t kLargestGrowth = 64;

struct BlockHandle {
  uint64_t offset = 0;
  uint64_t size = 0;  // without the trailer
};

bool TakeHandle(std::string_view* rest, BlockHandle* handle) {
  return TakeVarint(rest, &handle->offset) && TakeVarint(rest, &handle->size);
}

bool Inside(const BlockHandle& handle, uint64_t end) {
  return handle.offset <= end && handle.size <= end - handle.offset &&
         kTrailerSize <= end - handle.offset - handle.size;
}

// Bytes of a block before its array of restart points; 0 when the array does not fit.
size_t EntriesSize(std::string_view block) {
  if (block.size() < 4) return 0;
  uint64_t count = 0;
  for (size_t i = 0; i < 4; ++i) {
    count |= static_cast<uint64_t>(static_cast<unsigned char>(block[block.size() - 4 + i]))
             << (8 * i);
  }
  uint64_t restarts = 4 * (count + 1);
  return restarts <= block.size() ? block.size() - static_cast<size_t>(restarts) : 0;
}

// The handles in an uncompressed index block. LevelDB checks the block's checksum and reports
// damaged entries; this only looks at where the good ones point.
Status CheckIndexBlock(const std::string& path, std::string_view block, uint64_t end) {
  std::string_view rest = block.substr(0, EntriesSize(block));
  while (!rest.empty()) {
    uint64_t shared, fresh, size;
    if (!TakeVarint(&rest, &shared) || !TakeVarint(&rest, &fresh) || !TakeVarint(&rest, &size) ||
        fresh > rest.size() || size > rest.size() - fresh) {
      return OkStatus();
    }
    std::string_view value = rest.substr(static_cast<size_t>(fresh), static_cast<size_t>(size));
    rest.remove_prefix(static_cast<size_t>(fresh + size));
    BlockHandle handle;
    if (TakeHandle(&value, &handle) && !Inside(handle, end)) {
      return DataLoss(path + " is damaged: its index points outside the file");
    }
  }
  return OkStatus();
}

Status CheckLayout(const std::string& path, std::string_view file) {
  if (file.size() < kFooterSize) {
    return DataLoss(path + " is not a checkpoint index: it has " + std::to_string(file.size()) +
                    " bytes, fewer than its footer");
  }
  if (!file.ends_with(kMagic)) {
    return DataLoss(path + " is not a checkpoint index, or was cut short: bad magic number");
  }
  size_t end = file.size() - kFooterSize;
  std::string_view rest = file.substr(end, kFooterSize - kMagic.size());
  BlockHandle metaindex, index;
  if (!TakeHandle(&rest, &metaindex) || !TakeHandle(&rest, &index) || !Inside(metaindex, end) ||
      !Inside(index, end)) {
    return DataLoss(path + " is damaged: its footer points outside the file");
  }
  auto offset = static_cast<size_t>(index.offset);
  auto size = static_cast<size_t>(index.size);
  bool compressed = file[offset + size] != 0;
  return compressed ? OkStatus() : CheckIndexBlock(path, file.substr(offset, size), end);
}

// LevelDB reads the bytes that were checked; its own files would be mapped.
class MemoryFile : public leveldb::RandomAccessFile {
 public:
  explicit MemoryFile(std::string_view bytes) : bytes_(bytes) {}

  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* /*scratch*/) const override {
    if (offset > bytes_.size() || n > bytes_.size() - offset) {
      return leveldb::Status::Corruption("a block lies outside the file");
    }
    *result = leveldb::Slice(bytes_.data() + offset, n);
    return leveldb::Status::OK();
  }

 private:
  std::string_view bytes_;
};

Status FromLevelDb(const std::string& path, const leveldb::Status& status) {
  return DataLoss(path + " is damaged: " + status.ToString());
}

Result<TableRows> ReadRows(const std::string& path, std::string_view bytes) {
  MemoryFile file(bytes);
  leveldb::Options options;
  options.paranoid_checks = true;
  leveldb::Table* raw_table = nullptr;
  leveldb::Status status = leveldb::Table::Open(options, &file, bytes.size(), &raw_table);
  if (!status.ok()) return FromLevelDb(path, status);
  std::unique_ptr<leveldb::Table> table(raw_table);

  leveldb::ReadOptions read;
  read.verify_checksums = true;
  read.fill_cache = false;
  std::unique_ptr<leveldb::Iterator> rows(table->NewIterator(read));
  TableRows out;
  uint64_t total = 0;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    total += rows->key().size() + rows->value().size();
    if (total > bytes.size() * kLargestGrowth) {
      return DataLoss(path + " is damaged: its rows are larger than the file can hold");
    }
    out.emplace_back(rows->key().ToString(), rows->value().ToString());
    if (out.size() > 1 && out[out.size() - 2].first >= out.back().first) {
      return DataLoss(path + " is damaged: its rows are not sorted");
    }
  }
  if (!rows->status().ok()) return FromLevelDb(path, rows->status());
  return out;
}

}  // namespace

Result<TableRows> ReadTable(const std::string& path) {
  MS_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, kLargestTable));
  MS_RETURN_IF_ERROR(CheckLayout(path, bytes));
  try {
    return ReadRows(path, bytes);
  } catch (const std::exception& error) {  // LevelDB lets std::bad_alloc through
    return DataLoss(path + " is damaged: " + error.what());
  }
}

}  // namespace midstream::tensorflow
