// Arrays as users feed them: `.npy` and `.npz` files by path.
#include <string>

#include "core/formats/npy/npy.h"
#include "core/formats/npy/npy_codec.h"
#include "core/formats/npy/npz.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

void CheckError(const Status& status) { MS_FUZZ_CHECK(status.ok() || !status.message().empty()); }

// What was read can be written and read again, to the same bits.
void RoundTrip(const Tensor& tensor) {
  if (tensor.dtype() == DType::kBF16) return;  // written as float
  auto path = ScratchPath("again.npy");
  MS_FUZZ_CHECK(formats::WriteNpy(path, tensor).ok());
  auto again = formats::ReadNpy(path);
  MS_FUZZ_CHECK(again.ok() && BitEqual(tensor, *again));
}

}  // namespace

void FuzzNpy(std::string_view input) {
  auto tensor = formats::ReadNpy(WriteScratch("a.npy", input));
  CheckError(tensor.status());
  if (!tensor.ok()) return;
  MS_FUZZ_CHECK(tensor->byte_size() < input.size());
  RoundTrip(*tensor);
}

void FuzzNpz(std::string_view input) {
  std::string path = WriteScratch("a.npz", input);
  auto tensors = formats::ReadNpz(path);
  CheckError(tensors.status());
  if (!tensors.ok()) return;
  for (const auto& [key, tensor] : *tensors) {
    auto member = formats::ReadNpzMember(path, key);
    MS_FUZZ_CHECK(member.ok() && BitEqual(*member, tensor));
  }
}

}  // namespace midstream::fuzz
