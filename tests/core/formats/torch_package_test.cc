// Archives of torch.package: what converts, with the values that torch has, and what is refused.
#include "core/formats/package/torch_package.h"

#include <nlohmann/json.hpp>

#include "core/formats/package/pickle.h"
#include "core/formats/package/torch_tensors.h"
#include "core/graph/element.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/package_testing.h"

namespace midstream::package {
namespace {

using formats::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_literals;

std::string Data(const std::string& name) { return std::string(MS_TEST_DATA) + "/package/" + name; }

void ExpectTensors(const TorchPackage& package, const std::string& key) {
  std::ifstream file(Data("expected.json"));
  const auto expected = nlohmann::ordered_json::parse(file)[key];
  ASSERT_EQ(package.tensors.size(), expected.size());
  size_t i = 0;
  for (const auto& [name, tensor] : expected.items()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(package.tensors[i].name, name);  // in the order of state_dict()
    EXPECT_EQ(DTypeName(package.tensors[i].dtype), tensor["dtype"].get<std::string>());
    EXPECT_EQ(package.tensors[i].shape, Shape(tensor["shape"].get<std::vector<int64_t>>()));
    const auto value = package.read(i++);
    ASSERT_TRUE(value.ok()) << value.status().ToString();
    const auto values = tensor["values"].get<std::vector<double>>();
    ASSERT_EQ(value->count(), static_cast<int64_t>(values.size()));
    for (size_t j = 0; j < values.size(); ++j) {
      EXPECT_EQ(ElementAsDouble(*value, static_cast<int64_t>(j)), values[j]);
    }
  }
}

TEST(TorchPackage, TakesTheStateOfAModule) {
  const auto package = ReadTorchPackage(Data("module.pt"));
  ASSERT_TRUE(package.ok()) << package.status().ToString();
  ExpectTensors(*package, "module");
  EXPECT_EQ(package->pickle, "model/model.pkl");
  EXPECT_THAT(package->left_out, ElementsAre());
  EXPECT_THAT(package->externs, ElementsAre("builtins", "collections", "torch"));
  ASSERT_EQ(package->files.size(), 1u);
  EXPECT_THAT(package->files.at("code/smallnet.py"), HasSubstr("class Net(torch.nn.Module):"));
}

TEST(TorchPackage, TakesADictOfTensorsOfAnyLayout) {
  const auto package = ReadTorchPackage(Data("tensors.pt"), "weights/weights.pkl");
  ASSERT_TRUE(package.ok()) << package.status().ToString();
  ExpectTensors(*package, "tensors");
  EXPECT_THAT(package->left_out, ElementsAre("config/sizes.pkl", "weights/more.pkl"));
  EXPECT_EQ(package->files.at("code/config/about.txt"), "two blocks\n");
}

TEST(TorchPackage, SaysWhatItCannotConvert) {
  const auto refused = [](const std::string& path, const std::string& pickle = "") {
    const auto package = ReadTorchPackage(path, pickle);
    EXPECT_FALSE(package.ok());
    const std::string message(package.status().message());
    EXPECT_TRUE(message.starts_with(path)) << message;
    return message;
  };
  EXPECT_THAT(refused(Data("tensors.pt")),
              HasSubstr("several pickles, of which one must be chosen: weights/more.pkl, "
                        "weights/weights.pkl"));
  EXPECT_THAT(refused(Data("tensors.pt"), "none.pkl"),
              HasSubstr("has no pickle 'none.pkl'; it has config/sizes.pkl"));
  EXPECT_THAT(refused(Data("repeated.pt")), HasSubstr("tensor 'r': has 5 elements in a storage of "
                                                      "1: it repeats them"));
  EXPECT_THAT(refused(Data("complex.pt")),
              HasSubstr("tensor 'c': has a storage of type 'torch ComplexFloatStorage'"));
  const TempDir dir;
  EXPECT_THAT(refused(dir.Path("none.pt")), HasSubstr("No such file"));
  EXPECT_THAT(refused(dir.Write("empty.pt", "")), HasSubstr("an empty file"));
  EXPECT_THAT(refused(dir.Write("text.pt", "hello")), HasSubstr("ot a zip archive"));
  RawZip zip;
  zip.entries = {Entry("a/.data/version", "6\n")};
  EXPECT_THAT(refused(dir.Write("other.pt", zip.Build())),
              HasSubstr("has no .data/extern_modules"));
  zip.entries = {Entry("a/.data/extern_modules", ""), Entry("b/x.py", "")};
  EXPECT_THAT(refused(dir.Write("folders.pt", zip.Build())), HasSubstr("is not in one folder"));
  zip.entries = {Entry("a/.data/extern_modules", ""), Entry("a/.data/ts_code/0/x.py", "")};
  EXPECT_THAT(refused(dir.Write("script.pt", zip.Build())), HasSubstr("holds TorchScript"));
  zip.entries = {Entry("a/.data/extern_modules", ""), Entry("a/byteorder", "big")};
  EXPECT_THAT(refused(dir.Write("big.pt", zip.Build())), HasSubstr("numbers of byte order 'big'"));
  zip.entries = {Entry("a/.data/extern_modules", ""), Entry("a/m.pkl", "\x80\x02i")};
  EXPECT_THAT(refused(dir.Write("old.pt", zip.Build())),
              HasSubstr("pickle 'm.pkl': has the instruction 105 at byte 2, which is not read"));
  zip.entries = {Entry("a/.data/extern_modules", ""), Entry("a/m.pkl", "N.")};
  zip.entries[1].local.crc = zip.entries[1].central.crc ^= 1;
  EXPECT_THAT(refused(dir.Write("crc.pt", zip.Build())), HasSubstr("entry 'm.pkl': CRC error"));
}

// Nothing in a pickle is called: os.system("...") is a name and its arguments.
TEST(Pickle, CallsNothing) {
  const TempDir dir;
  const std::string command = "touch " + dir.Path("called");
  std::string bytes =
      "\x80\x02"
      "cposix\nsystem\nX" +
      Little(command.size(), 4) + command + "\x85R.";
  const auto pickle = Pickle::Parse(bytes);
  ASSERT_TRUE(pickle.ok()) << pickle.status().ToString();
  EXPECT_EQ(pickle->Callee(pickle->root()), "posix system");
  EXPECT_EQ((*pickle)[pickle->Arguments(pickle->root())[0]].text, command);
  EXPECT_TRUE(FindTorchTensors(*pickle)->empty());
  EXPECT_FALSE(std::filesystem::exists(dir.Path("called")));
}

TEST(Pickle, RefusesWhatIsMalformed) {
  const auto refused = [](const std::string& bytes) {
    return std::string(Pickle::Parse(bytes).status().message());
  };
  EXPECT_THAT(refused(""), HasSubstr("ends without its end instruction"));
  EXPECT_THAT(refused("NN."), HasSubstr("leaves no single value"));
  EXPECT_THAT(refused("(N."), HasSubstr("leaves no single value"));
  EXPECT_THAT(refused("0."), HasSubstr("is malformed at byte 0"));
  EXPECT_THAT(refused("t."), HasSubstr("is malformed at byte 0"));
  EXPECT_THAT(refused("N(0."), HasSubstr("is malformed at byte 2"));
  EXPECT_THAT(refused("h\5."), HasSubstr("is malformed at byte 0"));
  EXPECT_THAT(refused("Nr\xff\xff\xff\xff."), HasSubstr("is malformed at byte 1"));
  EXPECT_THAT(refused("X\xff\xff\xff\x7f"
                      "a."),
              HasSubstr("is malformed at byte 0"));
  EXPECT_THAT(refused("]Na"s + "Nu."), HasSubstr("is malformed"));
  EXPECT_THAT(refused("}(NNNu."), HasSubstr("is malformed"));
  EXPECT_THAT(refused("NNR."), HasSubstr("is malformed"));
  EXPECT_THAT(refused("NN\x93."), HasSubstr("is malformed"));
  EXPECT_THAT(refused("P1\n."), HasSubstr("has the instruction 80 at byte 0"));
}

TEST(Pickle, ReadsNumbersOfEverySize) {
  const auto number = [](const std::string& bytes) {
    const auto pickle = Pickle::Parse(bytes + ".");
    EXPECT_TRUE(pickle.ok()) << pickle.status().ToString();
    return (*pickle)[pickle->root()].number;
  };
  EXPECT_EQ(number("K\xff"), 255);
  EXPECT_EQ(number("M\xff\xff"), 65535);
  EXPECT_EQ(number("J\xff\xff\xff\xff"), -1);
  EXPECT_EQ(number("\x8a\x01\xff"), -1);
  EXPECT_EQ(number("\x8a\x05\x00\x00\x00\x00\x01"s), int64_t{1} << 32);
  EXPECT_EQ(number("\x8a\x00"s), 0);
}

// A module that contains itself, and modules shared so often that a walk would never end.
TEST(TorchTensors, WalksAreBounded) {
  // {"_parameters": {}, "_buffers": {}, "_modules": {<children>}}
  const auto state = [](const std::string& children) {
    return "}(X\x0b\0\0\0_parameters}X\x08\0\0\0_buffers}X\x08\0\0\0_modules}("s + children + "uu";
  };
  const std::string made = "cm\nM\n)\x81";
  const auto itself = Pickle::Parse(made + "q\1" + state("X\1\0\0\0ah\1"s) + "b.");
  ASSERT_TRUE(itself.ok()) << itself.status().ToString();
  EXPECT_THAT(std::string(FindTorchTensors(*itself).status().message()),
              HasSubstr("contains itself, or modules are nested too deep"));
  std::string doubled = made + state("") + "bq\0"s;
  for (char i = 1; i < 60; ++i) {
    const std::string last(1, static_cast<char>(i - 1));
    doubled += "0" + made + state("X\1\0\0\0ah"s + last + "X\1\0\0\0bh"s + last) + "bq" + i;
  }
  const auto many = Pickle::Parse(doubled + ".");
  ASSERT_TRUE(many.ok()) << many.status().ToString();
  EXPECT_THAT(std::string(FindTorchTensors(*many).status().message()),
              HasSubstr("contains itself, or modules are nested too deep"));
}

TEST(TorchTensors, StorageOfAnotherSizeIsFound) {
  const TorchTensor tensor{"t", DType::kF32, {2}, {1}, "0", 2, 0};
  EXPECT_TRUE(GatherTorchTensor(tensor, std::string(8, '\0')).ok());
  EXPECT_THAT(std::string(GatherTorchTensor(tensor, std::string(9, '\0')).status().message()),
              HasSubstr("its storage has 9 bytes for 2 elements of float32"));
}

}  // namespace
}  // namespace midstream::package
