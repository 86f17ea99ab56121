// Damaged files, many of them: whatever a flipped byte makes of a checkpoint or an array, reading
// it ends with a value or an error. Seeded, so a failure repeats.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "core/formats/model_source.h"
#include "core/formats/npy/npy.h"
#include "core/formats/npy/npy_codec.h"
#include "core/formats/npy/npz.h"
#include "tests/core/formats/files_testing.h"

namespace midstream::formats {
namespace {

// One to three random edits: a byte changed, cut off, removed or doubled.
std::string Damage(std::string bytes, std::mt19937& random) {
  auto edits = 1 + random() % 3;
  for (size_t i = 0; i < edits && !bytes.empty(); ++i) {
    size_t at = random() % bytes.size();
    switch (random() % 8) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.erase(at, 1 + random() % 4);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, 1 + random() % 16));
        break;
      case 3:
        bytes[at] = static_cast<char>(random() % 2 ? 0xff : 0x7f);
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    }
  }
  return bytes;
}

// Everything that can be asked of a model.
void Exercise(const std::string& path) {
  auto model = OpenModel(path);
  if (!model.ok()) {
    EXPECT_FALSE(model.status().message().empty());
    return;
  }
  for (const WeightInfo& info : (*model)->weights()) (void)(*model)->ReadWeight(info.name);
  GraphRequest request;
  for (const TensorInfo& info : (*model)->outputs()) request.outputs.push_back(info.name);
  (void)(*model)->Operators(request.outputs);
  auto built = (*model)->BuildGraph(request);
  EXPECT_TRUE(!built.ok() || !built->graph.outputs().empty());
}

TEST(Fuzz, DamagedGraphs) {
  TempDir dir;
  std::string prefix = dir.CopyDigits();
  const std::string meta = dir.Read("model.ckpt.meta");
  std::mt19937 random(20);
  for (int round = 0; round < 100; ++round) {
    dir.Write("model.ckpt.meta", Damage(meta, random));
    Exercise(prefix);
  }
}

// Edits behind the checksums of the table would all be refused there; see bundle_test for entries.
TEST(Fuzz, DamagedIndices) {
  TempDir dir;
  std::string prefix = dir.CopyDigits();
  const std::string index = dir.Read("model.ckpt.index");
  std::mt19937 random(21);
  for (int round = 0; round < 150; ++round) {
    dir.Write("model.ckpt.index", Damage(index, random));
    auto model = OpenModel(prefix + ".meta");
    ASSERT_TRUE(model.ok());
    (void)(*model)->ReadWeight("fc1/Variable");
  }
}

TEST(Fuzz, DamagedArrays) {
  TempDir dir;
  Tensor tensor = *Tensor::Allocate(DType::kF32, {3, 5});
  for (float& value : tensor.mutable_as<float>()) value = 1.0f;
  ASSERT_TRUE(WriteNpy(dir.Path("a.npy"), tensor).ok());
  ASSERT_TRUE(WriteNpz(dir.Path("a.npz"), {{"x", tensor}, {"y", tensor}}).ok());
  const std::string npy = dir.Read("a.npy");
  const std::string npz = dir.Read("a.npz");
  std::mt19937 random(22);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = Damage(npy, random);
    size_t at = 0;
    auto array = DecodeNpy(bytes.size(), [&](void* to, size_t size) -> Status {
      if (size > bytes.size() - at) return OutOfRange("reads past the end");
      std::memcpy(to, bytes.data() + at, size);
      at += size;
      return OkStatus();
    });
    EXPECT_NE(array.status().code(), Code::kOutOfRange);
    EXPECT_TRUE(!array.ok() || array->byte_size() < bytes.size());
  }
  for (int round = 0; round < 200; ++round) {
    auto arrays = ReadNpz(dir.Write("b.npz", Damage(npz, random)));
    EXPECT_TRUE(!arrays.ok() || arrays->size() <= 2);
  }
}

TEST(Fuzz, DamagedCheckpointStates) {
  TempDir dir;
  dir.CopyDigits();
  const std::string text = "model_checkpoint_path: \"/gone/\\345model.ckpt\"\n";
  std::mt19937 random(23);
  for (int round = 0; round < 100; ++round) {
    dir.Write("checkpoint", Damage(text, random));
    (void)OpenModel(dir.Path("."));
  }
}

}  // namespace
}  // namespace midstream::formats
