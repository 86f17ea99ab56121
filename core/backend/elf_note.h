// What a plugin's file says about itself, read without loading it.
//
// Loading a library runs its constructors, so everything that can be refused from the file alone is
// refused here: not an ELF library, another machine, no Midstream note, symbols resolved lazily.
// Any bytes are safe input: each read is bounded by the file's size, each loop by a constant.
// Threads: any.
#ifndef MIDSTREAM_CORE_BACKEND_ELF_NOTE_H_
#define MIDSTREAM_CORE_BACKEND_ELF_NOTE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/status.h"

namespace midstream::backend {

// The content of the note that MS_BACKEND_NOTE writes.
struct PluginNote {
  std::string name;
  uint16_t abi_major = 0;
  uint16_t abi_minor = 0;
  uint32_t sanitizer = 0;  // MS_SANITIZER_*
};

// Copies size bytes at offset to out; false when they are not all there.
using ReadAt = std::function<bool(uint64_t offset, void* out, uint64_t size)>;

// The note of the library behind read. Messages continue a sentence that begins with the file's
// name. Errors: INVALID_ARGUMENT: not a shared library for this process, damaged, no note, or not
// linked with -z now.
Result<PluginNote> ReadPluginNote(const ReadAt& read);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_ELF_NOTE_H_
