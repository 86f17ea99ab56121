// Orbax checkpoints: trees of parameters, where they are found, and openpi's own files, which are
// compared with the values that its PyTorch converter wrote.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "core/formats/orbax/checkpoint.h"
#include "core/formats/orbax/key_text.h"
#include "core/formats/orbax/tree.h"
#include "core/formats/tensor_file.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/orbax_testing.h"

namespace midstream::orbax {
namespace {

namespace fs = std::filesystem;
using formats::OpenTensorFile;
using formats::TempDir;
using formats::TensorFile;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kOpenPi = std::string(MS_SHARED_DATA) + "/openpi";

std::vector<std::string> Names(const Tree& tree) {
  std::vector<std::string> names;
  for (const Leaf& leaf : tree.leaves) names.push_back(leaf.name);
  return names;
}

TEST(OrbaxTree, DropsWhatAllLeavesHave) {
  EXPECT_THAT(Names(*ParseTree(TreeJson({"params/b/w", "params/a"}))), ElementsAre("a", "b/w"));
  EXPECT_THAT(Names(*ParseTree(TreeJson({"params/b/w/value", "params/a/value"}))),
              ElementsAre("a", "b/w"));
  EXPECT_THAT(Names(*ParseTree(TreeJson({"params/b/w/value", "params/a"}))),
              ElementsAre("a", "b/w/value"));
  EXPECT_THAT(Names(*ParseTree(TreeJson({"params/b", "step"}))), ElementsAre("params/b", "step"));
  EXPECT_THAT(Names(*ParseTree(TreeJson({"params/value"}))), ElementsAre("value"));
  EXPECT_THAT(Names(*ParseTree(TreeJson({"params"}))), ElementsAre("params"));
  EXPECT_EQ(ParseTree(TreeJson({"params/b/w/value"}))->leaves[0].key, "params.b.w.value");
}

TEST(OrbaxTree, LeavesEmptyDictsOut) {
  const std::string json =
      R"x({"tree_metadata": {"('a',)": {"key_metadata": [{"key": "a", "key_type": 2}],
        "value_metadata": {"value_type": "Dict", "skip_deserialize": true}},
        "('b', 0)": {"key_metadata": [{"key": "b", "key_type": 2}, {"key": 0, "key_type": 1}]},
        "('c', 'it\\'s', \"2'\", 3)": {"value_metadata": {"skip_deserialize": false}}}})x";
  const auto tree = ParseTree(json);
  ASSERT_TRUE(tree.ok()) << tree.status().ToString();
  EXPECT_THAT(Names(*tree), ElementsAre("b/0", "c/it's/2'/3"));
  EXPECT_FALSE(tree->every_chunk);
}

TEST(OrbaxTree, RefusesWhatIsMalformed) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no JSON object"},
      {"[1]", "no JSON object"},
      {"{}", "no tree_metadata"},
      {R"({"tree_metadata": []})", "no tree_metadata"},
      {R"({"tree_metadata": {}})", "lists no parameters"},
      {R"({"tree_metadata": {"(": 1}})", "its entry '(' is no object"},
      {R"({"tree_metadata": {"(": {}}})", "its entry '(' is no tuple of names"},
      {R"({"tree_metadata": {"x": {"key_metadata": 1}}})", "no list"},
      {R"({"tree_metadata": {"x": {"key_metadata": [1]}}})", "without a key"},
      {R"({"tree_metadata": {"x": {"key_metadata": []}}})", "has no names"},
      {R"({"tree_metadata": {"x": {"value_metadata": 3}}})", "value_metadata that is no object"},
      {R"x({"tree_metadata": {"('a',)": {}, "(\"a\",)": {}}})x", "parameter 'a' twice"},
  };
  for (const auto& [json, text] : cases) {
    const Status status = ParseTree(json).status();
    EXPECT_EQ(status.code(), Code::kDataLoss) << json;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text)) << json;
  }
  const Status zarr3 = ParseTree(R"({"tree_metadata": {}, "use_zarr3": true})").status();
  EXPECT_EQ(zarr3.code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(zarr3.message()), HasSubstr("use_zarr3"));
}

TEST(OrbaxTree, EndsAtDeepNesting) {
  const std::string deep =
      "{\"use_zarr3\": " + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_FALSE(ParseTree(deep).ok());
}

TEST(OrbaxTree, ReadsTuplesOfNames) {
  EXPECT_THAT(*ParseKeyText("('a', 'b c', 12)"), ElementsAre("a", "b c", "12"));
  EXPECT_THAT(*ParseKeyText("('a',)"), ElementsAre("a"));
  for (const char* text :
       {"", "(", "()", "'a'", "('a'", "('a)", "('a' 'b')", "(a)", "('\\n',)", "('a',))"}) {
    EXPECT_FALSE(ParseKeyText(text).ok()) << text;
  }
}

Tensor Floats(const Shape& shape, float first) {
  Tensor tensor = *Tensor::Allocate(DType::kF32, shape);
  for (float& value : tensor.mutable_as<float>()) value = first++;
  return tensor;
}

// Two arrays, one in several chunks.
KeyValues Arrays(const std::string& suffix = "") {
  KeyValues values = ZarrArray("params.net.w" + suffix, Floats({4, 6}, 1), {{2, 4}});
  values.merge(ZarrArray("params.net.b" + suffix, Floats({6}, 50), {{6}}));
  return values;
}

void ExpectArrays(const std::string& path) {
  EXPECT_TRUE(formats::IsTensorFile(path));
  auto file = OpenTensorFile(path);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_EQ((*file)->tensors().size(), 2u);
  EXPECT_EQ((*file)->tensors()[0].name, "net/b");
  EXPECT_TRUE(BitEqual(*(*file)->Read(0), Floats({6}, 50)));
  EXPECT_EQ((*file)->tensors()[1].name, "net/w");
  EXPECT_TRUE(BitEqual(*(*file)->Read(1), Floats({4, 6}, 1)));
  EXPECT_TRUE(BitEqual(*(*file)->ReadRows(1, 1, 2), Floats({2, 6}, 7)));
  EXPECT_EQ((*file)->ReadRows(1, 3, 2).status().code(), Code::kInvalidArgument);
}

TEST(OrbaxCheckpoint, IsFoundInEveryLayoutOfFolders) {
  for (const char* below : {"", "params/", "params/params/"}) {
    TempDir dir;
    WriteOcdbt(dir.Path(below), Arrays(".value"));
    WriteFileBelow(dir.path(), std::string(below) + "_METADATA",
                   TreeJson({"params/net/w/value", "params/net/b/value"}));
    ExpectArrays(dir.path());
    ExpectArrays(dir.path() + "/");
  }
}

TEST(OrbaxCheckpoint, ReadsFoldersOfArraysWithoutADatabase) {
  TempDir dir;
  WriteFolder(dir.path(), Arrays());
  dir.Write("_METADATA", TreeJson({"params/net/w", "params/net/b"}));
  ExpectArrays(dir.path());
}

TEST(OrbaxCheckpoint, TellsWhatIsMissing) {
  const std::string tree = TreeJson({"params/net/w", "params/net/b"},
                                    R"(, "store_array_data_equal_to_fill_value": true)");
  const auto expect = [](const TempDir& dir, const std::string& text) {
    const Status status = OpenTensorFile(dir.path()).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("the copy of the checkpoint is incomplete"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir.path()));
  };
  TempDir tree_only, database_only, no_array, no_chunk;
  tree_only.Write("_METADATA", tree);
  expect(tree_only, "manifest.ocdbt, the index of the arrays, is missing");
  WriteOcdbt(database_only.path(), Arrays());
  expect(database_only, "_METADATA, the list of parameters, is missing");
  KeyValues values = Arrays();
  values.erase("params.net.b/.zarray");
  WriteOcdbt(no_array.path(), values);
  no_array.Write("_METADATA", tree);
  expect(no_array, "array 'params.net.b' is listed in _METADATA and is not there");
  values = Arrays();
  values.erase("params.net.w/1.0");
  WriteFolder(no_chunk.path(), values);
  no_chunk.Write("_METADATA", tree);
  expect(no_chunk, "array 'params.net.w': its chunk 1.0 is missing");
}

// tests/data/orbax, which TensorStore wrote: every element follows from its position.
TEST(OrbaxCheckpoint, ReadsWhatTensorStoreWrote) {
  auto file = OpenTensorFile(std::string(MS_TEST_DATA) + "/orbax/small.ckpt");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_EQ((*file)->tensors().size(), 12u);
  for (size_t index = 0; index < 12; ++index) {
    const formats::TensorInfo& info = (*file)->tensors()[index];
    EXPECT_EQ(info.name.substr(0, info.name.find('/')), DTypeName(info.dtype));
    auto tensor = (*file)->Read(index);
    ASSERT_TRUE(tensor.ok()) << tensor.status().ToString();
    for (int64_t i = 0; i < tensor->count(); ++i) {
      const auto at = static_cast<size_t>(i);
      const double expected = static_cast<double>(i % 100 - 20);
      switch (info.dtype) {
        case DType::kF32:
          ASSERT_EQ(tensor->as<float>()[at], expected) << info.name;
          break;
        case DType::kF64:
          ASSERT_EQ(tensor->as<double>()[at], expected) << info.name;
          break;
        case DType::kI64:
          ASSERT_EQ(tensor->as<int64_t>()[at], expected) << info.name;
          break;
        case DType::kF16:
          ASSERT_EQ(HalfToFloat(tensor->as<uint16_t>()[at]), expected);
          break;
        case DType::kBF16:
          ASSERT_EQ(BFloat16ToFloat(tensor->as<uint16_t>()[at]), expected);
          break;
        case DType::kU8:
          ASSERT_EQ(tensor->as<uint8_t>()[at], i % 100);
          break;
        default:
          ASSERT_EQ(tensor->as<uint8_t>()[at], i % 3 == 0) << info.name;
          break;
      }
    }
  }
}

TEST(OrbaxCheckpoint, IsNoOtherFolder) {
  TempDir dir;
  EXPECT_FALSE(formats::IsTensorFile(dir.path()));
  EXPECT_EQ(OpenTensorFile(dir.path()).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Checkpoint::Open(dir.path()).status().code(), Code::kNotFound);
}

// openpi's own files.
class OpenPiCheckpoints : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!fs::exists(kOpenPi)) GTEST_SKIP() << kOpenPi << " is not there";
  }
  static std::unique_ptr<TensorFile> Open(const std::string& path) {
    auto file = OpenTensorFile(kOpenPi + "/" + GetParam() + path);
    EXPECT_TRUE(file.ok()) << file.status().ToString();
    return file.ok() ? *std::move(file) : nullptr;
  }
  static std::map<std::string, Tensor> All(const TensorFile& file) {
    std::map<std::string, Tensor> tensors;
    for (size_t i = 0; i < file.tensors().size(); ++i) {
      auto tensor = file.Read(i);
      EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
      tensors[file.tensors()[i].name] = *tensor;
    }
    return tensors;
  }
};

INSTANTIATE_TEST_SUITE_P(Models, OpenPiCheckpoints, testing::Values("pi0_tiny", "pi05_tiny"));

TEST_P(OpenPiCheckpoints, AreTheSameInTheTrainingLayout) {
  const auto released = All(*Open("/jax_f32"));
  const auto trained = All(*Open("/jax_train/1000"));
  ASSERT_EQ(released.size(), trained.size());
  ASSERT_GE(released.size(), 50u);
  for (const auto& [name, tensor] : released) {
    ASSERT_EQ(trained.count(name), 1u) << name;
    EXPECT_TRUE(BitEqual(tensor, trained.at(name))) << name;
  }
}

TEST_P(OpenPiCheckpoints, AreTheRoundedValuesInBFloat16) {
  const auto full = All(*Open("/jax_f32"));
  const auto half = All(*Open("/jax_bf16"));
  ASSERT_EQ(full.size(), half.size());
  for (const auto& [name, tensor] : full) {
    ASSERT_EQ(half.count(name), 1u) << name;
    const Tensor& rounded = half.at(name);
    ASSERT_EQ(rounded.dtype(), DType::kBF16);
    ASSERT_EQ(rounded.shape(), tensor.shape());
    for (size_t i = 0; i < tensor.as<float>().size(); ++i) {
      ASSERT_EQ(rounded.as<uint16_t>()[i], FloatToBFloat16(tensor.as<float>()[i])) << name;
    }
  }
}

TEST_P(OpenPiCheckpoints, GiveTheirRowsAsTheyGiveTheWhole) {
  for (const char* path : {"/jax_f32", "/jax_bf16"}) {
    auto file = Open(path);
    for (size_t i = 0; i < file->tensors().size(); ++i) {
      const Tensor all = *file->Read(i);
      const int64_t rows = all.shape()[0];
      const size_t row = all.byte_size() / static_cast<size_t>(rows);
      for (int64_t r = 0; r < rows; ++r) {
        auto one = file->ReadRows(i, r, 1);
        ASSERT_TRUE(one.ok()) << one.status().ToString();
        const auto bytes = all.bytes().subspan(static_cast<size_t>(r) * row, row);
        ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), one->bytes().begin()))
            << file->tensors()[i].name;
      }
    }
  }
}

// A value of the JAX tree at [layer, ...], as a function of indices, and the PyTorch matrix [out, in]
// that the converter made of it.
using Index = std::vector<int64_t>;
float At(const Tensor& tensor, const Index& index) {
  int64_t at = 0;
  for (size_t axis = 0; axis < index.size(); ++axis) at = at * tensor.shape()[axis] + index[axis];
  return tensor.as<float>()[static_cast<size_t>(at)];
}

TEST_P(OpenPiCheckpoints, HaveTheValuesOfTheConvertedFile) {
  const auto jax = All(*Open("/jax_f32"));
  const auto torch = All(*Open("/torch_f32/model.safetensors"));
  const std::string vision =
      "paligemma_with_expert.paligemma.model.vision_tower.vision_model.encoder.layers.1.";
  const std::string language = "paligemma_with_expert.paligemma.model.language_model.layers.1.";
  const std::string expert = "paligemma_with_expert.gemma_expert.model.layers.1.";
  const std::string block = "PaliGemma/img/Transformer/encoderblock/";
  const std::string llm = "PaliGemma/llm/layers/";
  const int64_t head = 16, vision_head = 12;
  struct Case {
    std::string torch, jax;
    std::function<Index(int64_t out, int64_t in)> at;
  };
  const Case cases[] = {
      {vision + "mlp.fc1.weight", block + "MlpBlock_0/Dense_0/kernel",
       [](int64_t o, int64_t i) {
         return Index{1, i, o};
       }},
      {vision + "self_attn.k_proj.weight", block + "MultiHeadDotProductAttention_0/key/kernel",
       [&](int64_t o, int64_t i) {
         return Index{1, i, o / vision_head, o % vision_head};
       }},
      {vision + "self_attn.out_proj.weight", block + "MultiHeadDotProductAttention_0/out/kernel",
       [&](int64_t o, int64_t i) {
         return Index{1, i / vision_head, i % vision_head, o};
       }},
      {language + "self_attn.q_proj.weight", llm + "attn/q_einsum/w",
       [&](int64_t o, int64_t i) {
         return Index{1, o / head, i, o % head};
       }},
      {language + "self_attn.v_proj.weight", llm + "attn/kv_einsum/w",
       [](int64_t o, int64_t i) {
         return Index{1, 1, 0, i, o};
       }},
      {language + "self_attn.o_proj.weight", llm + "attn/attn_vec_einsum/w",
       [&](int64_t o, int64_t i) {
         return Index{1, i / head, i % head, o};
       }},
      {language + "mlp.up_proj.weight", llm + "mlp/gating_einsum",
       [](int64_t o, int64_t i) {
         return Index{1, 1, i, o};
       }},
      {expert + "mlp.down_proj.weight", llm + "mlp_1/linear",
       [](int64_t o, int64_t i) {
         return Index{1, i, o};
       }},
      {"action_in_proj.weight", "action_in_proj/kernel",
       [](int64_t o, int64_t i) {
         return Index{i, o};
       }},
      {"paligemma_with_expert.paligemma.lm_head.weight", "PaliGemma/llm/embedder/input_embedding",
       [](int64_t o, int64_t i) {
         return Index{o, i};
       }},
  };
  for (const Case& c : cases) {
    ASSERT_EQ(torch.count(c.torch), 1u) << c.torch;
    ASSERT_EQ(jax.count(c.jax), 1u) << c.jax;
    const Tensor& matrix = torch.at(c.torch);
    for (int64_t o = 0; o < matrix.shape()[0]; ++o) {
      for (int64_t i = 0; i < matrix.shape()[1]; ++i) {
        ASSERT_EQ(At(matrix, {o, i}), At(jax.at(c.jax), c.at(o, i))) << c.jax;
      }
    }
  }
}

// As after a download that broke off.
TEST_P(OpenPiCheckpoints, TellThatADataFileIsCutShort) {
  TempDir dir;
  const std::string copy = dir.Path("params");
  fs::copy(kOpenPi + "/" + GetParam() + "/jax_f32/params", copy, fs::copy_options::recursive);
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(copy + "/ocdbt.process_0/d")) {
    if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
  }
  fs::permissions(largest, fs::perms::owner_all);
  fs::permissions(largest.parent_path(), fs::perms::owner_all);
  fs::resize_file(largest, fs::file_size(largest) / 2);  // behind the values are old nodes
  const Status status = OpenTensorFile(copy).status();
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(largest.string()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'params."));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the copy of the checkpoint is incomplete"));
  for (const auto& entry : fs::recursive_directory_iterator(copy)) {
    if (entry.is_directory()) fs::permissions(entry, fs::perms::owner_all);
  }
  fs::permissions(copy, fs::perms::owner_all);
}

}  // namespace
}  // namespace midstream::orbax
