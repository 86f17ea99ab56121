// Store: where the arrays of a checkpoint lie, as values by key. Orbax writes an OCDBT database, or,
// when told not to, each value as a file of its own below the checkpoint's folder.
//
// Values are ranges of files; they are looked up without reading them, and are known to be there as
// far as the size of their file tells.
//
// Threads: const methods may be called by several threads at once.
#ifndef MIDSTREAM_CORE_FORMATS_ORBAX_STORE_H_
#define MIDSTREAM_CORE_FORMATS_ORBAX_STORE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/status.h"
#include "core/formats/file.h"

namespace midstream::orbax {

// A file that values lie in. It is open only while somebody reads it: a checkpoint of many hosts has
// more files than a process may have open.
class DataFile {
 public:
  // Takes its size. Errors: NOT_FOUND; those of FileSize.
  static Result<std::shared_ptr<const DataFile>> Find(const std::string& path);

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }
  // Errors: those of File::Open; DATA_LOSS when its size is another one meanwhile.
  Result<std::shared_ptr<const formats::File>> Use() const;

 private:
  DataFile(std::string path, uint64_t size) : path_(std::move(path)), size_(size) {}

  std::string path_;
  uint64_t size_;
  mutable std::mutex mutex_;  // guards open_
  mutable std::weak_ptr<const formats::File> open_;
};

struct Value {
  std::string bytes;                     // of one that lies in the index itself
  std::shared_ptr<const DataFile> file;  // of another; null: `bytes` is the value
  uint64_t offset = 0;
  uint64_t size = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  // Errors: NOT_FOUND; DATA_LOSS when the file ends before the value does or is missing. Both name
  // the key.
  virtual Result<Value> Find(const std::string& key) const = 0;
};

// A database whose manifest is `folder`/manifest.ocdbt: reads all of its index. Errors: NOT_FOUND,
// DATA_LOSS, UNIMPLEMENTED, all naming a file.
Result<std::unique_ptr<Store>> OpenOcdbt(const std::string& folder);

// Files below `folder`, named by their keys.
std::unique_ptr<Store> OpenFolder(const std::string& folder);

// All of a value. Errors: DATA_LOSS for one of more than `most` bytes; those of reading.
Result<std::string> ReadValue(const Value& value, size_t most);

}  // namespace midstream::orbax

#endif  // MIDSTREAM_CORE_FORMATS_ORBAX_STORE_H_
