// Damage through the command: whatever lies where a file should, and whatever a file says, the
// command ends with one message that names the culprit, in time, and in memory that the size of the
// file explains. The damaged checkpoints are copies of tests/data/digits; those that TensorFlow was
// tried on are in ../shared/data/tf/bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>

#include "core/formats/npy/npz.h"
#include "core/formats/tensorflow/table.h"
#include "tests/core/formats/protos_testing.h"
#include "tests/e2e/command_testing.h"

namespace midstream::e2e {
namespace {

using namespace tensorflow;  // the writers of protos_testing.h
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Limits kLimits = {60, size_t{3} << 30};
constexpr const char* kData = ".data-00000-of-00001";
const std::vector<std::string> kRun = {
    "--input", "Placeholder=random:1x784", "--output", "accuracy/ArgMax", "--output", "fc2/add"};

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class DamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "midstream_damage_" + std::to_string(getpid());
    Restore();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A whole checkpoint `m`, of digits.
  void Restore() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    for (const char* suffix : {".meta", ".index", kData}) {
      std::filesystem::copy_file(DigitsCheckpoint(4000) + suffix, Path("m") + suffix);
    }
    WriteBytes(Path("checkpoint"), "model_checkpoint_path: \"m\"\n");
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // One message on stderr that names the culprits; nothing on stdout, no plain crash, no hang.
  static void ExpectRefused(const std::vector<std::string>& args, int exit,
                            const std::vector<std::string>& culprits) {
    const CommandResult result = RunCommand(args, kLimits);
    EXPECT_EQ(result.exit, exit) << result.err;
    EXPECT_THAT(result.err, StartsWith("midstream: "));
    for (const std::string& culprit : culprits) EXPECT_THAT(result.err, HasSubstr(culprit));
    EXPECT_LT(result.err.size(), 4000u);
    EXPECT_EQ(result.out, "");
    EXPECT_LT(result.peak_bytes, size_t{600} << 20) << result.err;
  }
  void ExpectRunRefused(const std::vector<std::string>& culprits) const {
    std::vector<std::string> args = {"run", Path("m")};
    args.insert(args.end(), kRun.begin(), kRun.end());
    ExpectRefused(args, 3, culprits);
  }

  std::string folder_;
};

// --- What may lie in place of a file ---

struct Obstacle {
  const char* name;
  const char* why;  // part of the message
  std::function<void(const std::string& path)> put;
};

void PutSocket(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
}

const std::vector<Obstacle>& Obstacles() {
  static const std::vector<Obstacle> obstacles = {
      {"Directory", "irectory", [](const std::string& p) { mkdir(p.c_str(), 0700); }},
      {"Pipe", "regular file", [](const std::string& p) { mkfifo(p.c_str(), 0600); }},
      {"Socket", "", PutSocket},
      {"Device", "regular file",
       [](const std::string& p) { std::filesystem::create_symlink("/dev/zero", p); }},
      {"LinkToItself", "symbolic links",
       [](const std::string& p) { std::filesystem::create_symlink(p, p); }},
      {"LinkToNowhere", "No such file",
       [](const std::string& p) { std::filesystem::create_symlink(p + ".gone", p); }},
  };
  return obstacles;
}

class ObstacleTest : public DamageTest, public ::testing::WithParamInterface<Obstacle> {
 protected:
  // Puts the obstacle where `name` lies or would lie, and runs a command that needs the file.
  void Expect(const std::string& name, const std::vector<std::string>& args, int exit = 3) {
    SCOPED_TRACE(name);
    Restore();
    std::filesystem::remove(Path(name));
    GetParam().put(Path(name));
    ExpectRefused(args, exit, {Path(name), GetParam().why});
  }
};

void PrintTo(const Obstacle& obstacle, std::ostream* out) { *out << obstacle.name; }

TEST_P(ObstacleTest, InPlaceOfACheckpointsFile) {
  for (const char* suffix : {".index", kData}) {
    Expect("m" + std::string(suffix), {"inspect", Path("m")});
    Expect("m" + std::string(suffix), {"run", DigitsCheckpoint(0) + ".meta", "--input",
                                       "Placeholder=random:1x784", "--weights", Path("m")});
  }
  Expect("m.meta", {"inspect", Path("m")});
  Expect("m.meta", {"inspect", Path("m.meta")});
  Expect("checkpoint", {"inspect", folder_});
}

TEST_P(ObstacleTest, InPlaceOfAnInput) {
  Expect("a.npy", {"run", Path("m"), "--input", "Placeholder=" + Path("a.npy")});
  Expect("a.npz", {"run", Path("m"), "--input", "Placeholder=" + Path("a.npz") + ":x"});
}

TEST_P(ObstacleTest, InPlaceOfAConfiguration) {
  Expect("c.toml", {"config", "check", Path("c.toml")}, 4);
  Expect("c.toml", {"run", Path("m"), "--config", Path("c.toml")}, 4);
}

TEST_P(ObstacleTest, InPlaceOfAnNpuSession) {
  Expect("s.json", {"config", "import-npu", Path("s.json")});
}

TEST_P(ObstacleTest, InPlaceOfAPlugin) {
  const std::string plugin = Path("p.so");
  GetParam().put(plugin);
  const CommandResult result =
      RunCommand({"backends", "--set", "plugins.list=[\"" + plugin + "\"]"}, kLimits);
  EXPECT_EQ(result.exit, 5);
  EXPECT_THAT(result.err, HasSubstr(plugin));
  EXPECT_THAT(result.out, HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(Every, ObstacleTest, ::testing::ValuesIn(Obstacles()),
                         [](const auto& info) { return std::string(info.param.name); });

// A sparse file costs nothing to make; it is refused by its size or by its first bytes.
TEST_F(DamageTest, FilesOfATerabyte) {
  constexpr uintmax_t kTerabyte = uintmax_t{1} << 40;
  const struct {
    const char* name;
    std::vector<std::string> args;
    int exit;
  } rows[] = {
      {"m.meta", {"inspect", Path("m")}, 3},
      {"m.index", {"inspect", Path("m")}, 3},
      {"checkpoint", {"inspect", folder_}, 3},
      {"a.npy", {"run", Path("m"), "--input", "Placeholder=" + Path("a.npy")}, 3},
      {"a.npz", {"run", Path("m"), "--input", "Placeholder=" + Path("a.npz") + ":x"}, 3},
      {"c.toml", {"config", "check", Path("c.toml")}, 4},
  };
  for (const auto& row : rows) {
    Restore();
    WriteBytes(Path(row.name), "");
    std::error_code error;
    std::filesystem::resize_file(Path(row.name), kTerabyte, error);
    if (error) GTEST_SKIP() << "no sparse files here: " << error.message();
    ExpectRefused(row.args, row.exit, {Path(row.name)});
  }
  Restore();  // more data than the index speaks of is none of its business
  std::filesystem::resize_file(Path("m") + kData, kTerabyte);
  EXPECT_EQ(RunCommand({"inspect", Path("m")}, kLimits).exit, 0);
}

TEST_F(DamageTest, FilesThatMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read every file";
  for (const char* suffix : {".meta", ".index", kData}) {
    Restore();
    chmod((Path("m") + suffix).c_str(), 0);
    ExpectRunRefused({Path("m") + suffix, "ermission"});
  }
}

// --- Damaged bytes ---

TEST_F(DamageTest, FilesThatAreCutShort) {
  for (const char* suffix : {".meta", ".index", kData}) {
    const std::string path = Path("m") + suffix;
    for (int percent : {0, 1, 50, 99}) {
      SCOPED_TRACE(path + " at " + std::to_string(percent) + " %");
      Restore();
      std::filesystem::resize_file(path, std::filesystem::file_size(path) * percent / 100);
      ExpectRunRefused({path});
    }
  }
}

TEST_F(DamageTest, AFlippedBitNamesItsTensor) {
  std::string data = ReadBytes(Path("m") + kData);
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 0x40);
  WriteBytes(Path("m") + kData, data);
  ExpectRunRefused({Path("m") + kData, "'fc1/Variable'"});
}

// The index with the entry of fc1/Variable replaced.
TEST_F(DamageTest, EntriesThatLie) {
  constexpr int64_t kHuge = int64_t{1} << 62;
  const auto rows = ReadTable(Path("m.index"));
  ASSERT_TRUE(rows.ok());
  const std::string entries[] = {
      BundleEntryProto(kFloat, {784, 64}, 0, kHuge, 200704, 0),
      BundleEntryProto(kFloat, {784, 64}, 0, 0, std::numeric_limits<int64_t>::max(), 0),
      BundleEntryProto(kFloat, {784, 64}, 0, 0, -4, 0),
      BundleEntryProto(kFloat, {784, 64}, 7, 0, 200704, 0),
      BundleEntryProto(kFloat, {int64_t{1} << 40, int64_t{1} << 40}, 0, 0, 200704, 0),
      BundleEntryProto(kFloat, {784, -5}, 0, 0, 200704, 0),
      BundleEntryProto(kFloat, std::vector<int64_t>(100000, 1), 0, 0, 4, 0),
      BundleEntryProto(99, {784, 64}, 0, 0, 200704, 0),
      BundleEntryProto(kInt32, {784, 64}, 0, 0, 200704, 0),
      "\xff\xff\xff",
  };
  for (const std::string& entry : entries) {
    std::vector<IndexEntry> changed;
    for (const auto& [key, value] : *rows) {
      changed.push_back({key, key == "fc1/Variable" ? entry : value});
    }
    WriteIndex(Path("m.index"), changed);
    ExpectRunRefused({Path("m.index"), "'fc1/Variable'"});
  }
}

TEST_F(DamageTest, HeadersThatLie) {
  const auto rows = ReadTable(Path("m.index"));
  ASSERT_TRUE(rows.ok());
  for (const std::string& header :
       {BundleHeader(int64_t{1} << 31), BundleHeader(0), BundleHeader(-1), BundleHeader(2),
        BundleHeader(1, 1), BundleHeader(1, 0, 99), std::string("\xff\xff")}) {
    std::vector<IndexEntry> changed;
    for (const auto& [key, value] : *rows) changed.push_back({key, key.empty() ? header : value});
    WriteIndex(Path("m.index"), changed);
    ExpectRunRefused({Path("m.index")});
  }
}

// --- Graphs that lie ---

class GraphDamageTest : public DamageTest {
 protected:
  static MetaWriter Graph() { return MetaWriter().Placeholder("x", {1, 4}); }

  // A graph that opens and is too large to run is told by the names of its nodes.
  void ExpectRefused(const MetaWriter& meta, int exit, const std::vector<std::string>& culprits) {
    WriteBytes(Path("g.meta"), meta.Bytes());
    std::vector<std::string> all = culprits;
    if (exit == 3) all.push_back(Path("g.meta"));
    DamageTest::ExpectRefused({"run", Path("g.meta"), "--input", "x=random:1x4", "--output", "y"},
                              exit, all);
  }

  const Attrs float_ = {{"T", TypeAttr(kFloat)}};
};

TEST_F(GraphDamageTest, CyclesAndDanglingInputs) {
  ExpectRefused(Graph()
                    .Node("a", "AddV2", {"x", "b"}, float_)
                    .Node("b", "Relu", {"a"}, float_)
                    .Node("y", "Relu", {"b"}, float_),
                3, {"cycle", "'"});
  ExpectRefused(Graph().Node("y", "Relu", {"nowhere"}, float_), 3, {"'y'", "'nowhere'"});
  ExpectRefused(Graph().Node("y", "Relu", {}, float_), 3, {"'y'"});
}

TEST_F(GraphDamageTest, AbsurdSizes) {
  const std::string one = FloatTensor({int64_t{1} << 20, int64_t{1} << 20}, {1.0f});
  ExpectRefused(Graph().Const("c", one, kFloat).Node("y", "AddV2", {"x", "c"}, float_), 1, {"'c'"});
  const std::string deep = FloatTensor(std::vector<int64_t>(100000, 1), {1.0f});
  ExpectRefused(Graph().Const("c", deep, kFloat).Node("y", "AddV2", {"x", "c"}, float_), 3,
                {"'c'", "100000 dimensions"});
  const std::string overflow = FloatTensor({int64_t{1} << 40, int64_t{1} << 40}, {1.0f});
  ExpectRefused(Graph().Const("c", overflow, kFloat).Node("y", "AddV2", {"x", "c"}, float_), 3,
                {"'c'"});
  ExpectRefused(Graph().Ints("m", {2}, {1 << 30, 1 << 30}).Node("y", "Tile", {"x", "m"}, float_), 3,
                {"'y'"});
  ExpectRefused(Graph()
                    .Ints("axis", {}, {0})
                    .Node("s", "Split", {"axis", "x"},
                          {{"T", TypeAttr(kFloat)}, {"num_split", IntAttr(int64_t{1} << 40)}})
                    .Node("y", "Relu", {"s:5"}, float_),
                3, {"'s'"});
}

// What a node asks for can be more than any machine has; the message says which output.
TEST_F(GraphDamageTest, OutputsThatNoMachineCanHold) {
  if (!kCanLimitMemory) GTEST_SKIP() << "a sanitizer does not let an allocation fail";
  ExpectRefused(Graph().Ints("m", {2}, {1 << 20, 1 << 20}).Node("y", "Tile", {"x", "m"}, float_), 1,
                {"'y'", "out of memory"});
}

TEST_F(GraphDamageTest, DeepNesting) {
  std::string attr = StringAttr("end");
  for (int i = 0; i < 5000; ++i) {  // a function whose attribute is a function whose ...
    attr = BytesField(10,
                      BytesField(1, "f") + BytesField(2, BytesField(1, "k") + BytesField(2, attr)));
  }
  WriteBytes(Path("g.meta"),
             Graph().Node("y", "Relu", {"x"}, {{"T", TypeAttr(kFloat)}, {"f", attr}}).Bytes());
  const CommandResult result =
      RunCommand({"run", Path("g.meta"), "--input", "x=random:1x4", "--output", "y"}, kLimits);
  EXPECT_EQ(result.exit, 0) << result.err;                   // what no one asks for is not decoded
  WriteBytes(Path("g.meta"), std::string(1000000, '\x0b'));  // groups in groups
  DamageTest::ExpectRefused({"inspect", Path("g.meta")}, 3, {Path("g.meta")});
}

TEST_F(DamageTest, NestingInAConfiguration) {
  for (const std::string& text :
       {"x = " + std::string(100000, '['), "[" + std::string(100000, '.') + "]",
        "a" + std::string(100000, '.') + "b = 1"}) {
    WriteBytes(Path("c.toml"), text);
    ExpectRefused({"config", "check", Path("c.toml")}, 4, {Path("c.toml") + ":1:"});
  }
  std::string tables = "x = ";
  for (int i = 0; i < 50000; ++i) tables += "{a=";
  WriteBytes(Path("c.toml"), tables);
  ExpectRefused({"config", "check", Path("c.toml")}, 4, {Path("c.toml") + ":1:"});
}

TEST_F(DamageTest, NestingInAnNpuSession) {
  const std::string deep(400000, '[');
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  for (const std::string& text :
       {deep, "{\"precision_mode\": " + deep + "}", objects,
        "{\"precision_mode\": " + deep + std::string(400000, ']') + "}"}) {
    WriteBytes(Path("s.json"), text);
    ExpectRefused({"config", "import-npu", Path("s.json")}, 4, {Path("s.json")});
  }
}

// --- Arrays that lie; more of them are in tests/core/formats ---

std::string Npy(const std::string& header, const std::string& data) {
  std::string bytes = std::string("\x93NUMPY\x01\0", 8);
  bytes += static_cast<char>(header.size() & 255);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

TEST_F(DamageTest, ArraysThatLie) {
  auto shaped = [](const std::string& shape, const std::string& descr = "<f4") {
    return Npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n",
               std::string(64, '\0'));
  };
  for (const std::string& bytes :
       {shaped("(4294967296, 4294967296)"), shaped("(-1, 784)"), shaped("(1, 784)"),
        shaped("(1, 784)", "|O"), shaped("(1, 784)", ">f4"), shaped(std::string(30000, '(')),
        std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12) + std::string(2000, ' '),
        std::string("\x80\x03cposix\nsystem\n")}) {
    WriteBytes(Path("a.npy"), bytes);
    ExpectRefused({"run", Path("m"), "--input", "Placeholder=" + Path("a.npy")}, 3,
                  {Path("a.npy")});
  }
}

TEST_F(DamageTest, ArchivesThatLie) {
  const Tensor row = *Tensor::Allocate(DType::kF32, {1, 784});
  ASSERT_TRUE(formats::WriteNpz(Path("good.npz"), {{"x", row}}).ok());
  const std::string good = ReadBytes(Path("good.npz"));
  const size_t directory = good.find("PK\x01\x02");
  const size_t end = good.find("PK\x05\x06");
  ASSERT_NE(directory, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  auto with = [&](std::initializer_list<size_t> places, const std::string& bytes) {
    std::string changed = good;
    for (size_t at : places) changed.replace(at, bytes.size(), bytes);
    return changed;
  };
  const std::string terabyte = "\xff\xff\xff\x7f";
  for (const std::string& bytes : {
           with({directory + 24}, terabyte),                  // size
           with({directory + 20, directory + 24}, terabyte),  // and size in the file
           with({directory + 10, size_t{8}}, "\x08"),         // deflated, which it is not
           with({directory + 10, size_t{8}}, "\x0e"),         // LZMA
           with({directory + 8, size_t{6}}, "\x01"),          // encrypted
           with({end + 8}, "\xff\xff\xff\xff"),               // number of members
           with({end + 16}, "\xff\xff\xff\xff"),              // where the directory is
           with({size_t{300}}, "\x01"),                       // checksum
           good.substr(0, good.size() - 30),
       }) {
    WriteBytes(Path("a.npz"), bytes);
    ExpectRefused({"run", Path("m"), "--input", "Placeholder=" + Path("a.npz") + ":x"}, 3,
                  {Path("a.npz")});
  }
}

// --- The cases that TensorFlow was tried on ---

// What a message about a case has to name, beyond the file.
const std::map<std::string, std::vector<std::string>>& Culprits() {
  static const std::map<std::string, std::vector<std::string>> culprits = {
      {"truncated_data", {kData, "'fc1/Variable'"}},
      {"flipped_tensor_byte", {kData, "'fc1/Variable'"}},
      {"flipped_index_byte", {".index"}},
      {"wrong_magic", {".index", "magic"}},
      {"half_index", {".index"}},
      {"footer_outside", {".index", "footer"}},
      {"empty_index", {".index"}},
      {"empty_data", {kData}},
      {"empty_meta", {".meta", "no nodes"}},
      {"missing_data", {kData}},
      {"missing_shard", {".data-00001-of-00002"}},
      {"half_meta", {".meta"}},
      {"dtype_changed", {".index", "'fc2/Variable_1'", "int32"}},
      {"dtype_size_mismatch", {".index", "'fc2/Variable_1'", "float16"}},
      {"dtype_unknown", {".index", "'fc2/Variable_1'", "99"}},
      {"shape_transposed", {".index", "'fc2/Variable'", "[10,64]", "[64,10]"}},
      {"shape_overflow", {".index", "'fc1/Variable'"}},
      {"negative_dimension", {".index", "'fc1/Variable'", "-5"}},
      {"size_overflow", {".index", "'fc1/Variable'"}},
      {"negative_size", {".index", "'fc1/Variable'"}},
      {"offset_outside", {".index", "'fc1/Variable'"}},
      {"shard_outside", {".index", "'fc1/Variable'", "7"}},
      {"missing_tensor", {".index", "'fc1/Variable'"}},
      {"future_version", {".index", "99"}},
      {"big_endian", {".index", "big endian"}},
      {"unknown_input", {".meta", "'conv1/Relu'", "'conv1/nowhere'"}},
      {"graph_cycle", {".meta", "cycle", "'fc1/Relu'"}},
      {"zero_stride", {".meta", "'conv1/Conv2D'", "strides"}},
      {"output_outside", {".meta", "'accuracy/ArgMax'", "'fc2/add:3'"}},
  };
  return culprits;
}

TEST_F(DamageTest, EveryCaseOfTheSharedData) {
  const std::string bad = std::string(MS_SHARED_DATA) + "/tf/bad";
  std::ifstream file(bad + "/expected.json");
  if (!file) GTEST_SKIP() << bad << " is not there";
  const auto expected = nlohmann::json::parse(file);
  ASSERT_EQ(expected.size(), 32u);
  auto save = [&](const std::string& model, const std::string& to) {
    std::vector<std::string> args = {"run", model, "--save", to};
    args.insert(args.end(), kRun.begin(), kRun.end());
    return args;
  };
  ASSERT_EQ(RunCommand(save(DigitsCheckpoint(4000), Path("right.npz"))).exit, 0);
  for (const auto& [name, row] : expected.items()) {
    SCOPED_TRACE(name);
    std::string path = bad + "/" + name;
    if (!std::filesystem::exists(path + "/checkpoint")) path += "/model.ckpt";
    const std::string answer = Path(name + ".npz");
    if (row["expect"] == "ok") {
      const CommandResult result = RunCommand(save(path, answer), kLimits);
      EXPECT_EQ(result.exit, 0) << result.err;
      EXPECT_EQ(ReadBytes(answer), ReadBytes(Path("right.npz")));
      continue;
    }
    ASSERT_EQ(Culprits().count(name), 1u);
    std::vector<std::string> culprits = Culprits().at(name);
    culprits.push_back("/" + name + "/model.ckpt");
    ExpectRefused(save(path, answer), 3, culprits);
    EXPECT_FALSE(std::filesystem::exists(answer));
  }
}

}  // namespace
}  // namespace midstream::e2e
