#include "core/formats/tensorflow/bundle_writer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/formats/tensorflow/bundle.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::tensorflow {
namespace {

using formats::TempDir;
using formats::TensorInfo;
using testing::HasSubstr;

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/";

// What a checkpoint holds, in reverse: the writer sorts.
struct Content {
  explicit Content(const std::string& prefix) {
    auto bundle = Bundle::Open(prefix);
    EXPECT_TRUE(bundle.ok()) << bundle.status().ToString();
    for (auto it = bundle->entries().rbegin(); it != bundle->entries().rend(); ++it) {
      auto tensor = bundle->Read(it->first);
      EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
      infos.push_back({it->first, tensor->dtype(), tensor->shape()});
      tensors.push_back(*std::move(tensor));
    }
  }
  Status WriteTo(const std::string& prefix) const {
    return WriteBundle(prefix, infos, [&](size_t i) -> Result<Tensor> { return tensors[i]; });
  }

  std::vector<TensorInfo> infos;
  std::vector<Tensor> tensors;
};

void ExpectEqual(const Content& a, const Content& b) {
  ASSERT_EQ(a.infos.size(), b.infos.size());
  for (size_t i = 0; i < a.infos.size(); ++i) {
    EXPECT_EQ(a.infos[i].name, b.infos[i].name);
    EXPECT_TRUE(BitEqual(a.tensors[i], b.tensors[i])) << a.infos[i].name;
  }
}

TEST(BundleWriter, WritesTensorFlowsBytes) {
  TempDir dir;
  for (const char* name :
       {"mnist_deep_model.ckpt-0", "mnist_deep_model.ckpt-25", "mnist_deep_model.ckpt-50",
        "mnist_deep_model.ckpt-75", "mnist_deep_model.ckpt-100", "mnist_deep_model.ckpt-150",
        "mnist_deep_model.ckpt-200", "mnist_deep_model.ckpt-300", "mnist_deep_model.ckpt-500",
        "mnist_deep_model.ckpt-1000", "mnist_deep_model.ckpt-2000", "mnist_deep_model.ckpt-4000",
        "with_slots/mnist_deep_model.ckpt-4000", "../tf/ops/lstm_unrolled/model.ckpt",
        "../tf/ops/half_and_bfloat16/model.ckpt"}) {
    const std::filesystem::path prefix = kDigits + name;
    const std::string copy =
        dir.Path("c-" + prefix.filename().string() + std::to_string(prefix.string().size()));
    Status written = Content(prefix).WriteTo(copy);
    ASSERT_TRUE(written.ok()) << written.ToString();
    for (const char* suffix : {".index", ".data-00000-of-00001"}) {
      EXPECT_EQ(TempDir::ReadBytes(copy + suffix), TempDir::ReadBytes(prefix.string() + suffix))
          << name << suffix;
    }
  }
}

TEST(BundleWriter, ManyTensorsMakeManyBlocks) {
  TempDir dir;
  std::vector<TensorInfo> infos;
  for (int i = 0; i < 12000; ++i) {
    infos.push_back({"layer_" + std::to_string(i) + "/a_rather_long_name/kernel", DType::kI64, {}});
  }
  const std::string prefix = dir.Path("many");
  Status written = WriteBundle(prefix, infos, [](size_t i) -> Result<Tensor> {
    return Tensor::Scalar<int64_t>(DType::kI64, static_cast<int64_t>(i));
  });
  ASSERT_TRUE(written.ok()) << written.ToString();
  auto bundle = Bundle::Open(prefix);
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  ASSERT_EQ(bundle->entries().size(), infos.size());
  for (size_t i = 0; i < infos.size(); i += 97) {
    auto value = bundle->Read(infos[i].name);
    ASSERT_TRUE(value.ok()) << value.status().ToString();
    EXPECT_EQ(value->as<int64_t>()[0], static_cast<int64_t>(i));
  }
}

// The old index never sees new data.
TEST(BundleWriter, OverwritingAlternatesBetweenOneAndTwoDataFiles) {
  TempDir dir;
  const Content first(kDigits + "mnist_deep_model.ckpt-0");
  const Content second(kDigits + "mnist_deep_model.ckpt-4000");
  const std::string prefix = dir.Path("p");
  namespace fs = std::filesystem;
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(first.WriteTo(prefix).ok());
    ExpectEqual(Content(prefix), first);
    EXPECT_TRUE(fs::exists(prefix + ".data-00000-of-00001"));
    EXPECT_FALSE(fs::exists(prefix + ".data-00000-of-00002"));
    ASSERT_TRUE(second.WriteTo(prefix).ok());
    ExpectEqual(Content(prefix), second);
    EXPECT_FALSE(fs::exists(prefix + ".data-00000-of-00001"));
    EXPECT_TRUE(fs::exists(prefix + ".data-00001-of-00002"));
  }
}

TEST(BundleWriter, WhatCannotBeWrittenLeavesTheOldCheckpoint) {
  TempDir dir;
  const Content old(kDigits + "mnist_deep_model.ckpt-0");
  const std::string prefix = dir.Path("p");
  ASSERT_TRUE(old.WriteTo(prefix).ok());
  const TensorInfo scalar{"a", DType::kI64, {}};
  auto one = [](size_t) -> Result<Tensor> { return Tensor::Scalar<int64_t>(DType::kI64, 1); };
  auto none = [](size_t) -> Result<Tensor> { return DataLoss("gone"); };
  EXPECT_EQ(WriteBundle(prefix, {scalar}, none).message(), prefix + ": tensor 'a': gone");
  EXPECT_THAT(std::string(WriteBundle(prefix, {scalar, scalar}, one).message()),
              HasSubstr("two tensors are named 'a'"));
  EXPECT_THAT(std::string(WriteBundle(prefix, {{"", DType::kI64, {}}}, one).message()),
              HasSubstr("no name"));
  EXPECT_THAT(std::string(WriteBundle(prefix, {{"s", DType::kString, {}}}, one).message()),
              HasSubstr("tensor 's' is string"));
  EXPECT_EQ(WriteBundle(dir.Path("no/p"), {scalar}, one).code(), Code::kNotFound);
  ExpectEqual(Content(prefix), old);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.Path(".")), {}), 2);
}

TEST(CheckpointState, NamesTheLatest) {
  TempDir dir;
  ASSERT_TRUE(UpdateCheckpointState(dir.Path("a")).ok());
  EXPECT_EQ(dir.Read("checkpoint"),
            "model_checkpoint_path: \"a\"\nall_model_checkpoint_paths: \"a\"\n");
  ASSERT_TRUE(UpdateCheckpointState(dir.Path("q\"\\uote")).ok());
  ASSERT_TRUE(UpdateCheckpointState(dir.Path("a")).ok());
  EXPECT_EQ(dir.Read("checkpoint"),
            "model_checkpoint_path: \"a\"\nall_model_checkpoint_paths: \"q\\\"\\\\uote\"\n"
            "all_model_checkpoint_paths: \"a\"\n");
}

TEST(CheckpointState, ADamagedFileIsNotReplaced) {
  TempDir dir;
  dir.Write("checkpoint", "nonsense");
  EXPECT_EQ(UpdateCheckpointState(dir.Path("a")).code(), Code::kDataLoss);
  EXPECT_EQ(dir.Read("checkpoint"), "nonsense");
}

}  // namespace
}  // namespace midstream::tensorflow
