#include "core/backend/elf_note.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include "core/config/keys.h"
#include "midstream/backend.h"

namespace midstream::backend {
namespace {

static_assert(sizeof(void*) == 8, "the ELF structures below are those of 64-bit machines");

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
#error "name this machine's ELF number here"
#endif
constexpr uint8_t kByteOrder =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

// Far above what linkers write; they bound the work on a damaged file.
constexpr uint16_t kMaxSegments = 512;
constexpr uint64_t kMaxDynamicBytes = 64 << 10;
constexpr uint64_t kMaxNoteBytes = 64 << 10;

std::string MachineName(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_386:
      return "x86";
    case EM_ARM:
      return "ARM";
    case EM_RISCV:
      return "RISC-V";
    default:
      return fmt::format("ELF machine {}", machine);
  }
}

template <typename T>
bool ReadObject(const ReadAt& read, uint64_t offset, T* out) {
  return read(offset, out, sizeof(T));
}

Status Truncated(const char* part) {
  return InvalidArgument(fmt::format("is damaged: its {} does not lie within the file", part));
}

Result<Elf64_Ehdr> ReadHeader(const ReadAt& read) {
  Elf64_Ehdr header;
  if (!ReadObject(read, 0, &header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return InvalidArgument("is not an ELF shared library");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64) {
    return InvalidArgument("is not a 64-bit library");
  }
  if (header.e_ident[EI_DATA] != kByteOrder || header.e_machine != kMachine) {
    return InvalidArgument(fmt::format("was built for {}, this process needs {}",
                                       MachineName(header.e_machine), MachineName(kMachine)));
  }
  if (header.e_type != ET_DYN) return InvalidArgument("is not an ELF shared library");
  return header;
}

// Whether the file holds the last of size bytes at offset.
bool Reaches(const ReadAt& read, uint64_t offset, uint64_t size) {
  char last;
  return size == 0 || (offset <= UINT64_MAX - size && read(offset + size - 1, &last, 1));
}

Result<std::vector<Elf64_Phdr>> ReadSegments(const ReadAt& read) {
  MS_ASSIGN_OR_RETURN(const Elf64_Ehdr header, ReadHeader(read));
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > kMaxSegments) {
    return InvalidArgument("is damaged: its ELF header describes no usable segment table");
  }
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  if (!read(header.e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr))) {
    return Truncated("segment table");
  }
  // Linkers write the section table last, so a file that was cut anywhere lacks a part of it.
  if (!Reaches(read, header.e_shoff, uint64_t{header.e_shnum} * header.e_shentsize)) {
    return Truncated("section table");
  }
  for (const Elf64_Phdr& segment : segments) {
    // The system maps what is missing all the same, and its first use would be a bus error.
    if (segment.p_type == PT_LOAD && !Reaches(read, segment.p_offset, segment.p_filesz)) {
      return Truncated("code or data");
    }
  }
  return segments;
}

// Whether the segment PT_DYNAMIC asks for all symbols to be resolved when the library is loaded.
Result<bool> BindsNow(const ReadAt& read, const Elf64_Phdr& segment) {
  const uint64_t bytes = std::min<uint64_t>(segment.p_filesz, kMaxDynamicBytes);
  std::vector<Elf64_Dyn> entries(bytes / sizeof(Elf64_Dyn));
  if (!read(segment.p_offset, entries.data(), entries.size() * sizeof(Elf64_Dyn))) {
    return Truncated("dynamic section");
  }
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_BIND_NOW) return true;
    if (entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_BIND_NOW) != 0) return true;
    if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_NOW) != 0) return true;
  }
  return false;
}

constexpr uint64_t RoundUp(uint64_t size, uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

// The Midstream note among the notes in bytes, when its size is right.
std::optional<ms_note> FindNote(const std::vector<char>& bytes, uint64_t alignment) {
  struct {
    uint32_t owner_size, desc_size, type;
  } header;
  uint64_t at = 0;
  while (bytes.size() - at >= sizeof(header)) {
    std::memcpy(&header, &bytes[at], sizeof(header));
    const uint64_t size = sizeof(header) + RoundUp(header.owner_size, alignment) +
                          RoundUp(header.desc_size, alignment);
    ms_note note;
    const bool ours =
        header.owner_size == sizeof(MS_NOTE_OWNER) && header.type == MS_NOTE_TYPE &&
        header.desc_size >= sizeof(note) - offsetof(ms_note, abi_major) &&
        bytes.size() - at >= sizeof(note) &&
        std::memcmp(&bytes[at + sizeof(header)], MS_NOTE_OWNER, sizeof(MS_NOTE_OWNER)) == 0;
    if (ours) {
      std::memcpy(&note, &bytes[at], sizeof(note));
      return note;
    }
    if (size > bytes.size() - at) break;
    at += size;
  }
  return std::nullopt;
}

Result<std::optional<ms_note>> ReadNoteSegment(const ReadAt& read, const Elf64_Phdr& segment) {
  std::vector<char> bytes(std::min<uint64_t>(segment.p_filesz, kMaxNoteBytes));
  if (!read(segment.p_offset, bytes.data(), bytes.size())) return Truncated("note segment");
  return FindNote(bytes, segment.p_align == 8 ? 8 : 4);
}

}  // namespace

Result<PluginNote> ReadPluginNote(const ReadAt& read) {
  MS_ASSIGN_OR_RETURN(const std::vector<Elf64_Phdr> segments, ReadSegments(read));
  bool binds_now = false;
  std::optional<ms_note> note;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_DYNAMIC && !binds_now) {
      MS_ASSIGN_OR_RETURN(binds_now, BindsNow(read, segment));
    } else if (segment.p_type == PT_NOTE && !note) {
      MS_ASSIGN_OR_RETURN(note, ReadNoteSegment(read, segment));
    }
  }
  if (!note) {
    return InvalidArgument("has no " MS_NOTE_SECTION " note, so it is not a Midstream plugin");
  }
  const std::string name(note->name, strnlen(note->name, sizeof(note->name)));
  if (!config::IsPluginName(name)) {
    return InvalidArgument("has a note without a legal plugin name ([a-z0-9_]{1,64})");
  }
  if (!binds_now) {
    return InvalidArgument("resolves symbols only when they are called; link it with -Wl,-z,now");
  }
  return PluginNote{name, note->abi_major, note->abi_minor, note->sanitizer};
}

}  // namespace midstream::backend
