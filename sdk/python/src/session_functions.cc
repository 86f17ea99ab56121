// Sessions and requests.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "sdk/python/src/functions.h"
#include "sdk/python/src/handle.h"
#include "sdk/python/src/tensor.h"
#include "sdk/python/src/value.h"

namespace midstream::python {
namespace {

PyObject* SessionCreate(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    PyObject* capsule = nullptr;
    PyObject* inputs = nullptr;
    PyObject* outputs = nullptr;
    PyObject* bound = nullptr;
    PyObject* convert = nullptr;
    PyObject* bits = nullptr;
    if (PyArg_ParseTuple(args, "OOOO!OO", &capsule, &inputs, &outputs, &PyDict_Type, &bound,
                         &convert, &bits) == 0) {
      return nullptr;
    }
    auto* model = UnwrapHandle<midstream_model>(capsule);
    std::vector<const char*> in;
    std::vector<const char*> out;
    Values values;
    if (model == nullptr || !TextsOf(inputs, &in) || !TextsOf(outputs, &out) ||
        !values.AddAll(bound, convert, bits)) {
      return nullptr;
    }
    midstream_session* session = nullptr;
    const bool done = Do([&](midstream_error* error) {
      return midstream_session_create_bound(model, in.data(), in.size(), out.data(), out.size(),
                                            values.data(), values.size(), &session, error);
    });
    return done ? WrapHandle(session) : nullptr;
  });
}

PyObject* SessionSpecs(PyObject* /*module*/, PyObject* capsule) {
  return Guarded([&]() -> PyObject* {
    auto* session = UnwrapHandle<midstream_session>(capsule);
    if (session == nullptr) return nullptr;
    const Ref inputs =
        Ref::Steal(SpecsOf(midstream_session_input_count(session),
                           [session](size_t index, midstream_spec* spec, midstream_error* error) {
                             return midstream_session_input(session, index, spec, error);
                           }));
    const Ref outputs =
        Ref::Steal(SpecsOf(midstream_session_output_count(session),
                           [session](size_t index, midstream_spec* spec, midstream_error* error) {
                             return midstream_session_output(session, index, spec, error);
                           }));
    if (!inputs || !outputs) return nullptr;
    return PyTuple_Pack(2, inputs.get(), outputs.get());
  });
}

PyObject* SessionRun(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    PyObject* capsule = nullptr;
    PyObject* inputs = nullptr;
    PyObject* convert = nullptr;
    PyObject* bits = nullptr;
    if (PyArg_ParseTuple(args, "OO!OO", &capsule, &PyDict_Type, &inputs, &convert, &bits) == 0) {
      return nullptr;
    }
    auto* session = UnwrapHandle<midstream_session>(capsule);
    Values values;
    if (session == nullptr || !values.AddAll(inputs, convert, bits)) return nullptr;
    midstream_result* result = nullptr;
    const bool done = Do([&](midstream_error* error) {
      return midstream_session_run(session, values.data(), values.size(), &result, error);
    });
    return done ? ResultOf(result) : nullptr;
  });
}

// What a request that was submitted needs until it is done. Made and deleted with the GIL held.
struct Call {
  Values inputs;
  Ref callback;
};

// callback(result, None) or callback(None, exception).
void Answer(PyObject* callback, midstream_code code, midstream_result* result,
            const midstream_error& error) {
  const Ref answer = Ref::Steal(code == MIDSTREAM_OK ? ResultOf(result) : MakeException(error));
  if (!answer) return InPython([&] { PyErr_WriteUnraisable(callback); });
  PyObject* given[] = {answer.get(), Py_None};
  if (code != MIDSTREAM_OK) std::swap(given[0], given[1]);
  const Ref done = Ref::Steal(CallPython(callback, given[0], given[1]));
  if (!done) InPython([&] { PyErr_WriteUnraisable(callback); });
}

// On whichever thread completes the request, on the one that submits it too.
void OnDone(void* user, midstream_request* request) {
  if (!EnterPython()) return;  // Python ends: nobody can be told, and nothing of it released
  midstream_error error;
  midstream_result* result = nullptr;
  const midstream_code code = midstream_request_wait(request, 0, &result, &error);
  {
    const WithGil locked;
    const std::unique_ptr<Call> call(static_cast<Call*>(user));
    Answer(call->callback.get(), code, result, error);
  }
  LeavePython();
}

PyObject* SessionSubmit(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    PyObject* capsule = nullptr;
    PyObject* inputs = nullptr;
    PyObject* convert = nullptr;
    PyObject* bits = nullptr;
    PyObject* pin = nullptr;
    PyObject* callback = nullptr;
    unsigned long long timeout_ns = 0;
    unsigned long long caller = 0;
    midstream_request_options options{};
    if (PyArg_ParseTuple(args, "OO!OOKKiOO", &capsule, &PyDict_Type, &inputs, &convert, &bits,
                         &timeout_ns, &caller, &options.priority, &pin, &callback) == 0) {
      return nullptr;
    }
    options.timeout_ns = timeout_ns;
    options.caller = caller;
    auto* session = UnwrapHandle<midstream_session>(capsule);
    if (session == nullptr) return nullptr;
    if (pin != Py_None) {
      options.version = UnwrapHandle<midstream_pin>(pin);
      if (options.version == nullptr) return nullptr;
    }
    auto call = std::make_unique<Call>();
    call->callback = Ref::Borrow(callback);
    if (!call->inputs.AddAll(inputs, convert, bits)) return nullptr;
    midstream_request* request = nullptr;
    const bool done = Do([&](midstream_error* error) {
      return midstream_session_submit(session, call->inputs.data(), call->inputs.size(), &options,
                                      OnDone, call.get(), &request, error);
    });
    if (!done) return nullptr;
    call.release();  // NOLINT: OnDone owns it
    return WrapHandle(request);
  });
}

PyObject* RequestWait(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  unsigned long long timeout_ns = 0;
  if (PyArg_ParseTuple(args, "OK", &capsule, &timeout_ns) == 0) return nullptr;
  auto* request = UnwrapHandle<midstream_request>(capsule);
  if (request == nullptr) return nullptr;
  {
    const WithoutGil unlocked;
    midstream_result* result = nullptr;
    midstream_request_wait(request, timeout_ns, &result, nullptr);
    midstream_result_release(result);
  }
  Py_RETURN_NONE;
}

PyObject* RequestCancel(PyObject* /*module*/, PyObject* capsule) {
  auto* request = UnwrapHandle<midstream_request>(capsule);
  if (request == nullptr) return nullptr;
  int32_t cancelled = 0;
  {
    const WithoutGil unlocked;
    cancelled = midstream_request_cancel(request);
  }
  return PyBool_FromLong(cancelled);
}

PyObject* SessionDrain(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  unsigned long long timeout_ns = 0;
  if (PyArg_ParseTuple(args, "OK", &capsule, &timeout_ns) == 0) return nullptr;
  auto* session = UnwrapHandle<midstream_session>(capsule);
  if (session == nullptr) return nullptr;
  const bool done = Do(
      [&](midstream_error* error) { return midstream_session_drain(session, timeout_ns, error); });
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

PyObject* SessionClose(PyObject* /*module*/, PyObject* capsule) {
  if (IsForked()) Py_RETURN_NONE;
  auto* session = UnwrapHandle<midstream_session>(capsule);
  if (session == nullptr) return nullptr;
  const bool done =
      Do([session](midstream_error* error) { return midstream_session_close(session, error); });
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

PyObject* SessionStats(PyObject* /*module*/, PyObject* capsule) {
  return Guarded([&]() -> PyObject* {
    auto* session = UnwrapHandle<midstream_session>(capsule);
    if (session == nullptr) return nullptr;
    return TextOf([session](char* buffer, size_t capacity, size_t* size, midstream_error* error) {
      return midstream_session_stats(session, buffer, capacity, size, error);
    });
  });
}

std::atomic<bool> g_ending{false};
std::atomic<int> g_inside{0};

// At the exit of Python: callbacks that come from now on are dropped, those under way end.
PyObject* Shutdown(PyObject* /*module*/, PyObject* /*args*/) {
  if (IsForked()) Py_RETURN_NONE;  // who was in a callback is not here
  g_ending = true;
  {
    const WithoutGil unlocked;
    while (g_inside != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Py_RETURN_NONE;
}

}  // namespace

bool EnterPython() {
  ++g_inside;
  if (!g_ending) return true;
  --g_inside;
  return false;
}

void LeavePython() { --g_inside; }

PyMethodDef session_functions[] = {{"session_create", SessionCreate, METH_VARARGS, nullptr},
                                   {"session_specs", SessionSpecs, METH_O, nullptr},
                                   {"session_run", SessionRun, METH_VARARGS, nullptr},
                                   {"session_submit", SessionSubmit, METH_VARARGS, nullptr},
                                   {"request_wait", RequestWait, METH_VARARGS, nullptr},
                                   {"request_cancel", RequestCancel, METH_O, nullptr},
                                   {"session_drain", SessionDrain, METH_VARARGS, nullptr},
                                   {"session_close", SessionClose, METH_O, nullptr},
                                   {"session_stats", SessionStats, METH_O, nullptr},
                                   {"shutdown", Shutdown, METH_NOARGS, nullptr},
                                   {nullptr, nullptr, 0, nullptr}};

}  // namespace midstream::python
