#include "core/formats/npy/npy.h"

#include <cerrno>
#include <cstdio>
#include <memory>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/npy/npy_codec.h"

namespace midstream::formats {

Result<Tensor> ReadNpy(const std::string& path) {
  MS_ASSIGN_OR_RETURN(File file, File::Open(path));
  uint64_t offset = 0;
  auto tensor = DecodeNpy(file.size(), [&](void* to, size_t size) {
    offset += size;
    return file.ReadAt(offset - size, to, size);
  });
  if (!tensor.ok()) return tensor.status().WithContext(path);
  return tensor;
}

Status WriteNpy(const std::string& path, const Tensor& tensor) {
  auto bytes = EncodeNpy(tensor);
  if (!bytes.ok()) return bytes.status().WithContext(path);
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (file == nullptr) return ErrnoStatus(errno, path);
  bool written = std::fwrite(bytes->data(), 1, bytes->size(), file.get()) == bytes->size();
  written = std::fclose(file.release()) == 0 && written;
  return written ? OkStatus() : ErrnoStatus(errno, path);
}

}  // namespace midstream::formats
