#include "core/formats/npy/npy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

using testing::HasSubstr;

// A `.npy` file of the given version with `header` as its dictionary.
std::string NpyBytes(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
  }
  return bytes + header + data;
}

template <typename T>
std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
std::vector<T> Values(const Tensor& tensor) {
  auto span = tensor.as<T>();
  return {span.begin(), span.end()};
}

class Npy : public testing::Test {
 protected:
  Result<Tensor> Read(const std::string& bytes) { return ReadNpy(dir_.Write("a.npy", bytes)); }
  void ExpectRefused(const std::string& bytes, const std::string& why, Code code) {
    auto tensor = Read(bytes);
    ASSERT_FALSE(tensor.ok()) << why;
    EXPECT_EQ(tensor.status().code(), code) << tensor.status().ToString();
    EXPECT_THAT(std::string(tensor.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(tensor.status().message()), HasSubstr("a.npy"));
  }

  TempDir dir_;
};

TEST_F(Npy, ReadsWhatNumpyWrote) {
  auto images = ReadNpy(std::string(MS_TEST_DATA) + "/digits/eval_images.npy");
  ASSERT_TRUE(images.ok()) << images.status().ToString();
  EXPECT_EQ(images->dtype(), DType::kF32);
  EXPECT_EQ(images->shape(), Shape({297, 784}));
  for (float pixel : images->as<float>()) ASSERT_TRUE(pixel >= 0.0f && pixel <= 1.0f);
  auto labels = ReadNpy(std::string(MS_TEST_DATA) + "/digits/eval_labels.npy");
  ASSERT_TRUE(labels.ok());
  EXPECT_EQ(labels->dtype(), DType::kI64);
  EXPECT_EQ(labels->shape(), Shape({297}));
}

TEST_F(Npy, EveryDTypeComesBack) {
  for (DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kI8, DType::kI16, DType::kI32,
                      DType::kI64, DType::kU8, DType::kU16, DType::kU32, DType::kU64}) {
    Tensor tensor = *Tensor::Allocate(dtype, {2, 3});
    for (size_t i = 0; i < tensor.byte_size(); ++i) {
      static_cast<uint8_t*>(tensor.mutable_data())[i] = static_cast<uint8_t>(7 * i + 1);
    }
    ASSERT_TRUE(WriteNpy(dir_.Path("a.npy"), tensor).ok());
    auto back = ReadNpy(dir_.Path("a.npy"));
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_TRUE(BitEqual(tensor, *back)) << DTypeName(dtype);
  }
}

TEST_F(Npy, EveryRankComesBackAndDataIsAligned) {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{0}, Shape{3, 0, 2}, Shape{1, 2, 3, 4, 5}}) {
    Tensor tensor = *Tensor::Allocate(DType::kI32, shape);
    std::memset(tensor.mutable_data(), 3, tensor.byte_size());
    ASSERT_TRUE(WriteNpy(dir_.Path("a.npy"), tensor).ok());
    EXPECT_EQ((dir_.Read("a.npy").size() - tensor.byte_size()) % 64, 0u);
    auto back = ReadNpy(dir_.Path("a.npy"));
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_TRUE(BitEqual(tensor, *back)) << shape.ToString();
  }
}

TEST_F(Npy, BFloat16IsWidened) {
  Tensor tensor = *Tensor::Allocate(DType::kBF16, {2});
  tensor.mutable_as<uint16_t>()[0] = FloatToBFloat16(1.5f);
  tensor.mutable_as<uint16_t>()[1] = FloatToBFloat16(-2.0f);
  ASSERT_TRUE(WriteNpy(dir_.Path("a.npy"), tensor).ok());
  auto back = ReadNpy(dir_.Path("a.npy"));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->dtype(), DType::kF32);
  EXPECT_EQ(Values<float>(*back), (std::vector<float>{1.5f, -2.0f}));
}

TEST_F(Npy, ReadsLaterVersionsAndOldShapes) {
  std::string data = Raw<float>({1, 2, 3, 4, 5, 6});
  for (int version : {1, 2, 3}) {
    auto tensor = Read(
        NpyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", data, version));
    ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
    EXPECT_EQ(tensor->shape(), Shape({2, 3}));
    EXPECT_EQ(Values<float>(*tensor)[5], 6.0f);
  }
  auto tensor =
      Read(NpyBytes("{\"shape\":(2L,3L),\"fortran_order\":False,\"descr\":\"<f4\"}", data));
  ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
  EXPECT_EQ(tensor->shape(), Shape({2, 3}));
}

TEST_F(Npy, FortranOrderBecomesRowMajor) {
  auto tensor = Read(NpyBytes("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }",
                              Raw<int32_t>({1, 4, 2, 5, 3, 6})));
  ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
  EXPECT_EQ(Values<int32_t>(*tensor), (std::vector<int32_t>{1, 2, 3, 4, 5, 6}));

  std::vector<int16_t> fortran(24);  // element (i, j, k) of [2, 3, 4] holds 100 i + 10 j + k
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) {
        fortran[static_cast<size_t>(i + 2 * j + 6 * k)] =
            static_cast<int16_t>(100 * i + 10 * j + k);
      }
    }
  }
  auto cube =
      Read(NpyBytes("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }", Raw(fortran)));
  ASSERT_TRUE(cube.ok());
  EXPECT_EQ(Values<int16_t>(*cube)[0], 0);
  EXPECT_EQ(Values<int16_t>(*cube)[7], 13);
  EXPECT_EQ(Values<int16_t>(*cube)[23], 123);
  auto none = Read(NpyBytes("{'descr': '<i2', 'fortran_order': True, 'shape': (0, 3), }", ""));
  EXPECT_TRUE(none.ok());
}

TEST_F(Npy, BoolsAreZeroOrOne) {
  auto tensor = Read(NpyBytes("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }",
                              std::string("\x00\x01\x07", 3)));
  ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
  EXPECT_EQ(Values<uint8_t>(*tensor), (std::vector<uint8_t>{0, 1, 1}));
}

TEST_F(Npy, RefusesDTypesThatTheEngineLacks) {
  auto header = [](const std::string& descr) {
    return "{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }";
  };
  std::string data(16, '\0');
  for (const char* descr :
       {"'|O'", "'<U4'", "'|S8'", "'<c8'", "'<M8[ns]'", "'<f16'", "'|V2'", "'f4'"}) {
    ExpectRefused(NpyBytes(header(descr), data), "are not read", Code::kUnimplemented);
  }
  ExpectRefused(NpyBytes(header("'>f4'"), data), "big-endian", Code::kUnimplemented);
  ExpectRefused(NpyBytes(header("[('a', '<f4')]"), data), "records", Code::kUnimplemented);
}

TEST_F(Npy, RefusesLyingHeaders) {
  auto shaped = [](const std::string& shape, const std::string& data = std::string(24, '\0')) {
    return NpyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }", data);
  };
  ASSERT_TRUE(Read(shaped("(2, 3)")).ok());
  ExpectRefused(shaped("(2, 4)"), "there are 24", Code::kDataLoss);
  ExpectRefused(shaped("(2, 2)"), "there are 24", Code::kDataLoss);
  ExpectRefused(shaped("(1099511627776, 1099511627776)"), "too many", Code::kDataLoss);
  ExpectRefused(shaped("(4611686018427387904,)"), "too many", Code::kDataLoss);
  ExpectRefused(shaped("(99999999999999999999,)"), "malformed", Code::kDataLoss);
  ExpectRefused(shaped("(1000000000000,)"), "there are 24", Code::kDataLoss);
  ExpectRefused(shaped("(-1,)"), "malformed", Code::kDataLoss);
  ExpectRefused(shaped("(2 3)"), "malformed", Code::kDataLoss);
  ExpectRefused(shaped("(2, 3"), "malformed", Code::kDataLoss);
  std::string deep = "(";
  for (int i = 0; i < 1000; ++i) deep += "1, ";
  ExpectRefused(shaped(deep + ")", std::string(4, '\0')), "malformed", Code::kDataLoss);
}

TEST_F(Npy, RefusesDamagedFiles) {
  std::string good =
      NpyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", std::string(4, '\0'));
  ExpectRefused("", "0 bytes", Code::kDataLoss);
  ExpectRefused(good.substr(0, 9), "9 bytes", Code::kDataLoss);
  ExpectRefused(good.substr(0, 30), "claims", Code::kDataLoss);
  ExpectRefused("\x93NUMPX" + good.substr(6), "magic", Code::kDataLoss);
  std::string future = good;
  future[6] = 9;
  ExpectRefused(future, "version 9", Code::kUnimplemented);
  std::string huge = NpyBytes("", "", 2).substr(0, 8) + std::string(8, '\x7f');
  ExpectRefused(huge, "senseless", Code::kDataLoss);
  ExpectRefused(NpyBytes("{'descr': '<f4', 'shape': (1,), }", std::string(4, '\0')), "malformed",
                Code::kDataLoss);
  ExpectRefused(NpyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", ""),
                "malformed", Code::kDataLoss);
}

TEST_F(Npy, PathsThatCannotBeRead) {
  EXPECT_EQ(ReadNpy(dir_.Path("none.npy")).status().code(), Code::kNotFound);
  EXPECT_EQ(ReadNpy(dir_.Path("")).status().code(), Code::kInvalidArgument);
  Tensor tensor = *Tensor::Allocate(DType::kF32, {1});
  EXPECT_FALSE(WriteNpy(dir_.Path("no/such/folder.npy"), tensor).ok());
}

}  // namespace
}  // namespace midstream::formats
