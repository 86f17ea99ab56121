#include "core/backend/elf_note.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "midstream/backend.h"

namespace midstream::backend {
namespace {

using testing::HasSubstr;

// The parts of a library that the parser looks at, and nothing else.
struct Library {
  Elf64_Ehdr header{};
  Elf64_Phdr note_segment{};
  Elf64_Phdr dynamic_segment{};
  Elf64_Phdr load_segment{};
  Elf64_Nhdr other_note{0, 20, 3};
  char other_desc[20] = {};
  ms_note note{};
  Elf64_Dyn dynamic[3] = {};

  Library() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_DYN;
#if defined(__x86_64__)
    header.e_machine = EM_X86_64;
#else
    header.e_machine = EM_AARCH64;
#endif
    header.e_phoff = offsetof(Library, note_segment);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 3;
    note_segment.p_type = PT_NOTE;
    note_segment.p_offset = offsetof(Library, other_note);
    note_segment.p_filesz = offsetof(Library, dynamic) - offsetof(Library, other_note);
    note_segment.p_align = 4;
    dynamic_segment.p_type = PT_DYNAMIC;
    dynamic_segment.p_offset = offsetof(Library, dynamic);
    dynamic_segment.p_filesz = sizeof(dynamic);
    load_segment.p_type = PT_LOAD;
    load_segment.p_filesz = sizeof(Library);
    note = {10, 72, MS_NOTE_TYPE, MS_NOTE_OWNER, 1, 3, MS_SANITIZER_THREAD, "acme"};
    dynamic[0].d_tag = DT_SONAME;
    dynamic[1].d_tag = DT_FLAGS;
    dynamic[1].d_un.d_val = DF_BIND_NOW;
  }

  std::string bytes() const {
    return std::string(reinterpret_cast<const char*>(this), sizeof(*this));
  }
};

Result<PluginNote> Parse(const std::string& bytes) {
  return ReadPluginNote([&](uint64_t offset, void* out, uint64_t size) {
    if (offset > bytes.size() || size > bytes.size() - offset) return false;
    if (size > 0) std::memcpy(out, bytes.data() + offset, size);
    return true;
  });
}

std::string Refusal(const Library& library) {
  const auto note = Parse(library.bytes());
  EXPECT_EQ(note.status().code(), Code::kInvalidArgument);
  return std::string(note.status().message());
}

TEST(ElfNote, ReadsTheNote) {
  const auto note = Parse(Library().bytes());
  ASSERT_TRUE(note.ok()) << note.status().ToString();
  EXPECT_EQ(note->name, "acme");
  EXPECT_EQ(note->abi_major, 1);
  EXPECT_EQ(note->abi_minor, 3);
  EXPECT_EQ(note->sanitizer, MS_SANITIZER_THREAD);
}

TEST(ElfNote, TakesANameOfFullLength) {
  Library library;
  std::memset(library.note.name, 'a', sizeof(library.note.name));
  const auto note = Parse(library.bytes());
  ASSERT_TRUE(note.ok());
  EXPECT_EQ(note->name, std::string(64, 'a'));
}

TEST(ElfNote, KnowsEverySpellingOfBindNow) {
  for (const auto& [tag, value] : {std::pair<int64_t, uint64_t>{DT_BIND_NOW, 0},
                                   {DT_FLAGS, DF_BIND_NOW | DF_SYMBOLIC},
                                   {DT_FLAGS_1, DF_1_NOW}}) {
    Library library;
    library.dynamic[1].d_tag = tag;
    library.dynamic[1].d_un.d_val = value;
    EXPECT_TRUE(Parse(library.bytes()).ok()) << tag;
  }
  Library lazy;
  lazy.dynamic[1].d_un.d_val = DF_SYMBOLIC;
  EXPECT_THAT(Refusal(lazy), HasSubstr("-Wl,-z,now"));
  Library after_the_end;
  after_the_end.dynamic[0].d_tag = DT_NULL;
  EXPECT_THAT(Refusal(after_the_end), HasSubstr("-Wl,-z,now"));
}

TEST(ElfNote, NeedsItsOwnNote) {
  Library owner;
  owner.note.owner[0] = 'm';
  EXPECT_THAT(Refusal(owner), HasSubstr("has no .note.midstream note"));
  Library type;
  type.note.type = 2;
  EXPECT_THAT(Refusal(type), HasSubstr("has no .note.midstream note"));
  Library small;
  small.note.desc_size = 71;
  EXPECT_THAT(Refusal(small), HasSubstr("has no .note.midstream note"));
  Library cut;
  cut.note_segment.p_filesz -= 4;
  EXPECT_THAT(Refusal(cut), HasSubstr("has no .note.midstream note"));
  Library name;
  std::strcpy(name.note.name, "../acme");
  EXPECT_THAT(Refusal(name), HasSubstr("legal plugin name"));
}

TEST(ElfNote, NeedsPartsWithinTheFile) {
  Library table;
  table.header.e_phoff = UINT64_MAX - 8;
  EXPECT_THAT(Refusal(table), HasSubstr("segment table does not lie within the file"));
  Library note;
  note.note_segment.p_offset = sizeof(Library);
  EXPECT_THAT(Refusal(note), HasSubstr("note segment does not lie within the file"));
  Library dynamic;
  dynamic.dynamic_segment.p_filesz = UINT64_MAX;
  EXPECT_THAT(Refusal(dynamic), HasSubstr("dynamic section does not lie within the file"));
  Library code;
  code.load_segment.p_filesz += 1;
  EXPECT_THAT(Refusal(code), HasSubstr("code or data does not lie within the file"));
  code.load_segment.p_offset = UINT64_MAX;
  EXPECT_THAT(Refusal(code), HasSubstr("code or data does not lie within the file"));
  Library sections;
  sections.header.e_shoff = sizeof(Library) - 64;
  sections.header.e_shentsize = 64;
  sections.header.e_shnum = 1;
  EXPECT_TRUE(Parse(sections.bytes()).ok());
  sections.header.e_shnum = 2;
  EXPECT_THAT(Refusal(sections), HasSubstr("section table does not lie within the file"));
  Library count;
  count.header.e_phnum = UINT16_MAX;
  EXPECT_THAT(Refusal(count), HasSubstr("no usable segment table"));
}

TEST(ElfNote, AnyCutIsSafe) {
  const std::string good = Library().bytes();
  for (size_t size = 0; size < good.size(); ++size) {
    const auto note = Parse(good.substr(0, size));
    EXPECT_EQ(note.ok(), false) << size;
  }
}

TEST(ElfNote, AnyBytesAreSafe) {
  const std::string good = Library().bytes();
  std::mt19937 random(17);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (unsigned n = 1 + random() % 8; n > 0; --n) {
      // Extreme values find more than random ones.
      const char values[] = {0, 1, 4, 7, '\x7f', '\x80', '\xff', static_cast<char>(random())};
      bytes[random() % bytes.size()] = values[random() % 8];
    }
    const auto note = Parse(bytes);
    EXPECT_TRUE(!note.ok() || note->name.size() <= 64);
  }
}

}  // namespace
}  // namespace midstream::backend
