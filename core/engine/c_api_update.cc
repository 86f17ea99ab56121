// The C API of updates.
#include <memory>

#include "core/engine/c_api_support.h"
#include "core/engine/dlpack.h"

using namespace midstream;        // NOLINT: the functions below are the C face of this namespace
using namespace midstream::capi;  // NOLINT

midstream_code midstream_update_begin(midstream_model* model, midstream_update** out,
                                      midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    *out = new midstream_update{model->model, {}, model->model.BeginUpdate()};
    return OkStatus();
  });
}

midstream_code midstream_update_assign(midstream_update* update, const midstream_tensor* value,
                                       midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    MS_RETURN_IF_ERROR(NotNull(value, "value"));
    MS_ASSIGN_OR_RETURN(NamedTensor tensor, Borrow(*value));
    update->begun = true;
    update->update.Assign(tensor.name, std::move(tensor.value));
    return OkStatus();
  });
}

midstream_code midstream_update_option(midstream_update* update, const char* key, const char* value,
                                       midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    MS_RETURN_IF_ERROR(NotNull(key, "key"));
    MS_RETURN_IF_ERROR(NotNull(value, "value"));
    if (update->begun) {
      return FailedPrecondition("options of an update come before its first value");
    }
    UpdateOptions options = update->options;
    MS_RETURN_IF_ERROR(SetUpdateOption(key, value, &options));
    update->options = options;
    update->update = update->model.BeginUpdate(options);
    return OkStatus();
  });
}

midstream_code midstream_update_adopt(midstream_update* update, const midstream_tensor* value,
                                      void (*release)(void*), void* user, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    MS_RETURN_IF_ERROR(NotNull(value, "value"));
    MS_ASSIGN_OR_RETURN(const NamedTensor tensor, Borrow(*value));
    // A pointer that is not null, so that there is an owner even where release is null.
    const std::shared_ptr<const void> owner(static_cast<const void*>(update),
                                            [release, user](const void*) {
                                              if (release != nullptr) release(user);
                                            });
    update->begun = true;
    update->update.Adopt(tensor.name, Tensor::Wrap(tensor.value.dtype(), tensor.value.shape(),
                                                   tensor.value.data(), owner));
    return OkStatus();
  });
}

midstream_code midstream_update_adopt_dlpack(midstream_update* update, const char* name,
                                             void* managed, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    MS_RETURN_IF_ERROR(NotNull(name, "name"));
    MS_RETURN_IF_ERROR(NotNull(managed, "managed"));
    auto tensor = FromDLPack(static_cast<DLManagedTensor*>(managed));
    if (!tensor.ok()) return tensor.status().WithContext("tensor '" + std::string(name) + "'");
    update->begun = true;
    update->update.Adopt(name, *std::move(tensor));
    return OkStatus();
  });
}

midstream_code midstream_update_assign_rows(midstream_update* update, const midstream_tensor* rows,
                                            int64_t row_begin, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    MS_RETURN_IF_ERROR(NotNull(rows, "rows"));
    MS_ASSIGN_OR_RETURN(NamedTensor tensor, Borrow(*rows));
    update->begun = true;
    update->update.AssignRows(tensor.name, row_begin, std::move(tensor.value));
    return OkStatus();
  });
}

midstream_code midstream_update_stage(midstream_update* update, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    Status staged = update->update.Stage();
    if (!staged.ok()) update->begun = false;
    return staged;
  });
}

midstream_code midstream_update_commit(midstream_update* update, uint64_t* version,
                                       midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    update->begun = false;
    MS_ASSIGN_OR_RETURN(const uint64_t committed, update->update.Commit());
    if (version != nullptr) *version = committed;
    return OkStatus();
  });
}

midstream_code midstream_updates_commit(midstream_update* const* updates, size_t n_updates,
                                        uint64_t* versions, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    if (n_updates > 0) MS_RETURN_IF_ERROR(NotNull(updates, "updates"));
    std::vector<Update*> together;
    for (size_t i = 0; i < n_updates; ++i) {
      MS_RETURN_IF_ERROR(NotNull(updates[i], "an update"));
      together.push_back(&updates[i]->update);
    }
    for (size_t i = 0; i < n_updates; ++i) updates[i]->begun = false;
    MS_ASSIGN_OR_RETURN(const std::vector<uint64_t> committed, Engine::CommitTogether(together));
    for (size_t i = 0; versions != nullptr && i < n_updates; ++i) versions[i] = committed[i];
    return OkStatus();
  });
}

midstream_code midstream_update_discard(midstream_update* update, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(update, "update"));
    update->update.Abort();
    update->begun = false;
    return OkStatus();
  });
}

void midstream_update_release(midstream_update* update) { delete update; }
