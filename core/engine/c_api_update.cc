// The C API of updates.
#include "core/engine/c_api_support.h"

using namespace midstream;        // NOLINT: the functions below are the C face of this namespace
using namespace midstream::capi;  // NOLINT

midstream_code midstream_update_begin(midstream_model* model, midstream_update** out,
                                      midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    *out = new midstream_update{model->model, model->model.BeginUpdate()};
    return OkStatus();
  });
}

midstream_code midstream_update_assign(midstream_update* update, const midstream_tensor* value,
                                       midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    MS_RETURN_IF_ERROR(NotNull(value, "value"));
    MS_ASSIGN_OR_RETURN(NamedTensor tensor, Borrow(*value));
    update->update.Assign(tensor.name, std::move(tensor.value));
    return OkStatus();
  });
}

midstream_code midstream_update_commit(midstream_update* update, uint64_t* version,
                                       midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    MS_ASSIGN_OR_RETURN(const uint64_t committed, update->update.Commit());
    if (version != nullptr) *version = committed;
    return OkStatus();
  });
}

midstream_code midstream_update_discard(midstream_update* update, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    update->update = update->model.BeginUpdate();
    return OkStatus();
  });
}

void midstream_update_release(midstream_update* update) { delete update; }
