// The C API of sources.
#include "core/engine/c_api_support.h"

using namespace midstream;        // NOLINT: the functions below are the C face of this namespace
using namespace midstream::capi;  // NOLINT

struct midstream_source {
  Source source;
};

namespace {

SourceCallback ToCallback(midstream_source_callback callback, void* user) {
  if (callback == nullptr) return {};
  return [callback, user](const SourceEvent& event) {
    const std::string message(event.status.message());
    const midstream_source_event out = {
        event.source.c_str(),    message.c_str(),
        event.applied.version,   event.applied.tensors,
        event.superseded,        event.applied.read_ms,
        event.applied.update_ms, static_cast<midstream_code>(event.status.code())};
    callback(user, &out);
  };
}

}  // namespace

midstream_code midstream_model_watch(midstream_model* model, const char* folder, int64_t settle_ms,
                                     midstream_source_callback callback, void* user,
                                     midstream_source** out, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    MS_RETURN_IF_ERROR(NotNull(folder, "folder"));
    MS_ASSIGN_OR_RETURN(Source source,
                        model->model.Watch(folder, {settle_ms}, ToCallback(callback, user)));
    *out = new midstream_source{std::move(source)};
    return OkStatus();
  });
}

midstream_code midstream_model_listen(midstream_model* model, const char* socket,
                                      midstream_source_callback callback, void* user,
                                      midstream_source** out, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    MS_RETURN_IF_ERROR(NotNull(socket, "socket"));
    MS_ASSIGN_OR_RETURN(Source source, model->model.Listen(socket, {}, ToCallback(callback, user)));
    *out = new midstream_source{std::move(source)};
    return OkStatus();
  });
}

void midstream_source_release(midstream_source* source) { delete source; }
