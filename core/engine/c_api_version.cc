// The C API of weight versions: pins, rollback, reading back, figures.
#include <algorithm>
#include <cstring>
#include <memory>

#include "core/engine/c_api_support.h"

using namespace midstream;        // NOLINT: the functions below are the C face of this namespace
using namespace midstream::capi;  // NOLINT

midstream_code midstream_model_pin(midstream_model* model, uint64_t version, midstream_pin** out,
                                   midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    *out = nullptr;
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    auto pin = std::make_unique<midstream_pin>();
    if (version == 0) {
      pin->pin = model->model.Pin();
    } else {
      MS_ASSIGN_OR_RETURN(pin->pin, model->model.Pin(version));
    }
    *out = pin.release();
    return OkStatus();
  });
}

midstream_code midstream_models_pin(midstream_model* const* models, size_t n_models,
                                    midstream_pin** out, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    if (n_models == 0) return OkStatus();
    MS_RETURN_IF_ERROR(NotNull(out, "out"));
    std::fill_n(out, n_models, nullptr);
    MS_RETURN_IF_ERROR(NotNull(models, "models"));
    std::vector<Model> together;
    for (size_t i = 0; i < n_models; ++i) {
      MS_RETURN_IF_ERROR(NotNull(models[i], "a model"));
      together.push_back(models[i]->model);
    }
    std::vector<std::unique_ptr<midstream_pin>> pins;
    for (VersionPin& pin : Engine::PinTogether(together)) {
      pins.push_back(std::make_unique<midstream_pin>(midstream_pin{std::move(pin)}));
    }
    for (size_t i = 0; i < n_models; ++i) out[i] = pins[i].release();
    return OkStatus();
  });
}

uint64_t midstream_pin_version(const midstream_pin* pin) { return pin->pin.version(); }
void midstream_pin_release(midstream_pin* pin) { delete pin; }

midstream_code midstream_model_rollback(midstream_model* model, uint64_t version,
                                        midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    return model->model.Rollback(version);
  });
}

midstream_code midstream_model_unload(midstream_model* model, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    model->model.Unload();
    return OkStatus();
  });
}

midstream_code midstream_model_read_weight(midstream_model* model, const char* name,
                                           const midstream_pin* pin, void* data, uint64_t byte_size,
                                           midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    MS_RETURN_IF_ERROR(NotNull(name, "name"));
    MS_ASSIGN_OR_RETURN(const Tensor value, pin == nullptr
                                                ? model->model.ReadWeight(name)
                                                : model->model.ReadWeight(name, pin->pin));
    if (value.byte_size() != byte_size) {
      return InvalidArgument("weight '" + std::string(name) + "' has " +
                             std::to_string(value.byte_size()) + " bytes, there is room for " +
                             std::to_string(byte_size));
    }
    if (byte_size > 0) {
      MS_RETURN_IF_ERROR(NotNull(data, "data"));
      std::memcpy(data, value.data(), byte_size);
    }
    return OkStatus();
  });
}

midstream_code midstream_model_digest(midstream_model* model, const midstream_pin* pin,
                                      char hex[65], midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    MS_RETURN_IF_ERROR(NotNull(hex, "hex"));
    MS_ASSIGN_OR_RETURN(const std::string digest,
                        model->model.Digest(pin == nullptr ? model->model.Pin() : pin->pin));
    std::memcpy(hex, digest.c_str(), digest.size() + 1);
    return OkStatus();
  });
}

midstream_code midstream_model_stats(const midstream_model* model, char* buffer, size_t capacity,
                                     size_t* size, midstream_error* error) {
  return Guarded(error, [&]() -> Status {
    MS_RETURN_IF_ERROR(NotNull(model, "model"));
    return CopyText(model->model.stats().ToJson(), buffer, capacity, size);
  });
}
