#include "core/cli/push_source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/file.h"
#include "core/cli/weight_set.h"
#include "core/formats/safetensors/writer.h"

namespace midstream::cli {
namespace {

Status WriteAll(int fd, const void* data, size_t size, const std::string& path) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::write(fd, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, path + ": memory for sending it");
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return OkStatus();
}

// Sealed, so that the engine need not fear that it changes.
Result<serve::Descriptor> InMemory(const WeightSet& set) {
  serve::Descriptor file(::memfd_create("midstream-push", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return ErrnoStatus(errno, set.path);
  MS_RETURN_IF_ERROR(safetensors::WriteTo(
      [&](const void* data, size_t size) { return WriteAll(file.get(), data, size, set.path); },
      set.tensors, set.read));
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
      0) {
    return ErrnoStatus(errno, set.path);
  }
  return file;
}

}  // namespace

Result<PushSource> OpenPushSource(const std::string& path) {
  PushSource source;
  if (!formats::IsTensorFileName(path)) {
    MS_ASSIGN_OR_RETURN(const WeightSet set, OpenWeightSet(path));
    auto file = InMemory(set);
    if (!file.ok()) return file.status();
    source.file = *std::move(file);
    return source;
  }
  if (path.ends_with(".npz")) source.format = formats::TensorFormat::kNpz;
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  source.file = serve::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!source.file.valid()) return ErrnoStatus(errno, path);
  return source;
}

}  // namespace midstream::cli
