// The tensors of an OpenPI checkpoint by the names that openpi itself gives them today.
//
// Files of the PyTorch layout spell names in several ways: LeRobot's have a prefix "model.", those
// saved from a compiled or distributed model have "_orig_mod." or "module." in them, older
// transformers had other module paths, and of the tied embedding a file has one of two names. All of
// them are found under the names that openpi's converter writes.
// Threads: immutable after construction.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_NAMES_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_NAMES_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/model_source.h"
#include "core/models/openpi/sizes.h"

namespace midstream::openpi {

// Prefixes of the PyTorch layout.
inline constexpr std::string_view kTorchModel = "paligemma_with_expert.";
inline constexpr std::string_view kTorchEmbedding =
    "paligemma_with_expert.paligemma.lm_head.weight";

// Errors: INVALID_ARGUMENT when the names are those of no OpenPI checkpoint.
Result<Naming> RecogniseNaming(const std::vector<formats::TensorInfo>& tensors);

// The name that openpi's converter writes today for a tensor of the PyTorch layout.
std::string CurrentTorchName(std::string_view name);

class StoredTensors {
 public:
  // `tensors` must outlive this.
  StoredTensors(const std::vector<formats::TensorInfo>& tensors, Naming naming);

  // The index of the tensor with this current name.
  std::optional<size_t> Find(std::string_view name) const;
  // The same, for a tensor that recognition needs. Errors: INVALID_ARGUMENT saying that it is missing
  // or that it has not `rank` dimensions, all of them positive and none absurd.
  Result<Shape> ShapeOf(const std::string& name, size_t rank) const;
  // Whether some name starts so.
  bool HasPrefix(std::string_view prefix) const;
  // How many layers there are: N when names go from "PREFIX0." to "PREFIX<N-1>.".
  int64_t CountLayers(const std::string& prefix) const;

 private:
  const std::vector<formats::TensorInfo>& tensors_;
  std::map<std::string, size_t, std::less<>> indices_;
};

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_NAMES_H_
