#include "plugins/python/shim_image.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "midstream/view.hpp"

namespace midstream::python {

namespace {

constexpr std::string_view kPlaceholder = "libmidstream_python_placeholder_";

// A bounds-checked view of an ELF64 file's tables.
class Elf {
 public:
  explicit Elf(const std::string& image) : image_(image) {}

  template <typename T>
  std::optional<T> At(uint64_t offset) const {
    if (offset > image_.size() || image_.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, image_.data() + offset, sizeof value);
    return value;
  }
  bool IsElf64() const {
    const auto header = At<Elf64_Ehdr>(0);
    return header && std::memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_phentsize == sizeof(Elf64_Phdr);
  }
  std::optional<Elf64_Phdr> Segment(uint32_t i) const {
    const auto header = *At<Elf64_Ehdr>(0);
    if (i >= header.e_phnum) return std::nullopt;
    return At<Elf64_Phdr>(header.e_phoff + uint64_t{i} * sizeof(Elf64_Phdr));
  }
  std::optional<uint64_t> FileOffset(uint64_t address) const {
    for (uint32_t i = 0; const auto segment = Segment(i); ++i) {
      if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
          address - segment->p_vaddr < segment->p_filesz)
        return segment->p_offset + (address - segment->p_vaddr);
    }
    return std::nullopt;
  }
  // Calls visit(entry) for each entry of the dynamic section.
  template <typename Visit>
  void Dynamic(const Visit& visit) const {
    for (uint32_t i = 0; const auto segment = Segment(i); ++i) {
      if (segment->p_type != PT_DYNAMIC) continue;
      for (uint64_t at = 0; at < segment->p_filesz; at += sizeof(Elf64_Dyn)) {
        const auto entry = At<Elf64_Dyn>(segment->p_offset + at);
        if (!entry || entry->d_tag == DT_NULL) return;
        visit(*entry);
      }
    }
  }

 private:
  const std::string& image_;
};

sdk::Error Unavailable(const std::string& what) { return {MS_UNAVAILABLE, "python: " + what}; }

}  // namespace

std::string PluginFolder() {
  static const char kHere = 0;
  Dl_info info{};
  if (dladdr(&kHere, &info) == 0 || info.dli_fname == nullptr) return ".";
  const std::string file = info.dli_fname;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

std::string NameLibpython(std::string& image, const std::string& libpython) {
  const Elf elf(image);
  if (!elf.IsElf64()) return "it is no 64-bit ELF library";
  std::optional<uint64_t> strings;
  elf.Dynamic([&](const Elf64_Dyn& entry) {
    if (entry.d_tag == DT_STRTAB) strings = elf.FileOffset(entry.d_un.d_ptr);
  });
  if (!strings) return "it has no table of names";
  std::optional<uint64_t> place;
  elf.Dynamic([&](const Elf64_Dyn& entry) {
    const uint64_t at = *strings + entry.d_un.d_val;
    if (entry.d_tag == DT_NEEDED && at < image.size() &&
        image.compare(at, kPlaceholder.size(), kPlaceholder) == 0)
      place = at;
  });
  if (!place) return "it needs no library with the name of the placeholder";
  const size_t length = strnlen(image.data() + *place, image.size() - *place);
  if (libpython.size() > length) {
    return "the path " + libpython + " is longer than the " + std::to_string(length) +
           " characters there is room for";
  }
  std::memset(image.data() + *place, 0, length);
  std::memcpy(image.data() + *place, libpython.data(), libpython.size());
  return "";
}

Fd MakeShimImage(const std::string& shim, const std::string& libpython) {
  std::ifstream file(shim, std::ios::binary);
  std::string image{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || image.empty())
    throw Unavailable("cannot read " + shim + ", which belongs to this plugin");
  const std::string wrong = NameLibpython(image, libpython);
  if (!wrong.empty()) throw Unavailable(shim + ": " + wrong);
  Fd memory(memfd_create("midstream_python_shim", MFD_CLOEXEC));
  if (!memory.valid()) throw Unavailable(std::string("memfd_create: ") + std::strerror(errno));
  for (size_t done = 0; done < image.size();) {
    const ssize_t n = write(memory.get(), image.data() + done, image.size() - done);
    if (n < 0 && errno != EINTR) throw Unavailable(std::string("write: ") + std::strerror(errno));
    if (n > 0) done += static_cast<size_t>(n);
  }
  return memory;
}

}  // namespace midstream::python
