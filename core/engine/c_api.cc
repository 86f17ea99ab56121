// The C API over the C++ one: converts arguments, keeps exceptions in, fills errors.
#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

#include "core/base/log.h"
#include "core/engine/engine.h"
#include "core/formats/model_source.h"
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
struct midstream_result {
  midstream::RunResult result;
};
struct midstream_update {
  midstream::Model model;
  midstream::Update update;
};

namespace midstream {
namespace {

midstream_code Fail(const Status& status, midstream_error* error) {
  const auto code = static_cast<midstream_code>(status.code());
  if (error == nullptr) return code;
  error->code = code;
  const std::string_view message = status.message();
  const size_t size = std::min(message.size(), sizeof(error->message) - 1);
  std::memcpy(error->message, message.data(), size);
  error->message[size] = '\0';
  return code;
}

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

Status NotNull(const void* pointer, const char* what) {
  if (pointer != nullptr) return OkStatus();
  return InvalidArgument(std::string(what) + " is NULL");
}

Result<std::vector<std::string>> Texts(const char* const* texts, size_t count, const char* what) {
  std::vector<std::string> result;
  if (count > 0) MS_RETURN_IF_ERROR(NotNull(texts, what));
  for (size_t i = 0; i < count; ++i) {
    MS_RETURN_IF_ERROR(NotNull(texts[i], what));
    result.emplace_back(texts[i]);
  }
  return result;
}

midstream_dtype ToC(DType dtype) {
  const ms_dtype abi = ToAbi(dtype);
  return abi.code << 8 | abi.bits;
}

DType FromC(midstream_dtype dtype) {
  if (dtype < 0 || dtype > 0xffff) return DType::kInvalid;
  return FromAbi({static_cast<uint8_t>(dtype >> 8), static_cast<uint8_t>(dtype & 0xff), 1});
}

// The caller's memory as a tensor, borrowed.
Result<NamedTensor> Borrow(const midstream_tensor& tensor) {
  MS_RETURN_IF_ERROR(NotNull(tensor.name, "the name of a tensor"));
  const std::string prefix = "tensor '" + std::string(tensor.name) + "': ";
  const DType dtype = FromC(tensor.dtype);
  if (dtype == DType::kInvalid) {
    return InvalidArgument(prefix + "unknown dtype " + std::to_string(tensor.dtype));
  }
  if (tensor.rank > 0) MS_RETURN_IF_ERROR(NotNull(tensor.shape, "the shape of a tensor"));
  Shape shape(std::vector<int64_t>(tensor.shape, tensor.shape + tensor.rank));
  MS_ASSIGN_OR_RETURN(const size_t bytes, ByteSize(dtype, shape));
  if (tensor.byte_size != bytes) {
    return InvalidArgument(prefix + "byte_size is " + std::to_string(tensor.byte_size) + ", but " +
                           std::string(DTypeName(dtype)) + shape.ToString() + " has " +
                           std::to_string(bytes));
  }
  if (bytes > 0) MS_RETURN_IF_ERROR(NotNull(tensor.data, "the data of a tensor"));
  return NamedTensor{tensor.name, Tensor::Wrap(dtype, std::move(shape), tensor.data, nullptr)};
}

Status SpecAt(const std::vector<TensorSpec>& specs, size_t index, midstream_spec* out) {
  MS_RETURN_IF_ERROR(NotNull(out, "out"));
  if (index >= specs.size()) {
    return OutOfRange("index " + std::to_string(index) + " of " + std::to_string(specs.size()));
  }
  const TensorSpec& spec = specs[index];
  const bool known = spec.shape.rank_known();
  *out = {spec.name.c_str(), known ? spec.shape.dims().data() : nullptr,
          known ? static_cast<int32_t>(spec.shape.rank()) : -1, ToC(spec.dtype)};
  return OkStatus();
}

}  // namespace
}  // namespace midstream

using namespace midstream;  // NOLINT: the functions below are the C face of this namespace

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
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    SessionOptions options;
    MS_ASSIGN_OR_RETURN(options.inputs, Texts(inputs, n_inputs, "the name of an input"));
    MS_ASSIGN_OR_RETURN(options.outputs, Texts(outputs, n_outputs, "the name of an output"));
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
    if (n_inputs > 0) MS_RETURN_IF_ERROR(NotNull(inputs, "inputs"));
    std::vector<NamedTensor> named;
    for (size_t i = 0; i < n_inputs; ++i) {
      MS_ASSIGN_OR_RETURN(NamedTensor input, Borrow(inputs[i]));
      named.push_back(std::move(input));
    }
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
