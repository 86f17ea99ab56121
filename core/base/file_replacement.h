// FileReplacement: writes a file that appears under its name complete, or not at all.
//
// The bytes go to a temporary file in the same folder, which is renamed over `path` when all of it
// is on the disk. Whenever the process or the machine dies, the name holds the old file or the new
// one. A failure, and a FileReplacement that is dropped unpublished, leaves the old file and no
// temporary one; a killed process leaves its temporary file, `.NAME.PID-N.tmp`.
//
// Threads: one at a time; any number of replacements of one name, of which the last wins.
#ifndef MIDSTREAM_CORE_BASE_FILE_REPLACEMENT_H_
#define MIDSTREAM_CORE_BASE_FILE_REPLACEMENT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace midstream {

class FileReplacement {
 public:
  // A symbolic link is followed: the file that it names is replaced, and keeps its permissions.
  // Errors: INVALID_ARGUMENT when `path` is there and is no regular file; what the system says.
  static Result<FileReplacement> Begin(const std::string& path);
  FileReplacement(FileReplacement&& other) noexcept;
  FileReplacement& operator=(FileReplacement&& other) noexcept;
  ~FileReplacement();

  Status Append(const void* data, size_t size);
  Status Append(std::string_view bytes) { return Append(bytes.data(), bytes.size()); }

  // For libraries that write a file by its name. What they leave there is what is published.
  const std::string& temporary_path() const { return temporary_; }

  // Waits until the bytes are on the disk. Nothing may be written afterwards.
  Status Sync();
  // Renames, and waits until that is on the disk. Requires: Sync succeeded. Errors: the old file is
  // still there, unless it is the folder that could not be synced, as the message then says.
  Status Publish();

 private:
  FileReplacement(std::string path, std::string temporary, int descriptor)
      : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

  std::string path_;
  std::string temporary_;  // empty: published
  int descriptor_ = -1;
};

// Waits until the names in the folder of `path` are on the disk.
Status SyncFolderOf(const std::string& path);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_BASE_FILE_REPLACEMENT_H_
