// Sizes: which of OpenPI's models a checkpoint holds, and every size of it, read off the names and
// shapes of its tensors.
//
// openpi writes checkpoints in two layouts: JAX (Orbax), whose layers are stacked, and PyTorch
// (safetensors), one tensor per layer with heads flattened into rows. What a layout's shapes cannot
// tell is an option.
// Threads: plain values.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_SIZES_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_SIZES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/model_source.h"

namespace midstream::openpi {

enum class Family { kPi0, kPi05, kPi0Fast };
// "pi0", "pi05", "pi0_fast".
std::string_view FamilyName(Family family);

enum class Naming { kJax, kTorch };

// The image encoder, SigLIP.
struct VisionSizes {
  int64_t image = 0;   // pixels a side
  int64_t patch = 0;   // pixels a side
  int64_t tokens = 0;  // of one image: (image / patch)^2
  int64_t width = 0;
  int64_t depth = 0;
  int64_t mlp = 0;
  int64_t heads = 0;
  int64_t head_dim = 0;
};

// A stack of Gemma layers.
struct GemmaSizes {
  int64_t width = 0;
  int64_t depth = 0;
  int64_t mlp = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
};

struct Sizes {
  Family family = Family::kPi0;
  Naming naming = Naming::kJax;
  VisionSizes vision;
  GemmaSizes vlm;
  GemmaSizes expert;  // zeros in pi0_fast
  int64_t vocabulary = 0;
  int64_t action_dim = 0;  // 0 in pi0_fast
};

// What shapes in the PyTorch layout cannot tell.
struct SizeOptions {
  // Of the image encoder; 0: 16 if it is So400m (width 1152), which all released checkpoints have.
  int64_t vision_heads = 0;
};

// Errors: INVALID_ARGUMENT naming the tensor that is missing or of an impossible shape, or the
// option that is needed; UNIMPLEMENTED for a variant that the engine does not compute.
Result<Sizes> RecogniseSizes(const std::vector<formats::TensorInfo>& tensors,
                             const SizeOptions& options = {});

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_SIZES_H_
