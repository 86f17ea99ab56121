// OCDBT databases and folders of values: every kind of tree, and every kind of damage.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/formats/orbax/ocdbt_record.h"
#include "core/formats/orbax/store.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/orbax_testing.h"

namespace midstream::orbax {
namespace {

using formats::TempDir;
using testing::HasSubstr;

KeyValues Values(size_t count) {
  KeyValues values;
  for (size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(1000 + i);
    // Every third is too long to be inline, and one is empty.
    values["params.layer" + number + "/0"] = std::string(i % 3 == 0 ? 150 + i : i, number.back());
  }
  return values;
}

void ExpectValues(const std::string& folder, const KeyValues& values) {
  auto store = OpenOcdbt(folder);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  for (const auto& [key, value] : values) {
    auto found = (*store)->Find(key);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    auto bytes = ReadValue(*found, 1 << 20);
    ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
    EXPECT_EQ(*bytes, value) << key;
  }
  const Status missing = (*store)->Find("params.none").status();
  EXPECT_EQ(missing.code(), Code::kNotFound);
}

Status OpenStatus(const std::string& folder) { return OpenOcdbt(folder).status(); }

void ExpectLoss(const Status& status, const std::string& text) {
  EXPECT_EQ(status.code(), Code::kDataLoss) << status.ToString();
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}

TEST(Ocdbt, ReadsTreesOfEveryHeight) {
  for (bool compress : {false, true}) {
    for (size_t count : {1, 4, 5, 16, 17, 70, 300}) {
      for (const char* base : {"", "ocdbt.process_0/", "a/b."}) {
        TempDir dir;
        OcdbtOptions options;
        options.compress = compress;
        options.base = base;
        WriteOcdbt(dir.path(), Values(count), options);
        SCOPED_TRACE(std::to_string(count) + " " + base);
        ExpectValues(dir.path(), Values(count));
      }
    }
  }
}

TEST(Ocdbt, TakesTheLargestGeneration) {
  for (const auto& generations :
       {std::vector<uint64_t>{1, 2}, {7, 8, 9, 10}, {5, 3, 4}, {1, 300, 299}}) {
    TempDir dir;
    OcdbtOptions options;
    options.generations = generations;
    WriteOcdbt(dir.path(), Values(9), options);
    ExpectValues(dir.path(), Values(9));
  }
}

TEST(Ocdbt, AVersionWithoutKeysHasNone) {
  TempDir dir;
  const std::string body = ManifestBody({{""}, {0}}, {{3, 0, 0, UINT64_MAX, UINT64_MAX, 0}});
  dir.Write("manifest.ocdbt", Envelope(kManifestMagic, body, true));
  auto store = OpenOcdbt(dir.path());
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_EQ((*store)->Find("a").status().code(), Code::kNotFound);
}

TEST(Ocdbt, NoticesEveryChangedByteOfItsIndex) {
  TempDir dir;
  OcdbtOptions options;
  options.entries = 100;  // the root is the only node
  WriteOcdbt(dir.path(), Values(6), options);
  for (const char* name : {"manifest.ocdbt", "ocdbt.process_0/d/nodes"}) {
    const std::string bytes = dir.Read(name);
    for (size_t i = 0; i < bytes.size(); ++i) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ 0x10);
      dir.Write(name, changed);
      const Status status = OpenStatus(dir.path());
      ExpectLoss(status, dir.Path(name));
    }
    dir.Write(name, bytes);
  }
  ExpectValues(dir.path(), Values(6));
}

TEST(Ocdbt, NoticesEveryCut) {
  TempDir dir;
  OcdbtOptions options;
  options.entries = 100;
  WriteOcdbt(dir.path(), Values(6), options);
  const std::string manifest = dir.Read("manifest.ocdbt");
  for (size_t size = 0; size < manifest.size(); ++size) {
    dir.Write("manifest.ocdbt", manifest.substr(0, size));
    ExpectLoss(OpenStatus(dir.path()), "manifest.ocdbt");
  }
  dir.Write("manifest.ocdbt", manifest);
  const std::string nodes = dir.Read("ocdbt.process_0/d/nodes");
  dir.Write("ocdbt.process_0/d/nodes", nodes.substr(0, nodes.size() - 1));
  ExpectLoss(OpenStatus(dir.path()), "the copy of the checkpoint is incomplete");
  std::filesystem::remove(dir.Path("ocdbt.process_0/d/nodes"));
  EXPECT_EQ(OpenStatus(dir.path()).code(), Code::kNotFound);
}

// A database whose index is whole and whose values are not, as after a download that broke off.
TEST(Ocdbt, TellsOfValuesThatAreNotThere) {
  TempDir dir;
  WriteOcdbt(dir.path(), Values(6));
  const std::string values = dir.Read("ocdbt.process_0/d/values");
  dir.Write("ocdbt.process_0/d/values", values.substr(0, values.size() - 1));
  auto store = OpenOcdbt(dir.path());
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_TRUE((*store)->Find("params.layer1000/0").ok());
  const Status cut = (*store)->Find("params.layer1003/0").status();
  ExpectLoss(cut,
             "'params.layer1003/0', 153 bytes, at 150; the copy of the checkpoint is incomplete");
  EXPECT_THAT(std::string(cut.message()), HasSubstr("d/values has 302 bytes"));
  std::filesystem::remove(dir.Path("ocdbt.process_0/d/values"));
  auto without = OpenOcdbt(dir.path());
  ExpectLoss((*without)->Find("params.layer1000/0").status(), "No such file");
}

TEST(Ocdbt, NoticesAFileThatChangesMeanwhile) {
  TempDir dir;
  WriteOcdbt(dir.path(), Values(6));
  auto store = OpenOcdbt(dir.path());
  auto value = (*store)->Find("params.layer1000/0");
  ASSERT_TRUE(value.ok());
  dir.Write("ocdbt.process_0/d/values", "other");
  ExpectLoss(ReadValue(*value, 1000).status(), "has 5 now");
}

TEST(Ocdbt, RefusesPathsThatLeadOutOfTheFolder) {
  for (const char* path : {"../d/x", "/etc/passwd", "d/../../x", "d//x", "./x", "d/", ".."}) {
    TempDir dir;
    const std::string body = ManifestBody({{path}, {0}}, {{1, 0, 0, 0, 100, 1}});
    dir.Write("manifest.ocdbt", Envelope(kManifestMagic, body, false));
    ExpectLoss(OpenStatus(dir.path()), "names a data file '" + std::string(path));
  }
}

TEST(Ocdbt, RefusesAFileWithoutAName) {
  TempDir dir;
  const std::string body = ManifestBody({{""}, {0}}, {{3, 0, 0, 0, 10, 1}});
  dir.Write("manifest.ocdbt", Envelope(kManifestMagic, body, true));
  ExpectLoss(OpenStatus(dir.path()), "refers to a data file without a name");
}

TEST(Ocdbt, RefusesWhatItDoesNotKnow) {
  TempDir dir;
  std::string body = ManifestBody({{"d/x"}, {0}}, {{1, 0, 0, 0, 100, 1}});
  body[16] = 1;
  dir.Write("manifest.ocdbt", Envelope(kManifestMagic, body, true));
  EXPECT_EQ(OpenStatus(dir.path()).code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(OpenStatus(dir.path()).message()), HasSubstr("numbered manifest"));
  dir.Write("manifest.ocdbt", Envelope(kNodeMagic, body, true));
  ExpectLoss(OpenStatus(dir.path()), "is no OCDBT manifest");
}

// A child that is its own parent would be followed for ever, and one of another height nearly so.
TEST(Ocdbt, RefusesNodesThatReferToThemselves) {
  TempDir dir;
  const auto node = [](size_t size) {
    return Envelope(kNodeMagic,
                    Fixed(1, 1) + FileTable({{"d/x"}, {0}}) + Varint(1) + Varint(1) + Varint(0) +
                        "k" + Varint(0) + Varint(0) + Varint(size) + Varint(0) + Varint(0) +
                        Varint(0),
                    false);
  };
  const size_t size = node(40).size();
  WriteFileBelow(dir.path(), "d/x", node(size) + node(size));
  for (const auto& [offset, told] :
       {std::pair(size_t{0}, "refers twice to the node at 0"),
        std::pair(size, "the node at 0 has height 1 where 0 was expected")}) {
    const std::string body = ManifestBody({{"d/x"}, {0}}, {{1, 1, 0, offset, size, 1}});
    dir.Write("manifest.ocdbt", Envelope(kManifestMagic, body, false));
    ExpectLoss(OpenStatus(dir.path()), told);
  }
}

// Forty bytes of table that stand for a tree of 64^9 leaves.
TEST(Ocdbt, RefusesNodesThatAreReferredToAgain) {
  TempDir dir;
  std::string nodes;
  std::string below = Envelope(kNodeMagic, Fixed(0, 1) + Varint(0) + Varint(0), false);
  nodes += below;
  size_t offset = 0;
  for (uint8_t height = 1; height < 10; ++height) {
    std::string body = Fixed(height, 1) + FileTable({{"d/x"}, {0}}) + Varint(64);
    const auto column = [&](const std::string& one) {
      for (int i = 0; i < 64; ++i) body += one;
    };
    for (int i = 0; i < 63; ++i) body += Varint(0);
    column(Varint(1));
    column(Varint(1));
    for (int i = 0; i < 64; ++i) body += static_cast<char>('0' + i);
    column(Varint(0));
    column(Varint(offset));
    column(Varint(below.size()));
    for (int i = 0; i < 3; ++i) column(Varint(0));
    offset = nodes.size();
    below = Envelope(kNodeMagic, body, false);
    nodes += below;
  }
  WriteFileBelow(dir.path(), "d/x", nodes);
  const std::string body = ManifestBody({{"d/x"}, {0}}, {{1, 9, 0, offset, below.size(), 1}});
  dir.Write("manifest.ocdbt", Envelope(kManifestMagic, body, false));
  ExpectLoss(OpenStatus(dir.path()), "d/x: its index refers twice to the node at");
}

TEST(Ocdbt, RefusesARecordThatInflatesWithoutEnd) {
  const std::string zeros(size_t{65} << 20, '\0');
  const std::string record = Envelope(kNodeMagic, zeros, true);
  EXPECT_LT(record.size(), 20'000u);
  ExpectLoss(OpenEnvelope(RecordKind::kNode, record, size_t{64} << 20).status(),
             "decompresses to more than 67108864 bytes");
}

TEST(Ocdbt, EveryPrefixOfABodyIsRefused) {
  const std::string manifest = ManifestBody({{"d/x", "d/y"}, {0, 2}}, {{1, 0, 1, 2, 3, 4}});
  const Result<Manifest> whole = DecodeManifest(manifest);
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(whole->files[1].base, "d/");
  EXPECT_EQ(whole->root.offset, 2u);
  // The last byte counts nodes of older versions, which are not read.
  for (size_t size = 0; size + 1 < manifest.size(); ++size) {
    EXPECT_FALSE(DecodeManifest(std::string_view(manifest).substr(0, size)).ok()) << size;
  }
}

TEST(FolderStore, FindsFiles) {
  TempDir dir;
  WriteFolder(dir.path(), {{"params.a/0.0", "value"}});
  const auto store = OpenFolder(dir.path());
  auto value = store->Find("params.a/0.0");
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  EXPECT_EQ(*ReadValue(*value, 5), "value");
  ExpectLoss(ReadValue(*value, 4).status(), "has 5 bytes; 4 are allowed");
  EXPECT_EQ(store->Find("params.a").status().code(), Code::kNotFound);
  EXPECT_EQ(store->Find("params.b/0").status().code(), Code::kNotFound);
  ExpectLoss(store->Find("../" + dir.path() + "/params.a/0.0").status(), "leads out of the folder");
}

}  // namespace
}  // namespace midstream::orbax
