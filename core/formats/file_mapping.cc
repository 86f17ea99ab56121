#include "core/formats/file_mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/base/file.h"

namespace midstream::formats {

Result<std::shared_ptr<const FileMapping>> FileMapping::Open(const std::string& path,
                                                             const std::string& name) {
  MS_ASSIGN_OR_RETURN(FileStamp stamp, FileStamp::Take(path, name));
  struct stat info;
  if (::fstat(stamp.descriptor(), &info) != 0) return ErrnoStatus(errno, name);
  if (S_ISDIR(info.st_mode)) return InvalidArgument(name + " is a directory, not a file");
  if (!S_ISREG(info.st_mode)) return InvalidArgument(name + " is not a regular file");
  std::shared_ptr<FileMapping> mapping(new FileMapping(std::move(stamp)));
  mapping->size_ = static_cast<size_t>(info.st_size);
  if (mapping->size_ == 0) return std::shared_ptr<const FileMapping>(std::move(mapping));
  void* data =
      ::mmap(nullptr, mapping->size_, PROT_READ, MAP_SHARED, mapping->stamp_.descriptor(), 0);
  if (data == MAP_FAILED) return ErrnoStatus(errno, name);
  mapping->data_ = data;
  return std::shared_ptr<const FileMapping>(std::move(mapping));
}

FileMapping::~FileMapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace midstream::formats
