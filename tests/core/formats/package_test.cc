// Packages: written, read in place, and opened as a model and as a file of weights.
#include "core/formats/package/package.h"

#include <sys/stat.h>

#include "core/formats/package/model.h"
#include "core/formats/package/writer.h"
#include "core/formats/weight_file.h"
#include "core/graph/shape_inference.h"
#include "core/models/open_model.h"
#include "core/session/batch.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/package_testing.h"

namespace midstream::package {
namespace {

using formats::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

Tensor Floats(const std::vector<float>& values, Shape shape) {
  return *Tensor::Copy(DType::kF32, std::move(shape), std::as_bytes(std::span(values)));
}

Contents Policy(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  Contents contents;
  contents.manifest.name = "policy";
  contents.manifest.entry = "nets.policy:Policy";
  contents.manifest.python = "3.10";
  contents.manifest.inputs = {{"x", DType::kF32, *ParseNamedShape("batch,4")},
                              {"state", DType::kBF16, *ParseNamedShape("batch,n")}};
  contents.manifest.outputs = {{"state", DType::kF32, *ParseNamedShape("batch,n")},
                               {"y", DType::kI64, *ParseNamedShape("batch")}};
  contents.manifest.batching = true;
  contents.manifest.externs = {"numpy"};
  contents.files = {{"code/nets/policy.py", "class Policy: ...\n"},
                    {"data/1.bin", "not a tensor"},
                    {"data/vocab \xC3\xA9.txt", "a\n"}};
  for (const auto& [name, value] : tensors) {
    contents.tensors.push_back({name, value.dtype(), value.shape()});
  }
  contents.read = [tensors](size_t i) -> Result<Tensor> { return tensors[i].second; };
  return contents;
}

const std::vector<std::pair<std::string, Tensor>>& Tensors() {
  static const std::vector<std::pair<std::string, Tensor>> kTensors = {
      {"w", Floats({1, 2, 3, 4, 5, 6}, {2, 3})},
      {"a.b/\xC3\xA9", Tensor::FromInts({7, 8, 9})},
      {"empty", Floats({}, {0, 5})},
      {"scalar", Floats({2.5}, {})}};
  return kTensors;
}

TEST(Package, GivesBackWhatWasWritten) {
  const TempDir dir;
  const std::string path = dir.Path("p.mspkg");
  ASSERT_TRUE(WritePackage(path, Policy(Tensors())).ok());
  const auto package = Package::Open(path);
  ASSERT_TRUE(package.ok()) << package.status().ToString();
  const Manifest& manifest = (*package)->manifest();
  EXPECT_EQ(manifest.name, "policy");
  EXPECT_EQ(manifest.entry, "nets.policy:Policy");
  EXPECT_EQ(manifest.inputs, Policy({}).manifest.inputs);
  EXPECT_EQ(manifest.outputs, Policy({}).manifest.outputs);
  EXPECT_TRUE(manifest.batching);
  EXPECT_THAT(manifest.externs, ElementsAre("numpy"));
  ASSERT_EQ(manifest.files.size(), 3u);
  EXPECT_EQ((*package)->contents(0), "class Policy: ...\n");
  EXPECT_EQ(manifest.files[1].file, "data/1.bin");  // which no tensor has taken
  ASSERT_EQ(manifest.tensors.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const auto wanted = std::find_if(Tensors().begin(), Tensors().end(), [&](const auto& one) {
      return one.first == manifest.tensors[i].name;
    });
    ASSERT_NE(wanted, Tensors().end());
    const auto value = (*package)->ReadTensor(i);
    ASSERT_TRUE(value.ok());
    EXPECT_TRUE(BitEqual(*value, wanted->second)) << manifest.tensors[i].name;
    EXPECT_EQ((*package)->tensor_offset(i) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(value->data()) % 64, 0u);
  }
  EXPECT_TRUE((*package)->CheckCrcs().ok());
}

TEST(Package, AnEntryMayLieInsideAClass) {
  const TempDir dir;
  Contents contents = Policy({});
  contents.manifest.entry = "nets.policy:Policy.Inner.act";
  ASSERT_TRUE(WritePackage(dir.Path("p.mspkg"), contents).ok());
  const auto package = Package::Open(dir.Path("p.mspkg"));
  ASSERT_TRUE(package.ok()) << package.status().ToString();
  EXPECT_EQ((*package)->manifest().entry, "nets.policy:Policy.Inner.act");
}

TEST(Package, EqualContentsMakeEqualBytes) {
  const TempDir dir;
  auto reversed = Tensors();
  std::reverse(reversed.begin(), reversed.end());
  ASSERT_TRUE(WritePackage(dir.Path("a.mspkg"), Policy(Tensors())).ok());
  ASSERT_TRUE(WritePackage(dir.Path("b.mspkg"), Policy(reversed)).ok());
  EXPECT_EQ(dir.Read("a.mspkg"), dir.Read("b.mspkg"));
}

// Tensors lie in one mapping, which outlives the package.
TEST(Package, TensorsAreUsedWhereTheyLie) {
  const TempDir dir;
  const std::string path = dir.Path("p.mspkg");
  ASSERT_TRUE(WritePackage(path, Policy(Tensors())).ok());
  Tensor first, second;
  uint64_t apart = 0;
  {
    const auto package = Package::Open(path);
    ASSERT_TRUE(package.ok());
    first = *(*package)->ReadTensor(0);
    second = *(*package)->ReadTensor(3);
    apart = (*package)->tensor_offset(3) - (*package)->tensor_offset(0);
    EXPECT_EQ((*package)->ReadTensor(0)->data(), first.data());
  }
  EXPECT_EQ(static_cast<const char*>(second.data()) - static_cast<const char*>(first.data()),
            static_cast<ptrdiff_t>(apart));
  std::filesystem::remove(path);
  EXPECT_TRUE(BitEqual(first, Tensor::FromInts({7, 8, 9})));
}

TEST(Package, AFileThatIsWrittenToIsReported) {
  const TempDir dir;
  const std::string path = dir.Path("p.mspkg");
  ASSERT_TRUE(WritePackage(path, Policy(Tensors())).ok());
  const auto package = Package::Open(path);
  ASSERT_TRUE(package.ok());
  // Replacing it is no writing.
  ASSERT_TRUE(WritePackage(path, Policy({})).ok());
  EXPECT_TRUE((*package)->ReadTensor(0).ok());
  const auto replaced = Package::Open(path);
  ASSERT_TRUE(replaced.ok());
  std::ofstream(path, std::ios::app) << "more";
  EXPECT_TRUE((*package)->ReadTensor(0).ok());
  EXPECT_THAT(std::string((*replaced)->CheckCrcs().message()), HasSubstr("was written to while"));
}

TEST(Package, WhatIsNoFileIsNamed) {
  const TempDir dir;
  EXPECT_EQ(Package::Open(dir.Path("none.mspkg")).status().code(), Code::kNotFound);
  std::filesystem::create_directory(dir.Path("folder.mspkg"));
  EXPECT_THAT(std::string(Package::Open(dir.Path("folder.mspkg")).status().message()),
              HasSubstr("folder.mspkg is a directory, not a file"));
  ASSERT_EQ(::mkfifo(dir.Path("pipe.mspkg").c_str(), 0600), 0);
  EXPECT_THAT(std::string(Package::Open(dir.Path("pipe.mspkg")).status().message()),
              HasSubstr("is not a regular file"));
}

TEST(Package, WriterRefusesWhatTheReaderWould) {
  const TempDir dir;
  const std::string path = dir.Write("p.mspkg", "old");
  const auto refused = [&](const std::function<void(Contents&)>& edit) {
    Contents contents = Policy(Tensors());
    edit(contents);
    const Status status = WritePackage(path, contents);
    EXPECT_EQ(dir.Read("p.mspkg"), "old");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
    return std::string(status.message());
  };
  EXPECT_THAT(refused([](Contents& c) { c.files["code/../x.py"] = ""; }),
              HasSubstr("p.mspkg: entry 'code/../x.py': has a name that leads out"));
  EXPECT_THAT(refused([](Contents& c) { c.files["docs/x"] = ""; }),
              HasSubstr("'docs/x' lies neither below code/ nor below data/"));
  EXPECT_THAT(refused([](Contents& c) { c.manifest.entry = "other:Policy"; }),
              HasSubstr("expected code/other.py or code/other/__init__.py"));
  EXPECT_THAT(refused([](Contents& c) { c.tensors[0].name = "a:0"; }),
              HasSubstr("tensor 'a:0' has no name that a weight can have"));
  EXPECT_THAT(refused([](Contents& c) { c.files["data/\xff"] = ""; }), HasSubstr("is not UTF-8"));
  EXPECT_THAT(refused([](Contents& c) {
                c.read = [](size_t) -> Result<Tensor> { return DataLoss("gone"); };
              }),
              HasSubstr("gone"));
}

TEST(PackageModel, IsAGraphOfOneNode) {
  const TempDir dir;
  const std::string path = dir.Path("p.mspkg");
  ASSERT_TRUE(WritePackage(path, Policy(Tensors())).ok());
  const auto model = models::OpenModel(path);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ((*model)->inputs()[1].shape, Shape({kUnknownDim, kUnknownDim}));
  EXPECT_EQ((*model)->outputs()[1].name, "y");
  ASSERT_EQ((*model)->weights().size(), 4u);
  auto built = (*model)->BuildGraph({{}, {"y", "state"}, {}, false});
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  Graph& graph = built->graph;
  ASSERT_EQ(graph.nodes().size(), 1u);
  const Node& node = graph.node(0);
  EXPECT_TRUE(node.Is("PythonModel", "midstream"));
  EXPECT_EQ(node.inputs.size(), 6u);
  EXPECT_EQ(node.outputs.size(), 2u);
  EXPECT_EQ(node.String("package", ""), path);
  EXPECT_EQ(std::get<std::vector<std::string>>(node.attrs.at("contents"))[0],
            "class Policy: ...\n");
  EXPECT_THAT(std::get<std::vector<std::string>>(node.attrs.at("output_shapes")),
              ElementsAre("batch,n", "batch"));
  const std::string bytes = dir.Read("p.mspkg");
  const auto offsets = node.Ints("weight_offsets");
  for (size_t i = 0; i < 4; ++i) {
    const Tensor value = *(*model)->ReadWeight((*model)->weights()[i].name);
    EXPECT_EQ(bytes.substr(static_cast<size_t>(offsets[i]), value.byte_size()),
              std::string(static_cast<const char*>(value.data()), value.byte_size()));
  }
  ASSERT_TRUE(InferShapes(graph, nullptr).ok());
  EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kI64);
  EXPECT_THAT(graph.output_names(), ElementsAre("y", "state"));
  EXPECT_EQ((*(*model)->Operators({"y"}))[0].op, "midstream.PythonModel");
}

TEST(PackageModel, FeedsAndBindsInputsOnly) {
  const TempDir dir;
  const std::string path = dir.Path("p.mspkg");
  ASSERT_TRUE(WritePackage(path, Policy({})).ok());
  const auto model = formats::OpenModel(path);
  ASSERT_TRUE(model.ok());
  const auto build = [&](formats::GraphRequest request) {
    if (request.outputs.empty()) request.outputs = {"y"};
    return std::string((*model)->BuildGraph(request).status().message());
  };
  EXPECT_EQ(build({{"state", "x:0"}, {}, {}, false}), "");
  EXPECT_THAT(build({{"z"}, {}, {}, false}), HasSubstr("no input 'z'; it has x, state"));
  EXPECT_THAT(build({{"x"}, {}, {}, false}), HasSubstr("needs input 'state', which is not fed"));
  EXPECT_THAT(build({{"x", "x"}, {}, {}, false}), HasSubstr("'x' is fed twice"));
  EXPECT_THAT(build({{}, {"z"}, {}, false}), HasSubstr("no output 'z'; it has state, y"));
  const Tensor x = Floats({1, 2, 3, 4}, {1, 4});
  EXPECT_EQ(build({{}, {}, {{"x", x}}, false}), "");
  EXPECT_THAT(build({{"x"}, {}, {{"x", x}}, false}), HasSubstr("both fed and bound"));
  EXPECT_THAT(build({{}, {}, {{"state", x}}, false}),
              HasSubstr("'state' is bfloat16[?,?] and cannot be bound to a value of float32[1,4]"));
  formats::OpenOptions options;
  options.signature = "serve";
  EXPECT_THAT(std::string(formats::OpenModel(path, options).status().message()),
              HasSubstr("has no signatures"));
}

// Named dimensions at the front are not enough: only the package knows whether rows are independent.
TEST(PackageModel, RequestsAreJoinedOnlyWhereThePackageAllowsIt) {
  const TempDir dir;
  for (const bool batching : {true, false}) {
    Contents contents = Policy({});
    contents.manifest.batching = batching;
    ASSERT_TRUE(WritePackage(dir.Path("p.mspkg"), contents).ok());
    const auto model = formats::OpenModel(dir.Path("p.mspkg"));
    ASSERT_TRUE(model.ok());
    auto built = (*model)->BuildGraph({{}, {"y"}, {}, false});
    ASSERT_TRUE(InferShapes(built->graph, nullptr).ok());
    EXPECT_EQ(session::HasFreeRows(built->graph), batching);
  }
}

TEST(PackageModel, TakesTheWeightsOfAnotherPackage) {
  const TempDir dir;
  ASSERT_TRUE(WritePackage(dir.Path("p.mspkg"), Policy(Tensors())).ok());
  auto other = Tensors();
  other[0].second = Floats({6, 5, 4, 3, 2, 1}, {2, 3});
  ASSERT_TRUE(WritePackage(dir.Path("q.mspkg"), Policy(other)).ok());
  const auto model = formats::OpenModel(dir.Path("p.mspkg"));
  ASSERT_TRUE(model.ok());
  const auto reader = formats::OpenWeights(**model, dir.Path("q.mspkg"));
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_TRUE(BitEqual(*(*reader)->Read("w"), other[0].second));
  other[0].second = Floats({1}, {1});
  ASSERT_TRUE(WritePackage(dir.Path("q.mspkg"), Policy(other)).ok());
  EXPECT_THAT(std::string(formats::OpenWeights(**model, dir.Path("q.mspkg")).status().message()),
              HasSubstr("'w': expected float32[2,3], got float32[1]"));
  EXPECT_THAT(std::string(formats::OpenWeights(**model, dir.Path("none")).status().message()),
              HasSubstr("expected a .mspkg, .safetensors or .npz file"));
}

}  // namespace
}  // namespace midstream::package
