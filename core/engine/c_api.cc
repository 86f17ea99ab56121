// The C API over the C++ one: converts arguments, keeps exceptions in, fills errors.
#include <fmt/format.h>

#include <memory>

#include "core/base/log.h"
#include "core/engine/c_api_support.h"
#include "core/formats/model_source.h"

using namespace midstream;        // NOLINT: the functions below are the C face of this namespace
using namespace midstream::capi;  // NOLINT

const char* midstream_code_name(midstream_code code) {
  return CodeName(static_cast<Code>(code)).data();  // literals
}

const char* midstream_version(void) { return MS_VERSION; }

void midstream_set_log(void (*sink)(void*, int32_t, const char*), void* user,
                       int32_t minimum_level) {
  if (sink == nullptr) return SetLogSink({});
  SetLogSink(
      [sink, user](LogLevel level, std::string_view text) {
        sink(user, static_cast<int32_t>(level), std::string(text).c_str());
      },
      static_cast<LogLevel>(minimum_level));
}

midstream_code midstream_engine_open(const char* config_path, const char* const* overrides,
                                     size_t n_overrides, midstream_engine** out,
                                     midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_ASSIGN_OR_RETURN(const auto texts, Texts(overrides, n_overrides, "an override"));
    const std::string path = config_path == nullptr ? "" : config_path;
    MS_ASSIGN_OR_RETURN(Engine engine, Engine::Open(path, texts));
    *out = new midstream_engine{std::move(engine)};
    return OkStatus();
  });
}

void midstream_engine_release(midstream_engine* engine) { delete engine; }

midstream_code midstream_engine_stats(char* buffer, size_t capacity, size_t* size,
                                      midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    const EngineStats stats = Engine::stats();
    const std::string text =
        fmt::format(R"({{"compiles":{},"system_allocations":{},"backend_bytes":{}}})",
                    stats.compiles, stats.system_allocations, stats.backend_bytes);
    return CopyText(text, buffer, capacity, size);
  });
}

midstream_code midstream_model_load(midstream_engine* engine, const char* path, const char* weights,
                                    midstream_model** out, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(engine, "engine"));
    MS_RETURN_IF_ERROR(NotNull(path, "path"));
    MS_ASSIGN_OR_RETURN(Model model, engine->engine.Load(path, weights == nullptr ? "" : weights));
    auto handle = std::make_unique<midstream_model>(midstream_model{model, {}});
    for (const formats::WeightInfo& weight : model.source().weights()) {
      if (weight.use != formats::WeightUse::kOutputs) continue;
      handle->weights.push_back({weight.name, weight.dtype, weight.shape});
    }
    *out = handle.release();
    return OkStatus();
  });
}

void midstream_model_release(midstream_model* model) { delete model; }

uint64_t midstream_model_version(const midstream_model* model) { return model->model.version(); }

size_t midstream_model_weight_count(const midstream_model* model) { return model->weights.size(); }

midstream_code midstream_model_weight(const midstream_model* model, size_t index,
                                      midstream_spec* out, midstream_error* error) {
  return Guarded(error, [&] { return SpecAt(model->weights, index, out); });
}

midstream_code midstream_model_update_from(midstream_model* model, const char* checkpoint,
                                           uint64_t* version, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    MS_RETURN_IF_ERROR(NotNull(checkpoint, "checkpoint"));
    MS_ASSIGN_OR_RETURN(const uint64_t committed, model->model.UpdateFrom(checkpoint));
    if (version != nullptr) *version = committed;
    return OkStatus();
  });
}

midstream_code midstream_session_create(midstream_model* model, const char* const* inputs,
                                        size_t n_inputs, const char* const* outputs,
                                        size_t n_outputs, midstream_session** out,
                                        midstream_error* error) {
  return midstream_session_create_bound(model, inputs, n_inputs, outputs, n_outputs, nullptr, 0,
                                        out, error);
}

midstream_code midstream_session_create_bound(midstream_model* model, const char* const* inputs,
                                              size_t n_inputs, const char* const* outputs,
                                              size_t n_outputs, const midstream_tensor* bound,
                                              size_t n_bound, midstream_session** out,
                                              midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    SessionOptions options;
    MS_ASSIGN_OR_RETURN(options.inputs, Texts(inputs, n_inputs, "the name of an input"));
    MS_ASSIGN_OR_RETURN(options.outputs, Texts(outputs, n_outputs, "the name of an output"));
    MS_ASSIGN_OR_RETURN(const auto borrowed, BorrowAll(bound, n_bound));
    for (const NamedTensor& tensor : borrowed) {
      const Tensor& value = tensor.value;
      MS_ASSIGN_OR_RETURN(Tensor copy, Tensor::Copy(value.dtype(), value.shape(), value.bytes()));
      options.bound.insert_or_assign(tensor.name, std::move(copy));
    }
    MS_ASSIGN_OR_RETURN(Session session, model->model.CreateSession(options));
    *out = new midstream_session{std::move(session)};
    return OkStatus();
  });
}

void midstream_session_release(midstream_session* session) { delete session; }

size_t midstream_session_input_count(const midstream_session* session) {
  return session->session.inputs().size();
}

midstream_code midstream_session_input(const midstream_session* session, size_t index,
                                       midstream_spec* out, midstream_error* error) {
  return Guarded(error, [&] { return SpecAt(session->session.inputs(), index, out); });
}

size_t midstream_session_output_count(const midstream_session* session) {
  return session->session.outputs().size();
}

midstream_code midstream_session_output(const midstream_session* session, size_t index,
                                        midstream_spec* out, midstream_error* error) {
  return Guarded(error, [&] { return SpecAt(session->session.outputs(), index, out); });
}

midstream_code midstream_session_run(midstream_session* session, const midstream_tensor* inputs,
                                     size_t n_inputs, midstream_result** out,
                                     midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(session, "session"));
    MS_ASSIGN_OR_RETURN(const auto named, BorrowAll(inputs, n_inputs));
    MS_ASSIGN_OR_RETURN(RunResult result, session->session.Run(named));
    *out = new midstream_result{std::move(result)};
    return OkStatus();
  });
}

size_t midstream_result_count(const midstream_result* result) {
  return result->result.outputs.size();
}

midstream_code midstream_result_tensor(const midstream_result* result, size_t index,
                                       midstream_tensor* out, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    const std::vector<NamedTensor>& outputs = result->result.outputs;
    if (index >= outputs.size()) {
      return OutOfRange("output " + std::to_string(index) + " of " +
                        std::to_string(outputs.size()));
    }
    const Tensor& value = outputs[index].value;
    *out = {outputs[index].name.c_str(),
            value.shape().dims().data(),
            value.data(),
            value.byte_size(),
            static_cast<uint32_t>(value.shape().rank()),
            ToC(value.dtype())};
    return OkStatus();
  });
}

uint64_t midstream_result_version(const midstream_result* result) { return result->result.version; }

void midstream_result_release(midstream_result* result) { delete result; }
