// Damaged and lying packages: each is refused by one sentence that names the file and what is wrong,
// before anything is handed on.
#include "core/base/file_replacement.h"
#include "core/formats/package/package.h"
#include "core/formats/package/stored_zip.h"
#include "core/formats/package/zip_writer.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/package_testing.h"

namespace midstream::package {
namespace {

using formats::TempDir;
using testing::HasSubstr;

struct Damage {
  const char* name;
  const char* sentence;
  std::function<std::string(RawPackage)> make;  // bytes of the file
};

// A change to the zip, and one to the manifest.
std::function<std::string(RawPackage)> Zip(std::function<void(RawZip&)> edit) {
  return [edit](RawPackage package) {
    edit(package.zip);
    return package.Build();
  };
}
std::function<std::string(RawPackage)> Text(std::function<void(nlohmann::ordered_json&)> edit) {
  return [edit](RawPackage package) {
    edit(package.manifest);
    return package.Build();
  };
}
// A change to the whole zip, manifest included.
std::function<std::string(RawPackage)> Whole(std::function<void(RawZip&)> edit) {
  return [edit](RawPackage package) {
    package.zip.entries.push_back(Entry("manifest.json", package.manifest.dump(1)));
    edit(package.zip);
    return package.zip.Build();
  };
}
std::function<std::string(RawPackage)> Bytes(std::function<void(std::string&)> edit) {
  return [edit](RawPackage package) {
    std::string bytes = package.Build();
    edit(bytes);
    return bytes;
  };
}
// Another manifest than one made by the JSON library.
std::function<std::string(RawPackage)> Manifest(const std::string& text) {
  return [text](RawPackage package) {
    package.zip.entries.push_back(Entry("manifest.json", text));
    return package.zip.Build();
  };
}

RawHeader& Both(RawEntry& entry, std::function<void(RawHeader&)> edit) {
  edit(entry.local);
  edit(entry.central);
  return entry.central;
}
void Rename(RawZip& zip, const std::string& from, const std::string& to) {
  Both(zip.at(from), [&](RawHeader& header) { header.name = to; });
}
std::string Extra64(const std::vector<uint64_t>& numbers) {
  std::string extra = Little(1, 2) + Little(8 * numbers.size(), 2);
  for (uint64_t number : numbers) extra += Little(number, 8);
  return extra;
}

const std::vector<Damage>& Damages() {
  static const std::vector<Damage>
      kDamages =
          {
              // ---- The end of the zip
              {"Empty", "is no package: it has 0 bytes", [](RawPackage) { return std::string(); }},
              {"NoZip", "does not end with the end record of a zip file",
               [](RawPackage) { return std::string(100, 'x'); }},
              {"CutOff", "does not end with the end record",
               Bytes([](auto& b) { b.resize(b.size() - 1); })},
              {"CutInHalf", "does not end with the end record",
               Bytes([](auto& b) { b.resize(b.size() / 2); })},
              {"Trailing", "or has something behind it", Zip([](auto& z) { z.after = "x"; })},
              {"TrailingZip", "directory is said to have",
               [](RawPackage p) { return p.Build() + p.Build(); }},
              {"Comment", "does not end with the end record",
               Zip([](auto& z) { z.comment = "hello"; })},
              {"CommentLength", "tells of a comment", Bytes([](auto& b) { b[b.size() - 2] = 1; })},
              {"SecondDisk", "is one part of a zip file of several",
               Bytes([](auto& b) { b[b.size() - 18] = 1; })},
              {"Prepended", "its directory is said to have",
               [](RawPackage p) { return "#!/bin/sh\n" + p.Build(); }},
              {"PrependedAndTold",
               "entry 'code/policy.py': begins at 9, which leaves a hole behind 0",
               Zip([](auto& z) { z.entries[0].before = "#!/bin/sh"; })},
              // ---- The directory
              {"DirectoryOutside", "its directory is said to have",
               Zip([](auto& z) { z.directory_offset = 1u << 30; })},
              {"DirectorySize", "its directory is said to have 5 bytes at",
               Zip([](auto& z) { z.directory_size = 5; })},
              {"FewerEntries", "bytes behind its last entry", Zip([](auto& z) { z.count = 4; })},
              {"MoreEntries", "entry 5: is no entry of a directory", Zip([](auto& z) {
                 z.count = 6;
                 z.after_directory = std::string(64, '\0');
               })},
              {"AbsurdCount", "is said to have 65534 entries in",
               Zip([](auto& z) { z.count = 65534; })},
              {"HoleBeforeDirectory", "has 3 bytes between its last entry and its directory",
               Zip([](auto& z) { z.before_directory = "xyz"; })},
              {"BytesBehindDirectory", "has 46 bytes behind its last entry",
               Zip([](auto& z) { z.after_directory = std::string(46, '\0'); })},
              // ---- zip64
              {"Zip64Missing", "its zip64 end record is missing",
               Zip([](auto& z) { z.count = 65535; })},
              {"Zip64CountLies", "two end records disagree in the number of entries",
               Zip([](auto& z) {
                 z.zip64 = true;
                 z.edit64 = [](std::string* t) { (*t)[24] = (*t)[32] = 9; };
               })},
              {"Zip64AbsurdCount", "entries in", Zip([](auto& z) {
                 z.zip64 = true;
                 z.count = 65535;
                 z.edit64 = [](std::string* t) { t->replace(24, 16, std::string(16, '\x7f')); };
               })},
              {"Zip64BeginLies", "its directory is said to have", Zip([](auto& z) {
                 z.zip64 = true;
                 z.directory_offset = 0xffffffff;
                 z.edit64 = [](std::string* t) { t->replace(48, 8, std::string(8, '\xff')); };
               })},
              {"Zip64SizeLies", "two end records disagree in the size", Zip([](auto& z) {
                 z.zip64 = true;
                 z.edit64 = [](std::string* t) { (*t)[40] ^= 1; };
               })},
              {"Zip64Elsewhere", "its zip64 end record is said to lie at 0", Zip([](auto& z) {
                 z.zip64 = true;
                 z.edit64 = [](std::string* t) { t->replace(64, 8, std::string(8, '\0')); };
               })},
              {"Zip64Disks", "its zip64 end record is none that a package has", Zip([](auto& z) {
                 z.zip64 = true;
                 z.edit64 = [](std::string* t) { (*t)[72] = 2; };
               })},
              {"Zip64Version", "its zip64 end record is none that a package has", Zip([](auto& z) {
                 z.zip64 = true;
                 z.edit64 = [](std::string* t) { (*t)[12] ^= 1; };
               })},
              {"Zip64SizeOutside", "entry 'data/1.bin': is said to have 1099511627776 bytes at",
               Zip([](auto& z) {
                 Both(z.at("data/1.bin"), [](RawHeader& h) {
                   h.stored = h.size = 0xffffffff;
                   h.extra = Extra64({uint64_t{1} << 40, uint64_t{1} << 40});
                 });
               })},
              {"Zip64Overflow", "entry 'data/1.bin': is said to have 18446744073709551615 bytes at",
               Zip([](auto& z) {
                 Both(z.at("data/1.bin"), [](RawHeader& h) {
                   h.stored = h.size = 0xffffffff;
                   h.extra = Extra64({UINT64_MAX, UINT64_MAX});
                 });
               })},
              {"Zip64FieldMissing", "leaves its sizes to a zip64 field, which is missing",
               Zip([](auto& z) {
                 Both(z.at("data/1.bin"), [](RawHeader& h) { h.stored = h.size = 0xffffffff; });
               })},
              {"Zip64FieldShort", "has a zip64 field of 8 bytes, expected 16", Zip([](auto& z) {
                 Both(z.at("data/1.bin"), [](RawHeader& h) {
                   h.stored = h.size = 0xffffffff;
                   h.extra = Extra64({3});
                 });
               })},
              {"Zip64FieldDisagrees",
               "its local header and the directory disagree in the sizes: 3 and 4",
               Zip([](auto& z) {
                 z.at("data/1.bin").local.extra += Extra64({4, 3});
               })},
              // ---- Headers
              {"Compressed", "entry 'code/policy.py': is compressed by method 8",
               Zip([](auto& z) { Both(z.entries[0], [](RawHeader& h) { h.method = 8; }); })},
              {"Encrypted", "entry 'code/policy.py': is encrypted",
               Zip([](auto& z) { Both(z.entries[0], [](RawHeader& h) { h.flags = 1; }); })},
              {"SizesBehind", "entry 'data/vocab.txt': has its sizes behind its data",
               Zip([](auto& z) { Both(z.entries[1], [](RawHeader& h) { h.flags = 8; }); })},
              {"UnknownFlag", "has the flags 64, which no package has",
               Zip([](auto& z) { Both(z.entries[1], [](RawHeader& h) { h.flags = 64; }); })},
              {"LocalMethod", "disagree in the method: 8 and 0",
               Zip([](auto& z) { z.entries[0].local.method = 8; })},
              {"LocalFlags", "disagree in the flags: 8 and 0",
               Zip([](auto& z) { z.entries[0].local.flags = 8; })},
              {"LocalName",
               "entry 'code/policy.py': is called 'code/polite.py' by its local header",
               Zip([](auto& z) { z.entries[0].local.name = "code/polite.py"; })},
              {"LocalSize", "disagree in the size: 5 and 4",
               Zip([](auto& z) { z.entries[1].local.size = 5; })},
              {"LocalStoredSize", "disagree in the stored size: 3 and 4",
               Zip([](auto& z) { z.entries[1].local.stored = 3; })},
              {"LocalCrc", "disagree in the CRC-32",
               Zip([](auto& z) { z.entries[1].local.crc ^= 1; })},
              {"LocalTime", "disagree in the time",
               Zip([](auto& z) { z.entries[1].local.time ^= 1; })},
              {"TwoSizes", "is stored, and said to have 3 bytes of 4",
               Zip([](auto& z) { Both(z.entries[1], [](RawHeader& h) { h.stored = 3; }); })},
              {"SizeOutside", "entry 'data/1.bin': is said to have 1000000 bytes at",
               Zip([](auto& z) {
                 Both(z.at("data/1.bin"), [](RawHeader& h) { h.stored = h.size = 1000000; });
               })},
              {"OffsetOutside",
               "entry 'data/0.bin': begins at 2147483647, which leaves a hole behind",
               Zip([](auto& z) { z.at("data/0.bin").offset = 0x7fffffff; })},
              {"Overlapping", "entry 'data/1.bin': begins at 0, inside what is before it",
               Zip([](auto& z) { z.at("data/1.bin").offset = 0; })},
              {"OverlappingSizes", "entry 'data/1.bin': begins at", Zip([](auto& z) {
                 Both(z.at("data/0.bin"), [](RawHeader& h) { h.stored = h.size = h.size + 8; });
               })},
              {"Hole", "entry 'data/vocab.txt': begins at",
               Zip([](auto& z) { z.entries[1].before = "hidden"; })},
              {"NoLocalHeader", "entry 'code/policy.py': has no local header at 0",
               Bytes([](auto& b) { b[0] = 'Q'; })},
              {"LocalHeaderCutOff", "has a local header that is cut off",
               Bytes([](auto& b) { b[28] = b[29] = '\xff'; })},
              {"EntryComment", "'code/policy.py' has a comment",
               Zip([](auto& z) { z.entries[0].comment = "hidden"; })},
              {"EntryDisk", "'code/policy.py' is elsewhere",
               Zip([](auto& z) { z.entries[0].disk = 1; })},
              {"MadeBy", "'code/policy.py': is said to be made by 45, expected 813",
               Zip([](auto& z) { z.entries[0].made_by = 45; })},
              {"InternalAttributes",
               "'code/policy.py': has the attributes 1 and 2175008768, expected 0 and 2175008768",
               Zip([](auto& z) { z.entries[0].internal = 1; })},
              {"ExternalAttributes", "'code/policy.py': has the attributes 0 and 2175008769",
               Zip([](auto& z) { z.entries[0].attributes += 1; })},
              {"LocalVersion", "is said by its local header to need version 45 of zip, expected 20",
               Zip([](auto& z) { z.entries[0].local.version = 45; })},
              {"CentralVersion", "is said by the directory to need version 21 of zip, expected 20",
               Zip([](auto& z) { z.entries[0].central.version = 21; })},
              {"Zip64LocalVersion",
               "is said by its local header to need version 20 of zip, expected 45",
               Zip([](auto& z) {
                 z.at("data/1.bin").local.extra += Extra64({3, 3});
                 z.at("data/1.bin").central.version = 45;
               })},
              {"Zip64CentralVersion",
               "is said by the directory to need version 20 of zip, expected 45", Zip([](auto& z) {
                 z.at("data/1.bin").local.extra += Extra64({3, 3});
                 z.at("data/1.bin").local.version = 45;
               })},
              {"UnknownExtra", "has an extra field of kind 21589",
               Zip([](auto& z) { z.entries[0].local.extra = "UT" + Little(1, 2) + "x"; })},
              {"PaddingHides", "has padding that is not of zeros",
               Zip([](auto& z) { z.entries[0].local.extra = "FB" + Little(1, 2) + "x"; })},
              {"ExtraCutOff", "has an extra field that is cut off",
               Zip([](auto& z) { z.entries[0].local.extra = "FB" + Little(9, 2); })},
              // ---- Names
              {"Absolute", "entry '/etc/passwd': has a name that leads out of the package",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", "/etc/passwd"); })},
              {"Traversal", "entry 'data/../../x': has a name that leads out of the package",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", "data/../../x"); })},
              {"DotPart", "entry 'data/./x': has a name that leads out",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", "data/./x"); })},
              {"Backslash", "has a backslash or a control character in its name",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", "data\\vocab.txt"); })},
              {"ControlCharacter",
               "entry 'data/\\x0avocab': has a backslash or a control character",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", "data/\nvocab"); })},
              {"Folder", "entry 'data/sub/': is a folder",
               Zip([](auto& z) { z.entries.insert(z.entries.begin(), Entry("data/sub/", "")); })},
              {"NoName", "has a name of 0 bytes",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", ""); })},
              {"LongName", "has a name of 2000 bytes",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", std::string(2000, 'a')); })},
              {"NotUtf8", "has a name that is not said to be UTF-8",
               Zip([](auto& z) { Rename(z, "data/vocab.txt", "data/\xC3\xA9"); })},
              {"NameTwice", "entry 'code/policy.py': is there twice", Zip([](auto& z) {
                 z.entries.insert(z.entries.begin(), Entry("code/policy.py", "evil()"));
               })},
              // ---- The manifest as an entry
              {"NoManifest", "has no manifest.json", [](RawPackage p) { return p.zip.Build(); }},
              {"NoEntries", "has no manifest.json", [](RawPackage) { return RawZip().Build(); }},
              {"TwoManifests", "entry 'manifest.json': is there twice",
               Zip([](auto& z) { z.entries.push_back(Entry("manifest.json", "{}")); })},
              {"ManifestFirst", "manifest.json is not its last entry",
               Whole([](auto& z) { std::swap(z.entries.front(), z.entries.back()); })},
              {"ManifestCrc", "entry 'manifest.json': its CRC-32 does not match",
               Whole(
                   [](auto& z) { Both(z.at("manifest.json"), [](RawHeader& h) { h.crc ^= 1; }); })},
              {"ManifestNoJson", "manifest.json: is no JSON, or nested too deep",
               Manifest("{\"format\"")},
              {"ManifestDeep", "manifest.json: is no JSON, or nested too deep",
               Manifest(std::string(1000000, '['))},
              {"ManifestDeepField", "is no JSON, or nested too deep",
               Manifest("{\"format\": " + std::string(1000000, '['))},
              {"ManifestList", "manifest.json: is no object", Manifest("[]")},
              {"FieldTwice", "has an object with the field 'entry' twice",
               Manifest("{\"entry\": \"a:b\", \"entry\": \"c:d\"}")},
              // ---- Its fields
              {"OtherFormat", "manifest.json: has no \"format\": \"midstream.package\"",
               Text([](auto& m) { m["format"] = "torch.package"; })},
              {"OtherVersion", "manifest.json: is of format version 2; version 1 is read",
               Text([](auto& m) { m["version"] = 2; })},
              {"VersionText", "has no field 'version' with a number",
               Text([](auto& m) { m["version"] = "1"; })},
              {"FieldMissing", "manifest.json: has no field 'entry'",
               Text([](auto& m) { m.erase("entry"); })},
              {"FieldUnknown", "manifest.json: has the unknown field 'run_as_root'",
               Text([](auto& m) { m["run_as_root"] = true; })},
              {"InputFieldMissing", "manifest.json: inputs[0] has no field 'dtype'",
               Text([](auto& m) { m["inputs"][0].erase("dtype"); })},
              {"EntryNoName", "or \"module:name.name\", got 'policy'",
               Text([](auto& m) { m["entry"] = "policy"; })},
              {"EntryNoIdentifier",
               "expected an entry \"module:name\" or \"module:name.name\", got 'policy:run()'",
               Text([](auto& m) { m["entry"] = "policy:run()"; })},
              {"EntryPath",
               "expected an entry \"module:name\" or \"module:name.name\", got '../policy:run'",
               Text([](auto& m) { m["entry"] = "../policy:run"; })},
              {"EntryDots", "got 'policy:Policy..act'",
               Text([](auto& m) { m["entry"] = "policy:Policy..act"; })},
              {"EntryModuleMissing", "expected code/nets/policy.py or code/nets/policy/__init__.py",
               Text([](auto& m) { m["entry"] = "nets.policy:run"; })},
              {"PythonText", "expected a version of Python as \"3.10\", got '>=3.10'",
               Text([](auto& m) { m["python"] = ">=3.10"; })},
              {"ExternPath", "extern names 'torch.nn', which is no top-level module",
               Text([](auto& m) { m["extern"] = {"torch.nn"}; })},
              {"NoInputs", "expected 1 to 32 inputs, got 0",
               Text([](auto& m) { m["inputs"] = nlohmann::ordered_json::array(); })},
              {"InputName", "input 'x y' is no name that a Python argument can have",
               Text([](auto& m) { m["inputs"][0]["name"] = "x y"; })},
              {"UnknownDtype", "inputs[0] has the dtype 'float8', which the engine does not have",
               Text([](auto& m) { m["inputs"][0]["dtype"] = "float8"; })},
              {"StringDtype", "has the dtype 'string'",
               Text([](auto& m) { m["inputs"][0]["dtype"] = "string"; })},
              {"DimensionName", "inputs[0] is malformed: expected a dimension",
               Text([](auto& m) { m["inputs"][0]["shape"][0] = "batch size"; })},
              {"DimensionNegative", "inputs[0] has a dimension that is neither a size nor a name",
               Text([](auto& m) { m["inputs"][0]["shape"][0] = -1; })},
              {"DimensionHuge", "inputs[0] has a dimension that is neither a size nor a name",
               Text([](auto& m) { m["inputs"][0]["shape"][0] = UINT64_MAX; })},
              {"DimensionAsText", "inputs[0] has a size as a text",
               Text([](auto& m) { m["inputs"][0]["shape"][1] = "4"; })},
              {"Rank", "inputs[0] has 9 dimensions; 8 are allowed",
               Text([](auto& m) { m["inputs"][0]["shape"] = std::vector<int>(9, 1); })},
              {"DimensionUnknown", "dimension 'length' of output 'y' is in no input",
               Text([](auto& m) { m["outputs"][0]["shape"][1] = "length"; })},
              {"Batching", "batching is true, and axis 0 of 'y' is not the named dimension",
               Text([](auto& m) { m["outputs"][0]["shape"] = {2}; })},
              // ---- Files and tensors
              {"UnlistedFile", "entry 'code/extra.py' is not in the manifest",
               Zip([](auto& z) { z.entries.push_back(Entry("code/extra.py", "evil()")); })},
              {"MissingFile", "entry 'data/more.txt' is in the manifest and not in the file",
               Text([](auto& m) { m["files"][1]["file"] = "data/more.txt"; })},
              {"MissingTensor", "entry 'data/9.bin' is in the manifest and not in the file",
               Text([](auto& m) { m["tensors"][0]["file"] = "data/9.bin"; })},
              {"ManifestAsFile", "entry 'manifest.json' lies neither below code/ nor below data/",
               Text([](auto& m) { m["files"][1]["file"] = "manifest.json"; })},
              {"FileTwice", "entry 'code/policy.py' is listed twice",
               Text([](auto& m) { m["files"][1]["file"] = "code/policy.py"; })},
              {"FileAndTensor", "entry 'data/0.bin' is listed as a file and as a tensor",
               Text([](auto& m) { m["files"][1]["file"] = "data/0.bin"; })},
              {"TensorTwice", "tensor 'w' is listed twice",
               Text([](auto& m) { m["tensors"][1]["name"] = "w"; })},
              {"TensorIsInput", "an input and a tensor are both named 'x'",
               Text([](auto& m) { m["tensors"][0]["name"] = "x"; })},
              {"CodeChanged", "entry 'code/policy.py': its SHA-256 is",
               Bytes([](auto& b) { b[b.find("weights")] = 'W'; })},
              {"TensorChanged", "entry 'data/0.bin': its SHA-256 is",
               Zip([](auto& z) { z.at("data/0.bin").data[5] ^= 1; })},
              {"WrongSha256", "; the manifest has 0000000000000000",
               Text([](auto& m) { m["files"][1]["sha256"] = std::string(64, '0'); })},
              {"Sha256Short", "the sha256 of entry 'data/vocab.txt' is no 64 lower-case digits",
               Text([](auto& m) { m["files"][1]["sha256"] = "abc"; })},
              {"TensorSize", "tensor 'w' is float32[4,3], which has 48 bytes; the entry has 32",
               Text(
                   [](auto& m) {
                     m["tensors"][0]["shape"] = {4, 3};
                   })},
              {"TensorOverflow", "tensor 'w': ",
               Text(
                   [](auto& m) {
                     m["tensors"][0]["shape"] = {INT64_MAX, INT64_MAX};
                   })},
              {"Misaligned", "tensor 'w' begins at 193, which is no multiple of 64",
               [](RawPackage p) {
                 p.zip.at("data/vocab.txt") = Entry("data/vocab.txt", "a\nb\nc");
                 p.manifest["files"][1]["sha256"] = Sha256Text("a\nb\nc");
                 return p.Build();
               }},
              {"BoolValue", "tensor 'mask' has a value that is neither true nor false",
               [](RawPackage p) {
                 RawEntry& mask = p.zip.at("data/1.bin");
                 const std::string extra = mask.local.extra;
                 mask = Entry("data/1.bin", std::string("\1\2\1"));
                 mask.local.extra = extra;
                 p.manifest["tensors"][1]["sha256"] = Sha256Text("\1\2\1");
                 return p.Build();
               }},
          };
  return kDamages;
}

class PackageDamage : public testing::TestWithParam<size_t> {};

TEST_P(PackageDamage, IsRefusedByOneSentence) {
  const Damage& damage = Damages()[GetParam()];
  const TempDir dir;
  const std::string path = dir.Write("bad.mspkg", damage.make(RawPackage::Good()));
  const auto opened = Package::Open(path);
  ASSERT_FALSE(opened.ok());
  const std::string message(opened.status().message());
  EXPECT_THAT(message, HasSubstr(damage.sentence));
  EXPECT_TRUE(message.starts_with(path)) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(All, PackageDamage, testing::Range(size_t{0}, Damages().size()),
                         [](const auto& param) { return Damages()[param.param].name; });

// What the damaged ones were made from is good, also with the end record of large files.
TEST(Package, TestContainersAreGood) {
  const TempDir dir;
  RawPackage package = RawPackage::Good();
  const auto good = Package::Open(dir.Write("good.mspkg", package.Build()));
  ASSERT_TRUE(good.ok()) << good.status().ToString();
  package.zip.zip64 = true;
  package.zip.count = 65535;
  package.zip.directory_offset = package.zip.directory_size = 0xffffffff;
  const auto large = Package::Open(dir.Write("large.mspkg", package.Build()));
  EXPECT_TRUE(large.ok()) << large.status().ToString();
}

// Whatever byte is wrong is found, whether or not anything reads it.
TEST(Package, EveryByteThatIsFlippedIsFound) {
  const TempDir dir;
  const std::string good = RawPackage::Good().Build();
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char flip : {'\x01', '\x20'}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      EXPECT_FALSE(Package::Open(dir.Write("flipped.mspkg", bytes)).ok()) << i;
    }
  }
}

// As is any in the directory of what the product's writer makes.
TEST(Package, EveryBitOfTheHeadersThatTheWriterMakesCounts) {
  const TempDir dir;
  const std::string path = dir.Path("written.mspkg");
  auto file = FileReplacement::Begin(path);
  ASSERT_TRUE(file.ok());
  ZipWriter zip(&*file);
  ASSERT_TRUE(zip.Add("code/policy.py", "", false).ok());
  ASSERT_TRUE(zip.Add("data/0.bin", "", true).ok());
  ASSERT_TRUE(zip.Finish().ok() && file->Sync().ok() && file->Publish().ok());
  const std::string good = dir.Read("written.mspkg");
  ASSERT_TRUE(ParseStoredZip(good).ok());
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto read = ParseStoredZip(bytes);
    // Names, sums and times that are changed in one place are told by the other one.
    EXPECT_FALSE(read.ok()) << "byte " << bit / 8 << " bit " << bit % 8;
  }
}

TEST(Package, EveryCutIsFound) {
  const std::string good = RawPackage::Good().Build();
  for (size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(ParseStoredZip(std::string_view(good).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace midstream::package
