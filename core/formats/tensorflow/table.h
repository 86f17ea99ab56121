// The sorted table that holds the index of a checkpoint (format V2) or all of it (V1): the file
// format of LevelDB's tables, blocks optionally compressed with Snappy.
//
// Nothing is trusted: positions are checked against the file and every block against its checksum
// before it is looked into, and no block is decompressed to more than its bytes can stand for.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/formats/file.h"

namespace midstream::tensorflow {

// Snappy cannot shrink by more, so what claims to be larger is not worth decompressing.
constexpr uint64_t kLargestGrowth = 64;

// One row's value and the block that holds it.
struct TableValue {
  std::unique_ptr<const std::string> block;  // null: the table has no such row
  std::string_view value;
};

class Table {
 public:
  // Reads the footer and the list of blocks. Errors: NOT_FOUND; INVALID_ARGUMENT when it is not a
  // regular file; DATA_LOSS when it is no table or damaged.
  static Result<Table> Open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  uint64_t file_size() const { return file_.size(); }

  // Reads the one block that may hold `key`. Errors: DATA_LOSS.
  Result<TableValue> Get(std::string_view key) const;

 private:
  friend Result<std::vector<std::pair<std::string, std::string>>> ReadTable(
      const std::string& path);

  struct Block {
    std::string last_key;  // or a key between its last one and the next block's first
    uint64_t offset = 0;
    uint64_t size = 0;  // without the trailer
  };

  explicit Table(formats::File file) : file_(std::move(file)) {}
  Result<std::string> ReadBlock(uint64_t offset, uint64_t size) const;

  formats::File file_;
  std::vector<Block> blocks_;  // sorted
};

using TableRows = std::vector<std::pair<std::string, std::string>>;  // key, value; sorted by key

// All rows of the table in `path`. Errors: as Table; INVALID_ARGUMENT for more than 1 GiB.
Result<TableRows> ReadTable(const std::string& path);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TABLE_H_
