// A checkpoint's files as the engine opens them: by path, and then everything that `inspect`, `run`
// and a weight update ask of it.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/formats/tensorflow/bundle.h"
#include "core/formats/tensorflow/checkpoint_state.h"
#include "core/formats/tensorflow/text_proto.h"
#include "core/graph/shape_inference.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/table_bytes.h"
#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

using formats::BuiltGraph;
using formats::ModelSource;
using formats::OpenModel;
using tensorflow::Bundle;

constexpr const char* kIndex = "model.ckpt.index";
constexpr const char* kData = "model.ckpt.data-00000-of-00001";
constexpr const char* kMeta = "model.ckpt.meta";
// What the index of the seeds needs, so that a fuzzed index alone has data to point into.
constexpr size_t kDataSize = 1 << 16;

void CheckError(const Status& status) { MS_FUZZ_CHECK(status.ok() || !status.message().empty()); }

// Models whose variables a fuzzed checkpoint is asked for: plain ones, and the parts of partitioned
// ones by rows and by columns, of every type.
std::vector<std::unique_ptr<ModelSource>> OpenReaders() {
  std::vector<std::unique_ptr<ModelSource>> readers;
  for (const char* meta :
       {"slices/whole", "slices/rows", "slices/columns", "ops/partitioned/model.ckpt"}) {
    auto model = OpenModel(std::string(MS_TEST_DATA) + "/tf/" + meta + ".meta");
    MS_FUZZ_CHECK(model.ok());
    readers.push_back(*std::move(model));
  }
  return readers;
}

void ReadWeights(const std::string& path) {
  static const auto readers = OpenReaders();
  for (const auto& reader : readers) {
    auto weights = reader->OpenWeights(path);
    CheckError(weights.status());
    if (!weights.ok()) continue;
    for (const std::string& name : (*weights)->names()) CheckError((*weights)->Read(name).status());
  }
}

void ReadBundle() {
  auto bundle = Bundle::Open(ScratchPath("model.ckpt"));
  CheckError(bundle.status());
  if (!bundle.ok()) return;
  for (const auto& [key, entry] : bundle->entries()) {
    CheckError(bundle->Read(key).status());
    CheckError(bundle->Read(key, false).status());
  }
  ReadWeights(ScratchPath("model.ckpt"));
}

void Exercise(const ModelSource& model) {
  for (const formats::WeightInfo& info : model.weights()) {
    CheckError(model.ReadWeight(info.name).status());
  }
  formats::GraphRequest request;
  for (const formats::TensorInfo& info : model.outputs()) request.outputs.push_back(info.name);
  CheckError(model.Operators(request.outputs).status());
  auto built = model.BuildGraph(request);
  CheckError(built.status());
  if (!built.ok()) return;
  MS_FUZZ_CHECK(!built->graph.outputs().empty());
  CheckError(InferShapes(built->graph, nullptr));
  CheckError(Verify(built->graph));
}

}  // namespace

void FuzzBundleIndex(std::string_view input) {
  static const std::string data = WriteScratch(kData, std::string(kDataSize, '\x3f'));
  WriteScratch(kIndex, WithRightChecksums(input));
  ReadBundle();
}

void FuzzBundleData(std::string_view input) {
  WriteScratch(kIndex, TableOfRows(&input));
  WriteScratch(kData, input);
  ReadBundle();
}

void FuzzV1Table(std::string_view input) {
  ReadWeights(WriteScratch("model.v1", WithRightChecksums(input)));
}

void FuzzV1Rows(std::string_view input) {
  ReadWeights(WriteScratch("model.v1", TableOfRows(&input)));
}

void FuzzMetaGraph(std::string_view input) {
  auto model = OpenModel(WriteScratch(kMeta, input));
  CheckError(model.status());
  if (model.ok()) Exercise(**model);
}

void FuzzTextGraph(std::string_view input) {
  for (auto message :
       {tensorflow::TextMessage::kMetaGraphDef, tensorflow::TextMessage::kGraphDef}) {
    auto encoded = tensorflow::EncodeText(input, message);
    CheckError(encoded.status());
    MS_FUZZ_CHECK(!encoded.ok() || encoded->size() <= 16 * input.size());
  }
  auto model = OpenModel(WriteScratch("graph.pbtxt", input));
  CheckError(model.status());
  if (model.ok()) Exercise(**model);
}

void FuzzSavedModel(std::string_view input) {
  static const std::string folder = [] {  // with the variables of a real one
    std::string path = ScratchPath("saved");
    std::filesystem::copy(std::string(MS_TEST_DATA) + "/tf/saved_model/module/model", path,
                          std::filesystem::copy_options::recursive);
    return path;
  }();
  WriteScratch("saved/saved_model.pb", input);
  auto model = OpenModel(folder);
  CheckError(model.status());
  if (model.ok()) Exercise(**model);
}

void FuzzCheckpointState(std::string_view input) {
  static const std::string index = WriteScratch(kIndex, "");
  WriteScratch("checkpoint", input);
  std::string folder = ScratchPath("");
  auto latest = tensorflow::LatestCheckpoint(folder.substr(0, folder.size() - 1));
  CheckError(latest.status());
  MS_FUZZ_CHECK(!latest.ok() || !latest->empty());
}

}  // namespace midstream::fuzz
