#include "core/formats/npy/npy_folder.h"

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "core/formats/npy/npy.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

using testing::HasSubstr;

class NpyFolderTest : public testing::Test {
 protected:
  void Put(const std::string& name, const std::vector<float>& values) const {
    std::filesystem::create_directories(std::filesystem::path(dir_.Path(name)).parent_path());
    const Tensor tensor = *Tensor::Copy(DType::kF32, {static_cast<int64_t>(values.size())},
                                        std::as_bytes(std::span(values)));
    ASSERT_TRUE(WriteNpy(dir_.Path(name), tensor).ok());
  }
  Status Why() const { return NpyFolder::Open(dir_.Path(".")).status(); }

  TempDir dir_;
};

TEST_F(NpyFolderTest, NamesAreThePathsOfTheFiles) {
  Put("fc2/kernel.npy", {1, 2});
  Put("fc1/dense/bias.npy", {3});
  Put("step.npy", {4});
  dir_.Write("notes.txt", "no array");
  const auto folder = NpyFolder::Open(dir_.Path("."));
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  std::vector<std::string> names;
  for (const TensorInfo& info : (*folder)->tensors()) names.push_back(info.name);
  EXPECT_EQ(names, (std::vector<std::string>{"fc1/dense/bias", "fc2/kernel", "step"}));
  const auto value = (*folder)->Read(1);
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  EXPECT_EQ(value->as<float>()[1], 2);
}

TEST_F(NpyFolderTest, SaysWhichFileIsBad) {
  EXPECT_EQ(Why().code(), Code::kNotFound);
  Put("a.npy", {1});
  dir_.Write("b.npy", "no array");
  EXPECT_EQ(Why().code(), Code::kDataLoss);
  EXPECT_THAT(std::string(Why().message()), HasSubstr("b.npy"));
  EXPECT_EQ(NpyFolder::Open(dir_.Path("none")).status().code(), Code::kNotFound);
}

TEST_F(NpyFolderTest, AFileThatIsReplacedMeanwhileIsNoticed) {
  Put("a.npy", {1});
  const auto folder = NpyFolder::Open(dir_.Path("."));
  ASSERT_TRUE(folder.ok());
  Put("a.npy", {1, 2});
  EXPECT_EQ((*folder)->Read(0).status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace midstream::formats
