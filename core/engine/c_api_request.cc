// The C API of requests, and of what else a session does with them.
#include <algorithm>
#include <chrono>

#include "core/engine/c_api_support.h"

using namespace midstream;        // NOLINT: the functions below are the C face of this namespace
using namespace midstream::capi;  // NOLINT

namespace {

std::chrono::nanoseconds Duration(uint64_t ns) {
  return std::chrono::nanoseconds(std::min<uint64_t>(ns, INT64_MAX));
}

Result<RequestOptions> OptionsOf(const midstream_request_options* given) {
  RequestOptions options;
  if (given == nullptr) return options;
  const bool clean = given->reserved == 0 &&
                     std::all_of(std::begin(given->reserved_more), std::end(given->reserved_more),
                                 [](uint64_t value) { return value == 0; });
  if (!clean) return InvalidArgument("a reserved member of the options is not 0");
  options.priority = given->priority;
  options.caller = given->caller;
  if (given->version != nullptr) options.version = given->version->pin;
  if (given->timeout_ns != 0) options.timeout = Duration(given->timeout_ns);
  return options;
}

}  // namespace

midstream_code midstream_session_submit(midstream_session* session, const midstream_tensor* inputs,
                                        size_t n_inputs, const midstream_request_options* options,
                                        midstream_request_callback callback, void* user,
                                        midstream_request** out, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    if (out != nullptr) *out = nullptr;
    if (callback == nullptr) MS_RETURN_IF_ERROR(NotNull(out, "out"));
    MS_RETURN_IF_ERROR(NotNull(session, "session"));
    MS_ASSIGN_OR_RETURN(const auto named, BorrowAll(inputs, n_inputs));
    MS_ASSIGN_OR_RETURN(const RequestOptions wanted, OptionsOf(options));
    // Before the submission, so that afterwards nothing fails.
    auto handle = std::make_unique<midstream_request>(midstream_request{session->session, {}});
    Response::Callback call;
    if (callback != nullptr) {
      call = [callback, user, kept = session->session](const Response& done) {
        midstream_request borrowed{kept, done};
        callback(user, &borrowed);
      };
    }
    MS_ASSIGN_OR_RETURN(handle->response, session->session.Submit(named, wanted));
    const Response response = handle->response;
    if (out != nullptr) *out = handle.release();
    if (callback != nullptr) response.OnReady(std::move(call));
    return OkStatus();
  });
}

int32_t midstream_request_ready(const midstream_request* request) {
  return request->response.Ready() ? 1 : 0;
}

midstream_code midstream_request_wait(midstream_request* request, uint64_t timeout_ns,
                                      midstream_result** out, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(request, "request"));
    if (!request->response.Wait(Duration(timeout_ns))) {
      return DeadlineExceeded("the request is not done yet");
    }
    MS_ASSIGN_OR_RETURN(RunResult result, request->response.Get());
    *out = new midstream_result{std::move(result)};
    return OkStatus();
  });
}

int32_t midstream_request_cancel(midstream_request* request) {
  return request->response.Cancel() ? 1 : 0;
}

void midstream_request_release(midstream_request* request) { delete request; }

midstream_code midstream_session_drain(midstream_session* session, uint64_t timeout_ns,
                                       midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(session, "session"));
    return session->session.Drain(Duration(timeout_ns));
  });
}

midstream_code midstream_session_close(midstream_session* session, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(session, "session"));
    return session->session.Close();
  });
}

midstream_code midstream_session_stats(const midstream_session* session, char* buffer,
                                       size_t capacity, size_t* size, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(session, "session"));
    return CopyText(session->session.stats().ToJson(), buffer, capacity, size);
  });
}
