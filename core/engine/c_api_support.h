// What the files of the C API share: the handles, and the way from the C++ side to codes and back.
#ifndef MIDSTREAM_CORE_ENGINE_C_API_SUPPORT_H_
#define MIDSTREAM_CORE_ENGINE_C_API_SUPPORT_H_

#include <exception>
#include <new>
#include <string>
#include <vector>

#include "core/engine/engine.h"
#include "midstream/midstream.h"

struct midstream_engine {
  midstream::Engine engine;
};
struct midstream_model {
  midstream::Model model;
  std::vector<midstream::TensorSpec> weights;
};
struct midstream_session {
  midstream::Session session;
};
struct midstream_request {
  midstream::Session session;
  midstream::Response response;
};
struct midstream_result {
  midstream::RunResult result;
};
struct midstream_update {
  midstream::Model model;
  midstream::UpdateOptions options;
  midstream::Update update;
  bool begun = false;  // a value was assigned, so options cannot change any more
};
struct midstream_pin {
  midstream::VersionPin pin;
};

namespace midstream::capi {

// Fills `error`, which may be null, and returns the code.
midstream_code Fail(const Status& status, midstream_error* error);

// Runs body, which returns a Status.
template <typename Body>
midstream_code Guarded(midstream_error* error, Body body) {
  try {
    const Status status = body();
    return status.ok() ? MIDSTREAM_OK : Fail(status, error);
  } catch (const std::bad_alloc&) {
    return Fail(ResourceExhausted("out of memory"), error);
  } catch (const std::exception& exception) {
    return Fail(Internal(exception.what()), error);
  }
}

// Errors: INVALID_ARGUMENT naming `what`.
Status NotNull(const void* pointer, const char* what);
Result<std::vector<std::string>> Texts(const char* const* texts, size_t count, const char* what);

midstream_dtype ToC(DType dtype);
// The caller's memory as a tensor, borrowed. Errors: INVALID_ARGUMENT naming the tensor.
Result<NamedTensor> Borrow(const midstream_tensor& tensor);
Result<std::vector<NamedTensor>> BorrowAll(const midstream_tensor* tensors, size_t count);
// For functions that hand a text out. *size receives its bytes with the NUL. Errors:
// RESOURCE_EXHAUSTED when capacity is smaller.
Status CopyText(const std::string& text, char* buffer, size_t capacity, size_t* size);
Status SpecAt(const std::vector<TensorSpec>& specs, size_t index, midstream_spec* out);

}  // namespace midstream::capi

#endif  // MIDSTREAM_CORE_ENGINE_C_API_SUPPORT_H_
