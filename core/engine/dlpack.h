// Tensors of other frameworks, taken over without a copy by DLPack's exchange structure (DLPack 0.6,
// dlpack/dlpack.h).
#ifndef MIDSTREAM_CORE_ENGINE_DLPACK_H_
#define MIDSTREAM_CORE_ENGINE_DLPACK_H_

#include <dlpack/dlpack.h>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream {

// The tensor's deleter is called when the last copy of the result is gone. Errors, after which the
// caller still owns it: INVALID_ARGUMENT for what is not a contiguous tensor in host memory of a
// dtype that the engine has.
Result<Tensor> FromDLPack(DLManagedTensor* managed);

}  // namespace midstream

#endif  // MIDSTREAM_CORE_ENGINE_DLPACK_H_
