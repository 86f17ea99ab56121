// Packages of Python models, and the archives of torch.package that convert into them.
#include <string>

#include "core/formats/package/model.h"
#include "core/formats/package/package.h"
#include "core/formats/package/pickle.h"
#include "core/formats/package/torch_package.h"
#include "core/formats/package/torch_tensors.h"
#include "core/formats/package/zip_writer.h"
#include "core/graph/shape_inference.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

constexpr int64_t kLargestStorage = 1 << 20;

void CheckError(const Status& status) { MS_FUZZ_CHECK(status.ok() || !status.message().empty()); }

// Whatever is in a package that opens can be had, and makes a graph whose shapes are inferred.
void OpenPackage(const std::string& path) {
  const auto package = package::Package::Open(path);
  CheckError(package.status());
  CheckError(package.ok() ? (*package)->CheckCrcs() : OkStatus());
  if (!package.ok()) return;
  for (size_t i = 0; i < (*package)->manifest().tensors.size(); ++i) {
    const auto tensor = (*package)->ReadTensor(i);
    MS_FUZZ_CHECK(tensor.ok() && reinterpret_cast<uintptr_t>(tensor->data()) % 64 == 0);
    unsigned sum = 0;
    for (std::byte byte : tensor->bytes()) sum += static_cast<unsigned>(byte);
    MS_FUZZ_CHECK(sum <= 255 * tensor->byte_size());
  }
  const auto model = package::PackageModel::Open(path, {});
  MS_FUZZ_CHECK(model.ok());
  formats::GraphRequest request;
  for (const auto& output : (*model)->outputs()) request.outputs.push_back(output.name);
  auto built = (*model)->BuildGraph(request);
  MS_FUZZ_CHECK(built.ok());
  MS_FUZZ_CHECK(InferShapes(built->graph, nullptr).ok());
}

}  // namespace

void FuzzPackage(std::string_view input) { OpenPackage(WriteScratch("a.mspkg", input)); }

// The other entries are always these; a seed knows their SHA-256.
void FuzzPackageManifest(std::string_view input) {
  const std::string path = ScratchPath("m.mspkg");
  auto file = FileReplacement::Begin(path);
  MS_FUZZ_CHECK(file.ok());
  package::ZipWriter zip(&*file);
  MS_FUZZ_CHECK(zip.Add("code/policy.py", "def run(x): return x\n", false).ok());
  MS_FUZZ_CHECK(zip.Add("data/0.bin", std::string(32, '\1'), true).ok());
  MS_FUZZ_CHECK(zip.Add("manifest.json", input, false).ok());
  MS_FUZZ_CHECK(zip.Finish().ok() && file->Sync().ok() && file->Publish().ok());
  OpenPackage(path);
}

void FuzzTorchPackage(std::string_view input) {
  const auto package = package::ReadTorchPackage(WriteScratch("a.pt", input));
  CheckError(package.status());
  if (!package.ok()) return;
  for (size_t i = 0; i < package->tensors.size(); ++i) CheckError(package->read(i).status());
}

void FuzzPickle(std::string_view input) {
  const auto pickle = package::Pickle::Parse(input);
  CheckError(pickle.status());
  if (!pickle.ok()) return;
  const auto tensors = package::FindTorchTensors(*pickle);
  CheckError(tensors.status());
  if (!tensors.ok()) return;
  for (const package::TorchTensor& tensor : *tensors) {
    if (tensor.storage_count > kLargestStorage) continue;
    const std::string storage(static_cast<size_t>(tensor.storage_count) * DTypeSize(tensor.dtype),
                              '\1');
    MS_FUZZ_CHECK(package::GatherTorchTensor(tensor, storage).ok());
  }
}

}  // namespace midstream::fuzz
