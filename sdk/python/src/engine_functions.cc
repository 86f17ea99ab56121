// Engine, model, and the versions of a model.
#include "sdk/python/src/functions.h"
#include "sdk/python/src/handle.h"
#include "sdk/python/src/value.h"

namespace midstream::python {
namespace {

PyObject* EngineOpen(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    const char* config = nullptr;
    PyObject* overrides = nullptr;
    if (PyArg_ParseTuple(args, "zO", &config, &overrides) == 0 || !BeginToUse()) return nullptr;
    std::vector<const char*> texts;
    if (!TextsOf(overrides, &texts)) return nullptr;
    midstream_engine* engine = nullptr;
    const bool done = Do([&](midstream_error* error) {
      return midstream_engine_open(config, texts.data(), texts.size(), &engine, error);
    });
    return done ? WrapHandle(engine) : nullptr;
  });
}

PyObject* EngineStats(PyObject* /*module*/, PyObject* /*args*/) {
  return Guarded([&] { return CheckProcess() ? TextOf(midstream_engine_stats) : nullptr; });
}

PyObject* ModelLoad(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    PyObject* capsule = nullptr;
    const char* path = nullptr;
    const char* weights = nullptr;
    if (PyArg_ParseTuple(args, "Osz", &capsule, &path, &weights) == 0) return nullptr;
    auto* engine = UnwrapHandle<midstream_engine>(capsule);
    if (engine == nullptr) return nullptr;
    midstream_model* model = nullptr;
    const bool done = Do([&](midstream_error* error) {
      return midstream_model_load(engine, path, weights, &model, error);
    });
    return done ? WrapHandle(model) : nullptr;
  });
}

PyObject* ModelVersion(PyObject* /*module*/, PyObject* capsule) {
  auto* model = UnwrapHandle<midstream_model>(capsule);
  if (model == nullptr) return nullptr;
  uint64_t version = 0;
  {
    const WithoutGil unlocked;
    version = midstream_model_version(model);
  }
  return PyLong_FromUnsignedLongLong(version);
}

PyObject* ModelWeights(PyObject* /*module*/, PyObject* capsule) {
  return Guarded([&]() -> PyObject* {
    auto* model = UnwrapHandle<midstream_model>(capsule);
    if (model == nullptr) return nullptr;
    return SpecsOf(midstream_model_weight_count(model),
                   [model](size_t index, midstream_spec* spec, midstream_error* error) {
                     return midstream_model_weight(model, index, spec, error);
                   });
  });
}

PyObject* ModelUpdateFrom(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  const char* path = nullptr;
  if (PyArg_ParseTuple(args, "Os", &capsule, &path) == 0) return nullptr;
  auto* model = UnwrapHandle<midstream_model>(capsule);
  if (model == nullptr) return nullptr;
  uint64_t version = 0;
  const bool done = Do([&](midstream_error* error) {
    return midstream_model_update_from(model, path, &version, error);
  });
  return done ? PyLong_FromUnsignedLongLong(version) : nullptr;
}

PyObject* ModelRollback(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  unsigned long long version = 0;
  if (PyArg_ParseTuple(args, "OK", &capsule, &version) == 0) return nullptr;
  auto* model = UnwrapHandle<midstream_model>(capsule);
  if (model == nullptr) return nullptr;
  const bool done =
      Do([&](midstream_error* error) { return midstream_model_rollback(model, version, error); });
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

PyObject* ModelPin(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  unsigned long long version = 0;
  if (PyArg_ParseTuple(args, "OK", &capsule, &version) == 0) return nullptr;
  auto* model = UnwrapHandle<midstream_model>(capsule);
  if (model == nullptr) return nullptr;
  midstream_pin* pin = nullptr;
  const bool done =
      Do([&](midstream_error* error) { return midstream_model_pin(model, version, &pin, error); });
  return done ? WrapHandle(pin) : nullptr;
}

PyObject* ModelsPin(PyObject* /*module*/, PyObject* capsules) {
  return Guarded([&]() -> PyObject* {
    const Ref all = Ref::Steal(PySequence_Tuple(capsules));
    if (!all) return nullptr;
    std::vector<midstream_model*> models;
    for (Py_ssize_t i = 0; i < PyTuple_Size(all.get()); ++i) {
      models.push_back(UnwrapHandle<midstream_model>(PyTuple_GetItem(all.get(), i)));
      if (models.back() == nullptr) return nullptr;
    }
    std::vector<midstream_pin*> pins(models.size());
    const bool done = Do([&](midstream_error* error) {
      return midstream_models_pin(models.data(), models.size(), pins.data(), error);
    });
    Ref list = Ref::Steal(done ? PyList_New(0) : nullptr);
    if (!done) return nullptr;
    for (midstream_pin* pin : pins) {
      const Ref wrapped = Ref::Steal(WrapHandle(pin));
      if (list && (!wrapped || PyList_Append(list.get(), wrapped.get()) != 0)) list = Ref();
    }
    return list.release();
  });
}

PyObject* PinVersion(PyObject* /*module*/, PyObject* capsule) {
  auto* pin = UnwrapHandle<midstream_pin>(capsule);
  if (pin == nullptr) return nullptr;
  return PyLong_FromUnsignedLongLong(midstream_pin_version(pin));
}

// The pin of a capsule, null for None. False with an exception set.
bool PinOf(PyObject* object, midstream_pin** pin) {
  *pin = nullptr;
  if (object == Py_None) return true;
  *pin = UnwrapHandle<midstream_pin>(object);
  return *pin != nullptr;
}

PyObject* ModelReadWeight(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  const char* name = nullptr;
  PyObject* pinned = nullptr;
  Py_buffer out;
  if (PyArg_ParseTuple(args, "OsOw*", &capsule, &name, &pinned, &out) == 0) return nullptr;
  midstream_pin* pin = nullptr;
  auto* model = UnwrapHandle<midstream_model>(capsule);
  const bool done = model != nullptr && PinOf(pinned, &pin) && Do([&](midstream_error* error) {
                      return midstream_model_read_weight(model, name, pin, out.buf,
                                                         static_cast<uint64_t>(out.len), error);
                    });
  InPython([&] { PyBuffer_Release(&out); });
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

PyObject* ModelDigest(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  PyObject* pinned = nullptr;
  if (PyArg_ParseTuple(args, "OO", &capsule, &pinned) == 0) return nullptr;
  auto* model = UnwrapHandle<midstream_model>(capsule);
  midstream_pin* pin = nullptr;
  if (model == nullptr || !PinOf(pinned, &pin)) return nullptr;
  char hex[65];
  const bool done =
      Do([&](midstream_error* error) { return midstream_model_digest(model, pin, hex, error); });
  return done ? PyUnicode_FromString(hex) : nullptr;
}

PyObject* ModelStats(PyObject* /*module*/, PyObject* capsule) {
  return Guarded([&]() -> PyObject* {
    auto* model = UnwrapHandle<midstream_model>(capsule);
    if (model == nullptr) return nullptr;
    return TextOf([model](char* buffer, size_t capacity, size_t* size, midstream_error* error) {
      return midstream_model_stats(model, buffer, capacity, size, error);
    });
  });
}

PyObject* ModelUnload(PyObject* /*module*/, PyObject* capsule) {
  if (IsForked()) Py_RETURN_NONE;
  auto* model = UnwrapHandle<midstream_model>(capsule);
  if (model == nullptr) return nullptr;
  const bool done =
      Do([model](midstream_error* error) { return midstream_model_unload(model, error); });
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

}  // namespace

bool TextsOf(PyObject* sequence, std::vector<const char*>* out) {
  for (Py_ssize_t i = 0; i < PyTuple_Size(sequence); ++i) {
    out->push_back(PyUnicode_AsUTF8AndSize(PyTuple_GetItem(sequence, i), nullptr));
    if (out->back() == nullptr) return false;
  }
  return PyErr_Occurred() == nullptr;
}

PyMethodDef engine_functions[] = {{"engine_open", EngineOpen, METH_VARARGS, nullptr},
                                  {"engine_stats", EngineStats, METH_NOARGS, nullptr},
                                  {"model_load", ModelLoad, METH_VARARGS, nullptr},
                                  {"model_version", ModelVersion, METH_O, nullptr},
                                  {"model_weights", ModelWeights, METH_O, nullptr},
                                  {"model_update_from", ModelUpdateFrom, METH_VARARGS, nullptr},
                                  {"model_rollback", ModelRollback, METH_VARARGS, nullptr},
                                  {"model_pin", ModelPin, METH_VARARGS, nullptr},
                                  {"models_pin", ModelsPin, METH_O, nullptr},
                                  {"pin_version", PinVersion, METH_O, nullptr},
                                  {"model_read_weight", ModelReadWeight, METH_VARARGS, nullptr},
                                  {"model_digest", ModelDigest, METH_VARARGS, nullptr},
                                  {"model_stats", ModelStats, METH_O, nullptr},
                                  {"model_unload", ModelUnload, METH_O, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};

}  // namespace midstream::python
