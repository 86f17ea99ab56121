// ReadRows of every format that is one file of tensors.
#include "core/formats/tensor_file.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "core/formats/npy/npz.h"
#include "core/formats/safetensors/writer.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

using testing::HasSubstr;

Tensor Counting(const Shape& shape) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  auto values = tensor.mutable_as<float>();
  std::iota(values.begin(), values.end(), 0.0f);
  return tensor;
}

class TensorFileRows : public testing::TestWithParam<std::string> {
 protected:
  // tensors(): "matrix" [5,3], "none" [0,3], "scalar", in this order.
  void SetUp() override {
    const NamedTensors tensors = {
        {"matrix", Counting({5, 3})}, {"none", Counting({0, 3})}, {"scalar", Counting({})}};
    const std::string path = dir_.Path("rows" + GetParam());
    if (GetParam() == ".npz") {
      ASSERT_TRUE(WriteNpz(path, tensors).ok());
    } else {
      std::vector<TensorInfo> infos;
      for (const auto& [name, value] : tensors)
        infos.push_back({name, value.dtype(), value.shape()});
      auto read = [&](size_t i) -> Result<Tensor> { return tensors[i].second; };
      ASSERT_TRUE(safetensors::Write(path, infos, read).ok());
    }
    auto file = OpenTensorFile(path);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    file_ = *std::move(file);
  }

  size_t IndexOf(const std::string& name) const {
    size_t index = 0;
    while (file_->tensors()[index].name != name) ++index;
    return index;
  }

  TempDir dir_;
  std::unique_ptr<TensorFile> file_;
};

INSTANTIATE_TEST_SUITE_P(Formats, TensorFileRows, testing::Values(".safetensors", ".npz"));

TEST_P(TensorFileRows, EveryRangeHasTheRowsOfTheWhole) {
  const auto all = Counting({5, 3});
  for (int64_t begin = 0; begin <= 5; ++begin) {
    for (int64_t count = 0; begin + count <= 5; ++count) {
      auto rows = file_->ReadRows(IndexOf("matrix"), begin, count);
      ASSERT_TRUE(rows.ok()) << rows.status().ToString();
      const auto expected = all.as<float>().subspan(static_cast<size_t>(begin) * 3);
      EXPECT_TRUE(BitEqual(*rows, Tensor::Wrap(DType::kF32, {count, 3}, expected.data(), {})))
          << begin << " " << count;
    }
  }
  EXPECT_EQ(file_->ReadRows(IndexOf("none"), 0, 0)->shape(), Shape({0, 3}));
}

TEST_P(TensorFileRows, RefusesRowsThatAreNotThere) {
  const std::pair<int64_t, int64_t> wrong[] = {{0, 6},  {5, 1},  {6, 0},
                                               {-1, 1}, {1, -1}, {1, INT64_MAX}};
  for (const auto& [begin, count] : wrong) {
    const Status status = file_->ReadRows(IndexOf("matrix"), begin, count).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << begin << " " << count;
    EXPECT_THAT(std::string(status.message()), HasSubstr("'matrix' has 5 rows"));
  }
  const Status scalar = file_->ReadRows(IndexOf("scalar"), 0, 1).status();
  EXPECT_EQ(scalar.code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(scalar.message()), HasSubstr("'scalar' is a scalar"));
}

}  // namespace
}  // namespace midstream::formats
