// Updates. The values that an update borrows are kept until the call that ends the borrowing; those
// that were handed over, until the engine lets go of them.
#include <atomic>
#include <memory>

#include "sdk/python/src/functions.h"
#include "sdk/python/src/handle.h"
#include "sdk/python/src/value.h"

namespace midstream::python {
namespace {

constexpr const char* kUpdate = "midstream.update";

// One thread at a time, which midstream/update.py sees to.
struct UpdateHandle {
  midstream_update* update = nullptr;
  std::vector<std::unique_ptr<Value>> borrowed;
};

// A value that was handed over. The engine lets go of it on any thread, which must not wait for the
// GIL, as whoever has that may be in the engine: so it is put on a list, and destroyed by the next
// call that holds the GIL.
struct Adopted {
  std::unique_ptr<Value> value;
  Adopted* next = nullptr;
};
std::atomic<Adopted*> g_returned{nullptr};

int DropReturned(void* /*unused*/) {
  for (Adopted* each = g_returned.exchange(nullptr); each != nullptr;) {
    const std::unique_ptr<Adopted> dropped(each);
    each = dropped->next;
  }
  return 0;
}

void OnReturn(void* user) {
  auto* adopted = static_cast<Adopted*>(user);
  adopted->next = g_returned;
  while (!g_returned.compare_exchange_weak(adopted->next, adopted)) {
  }
  if (!EnterPython()) return;
  Py_AddPendingCall(DropReturned, nullptr);  // when it is full, others drop it
  LeavePython();
}

UpdateHandle* Unwrap(PyObject* capsule) {
  if (!CheckProcess()) return nullptr;
  return static_cast<UpdateHandle*>(PyCapsule_GetPointer(capsule, kUpdate));
}

PyObject* UpdateBegin(PyObject* /*module*/, PyObject* capsule) {
  return Guarded([&]() -> PyObject* {
    auto* model = UnwrapHandle<midstream_model>(capsule);
    if (model == nullptr) return nullptr;
    auto handle = std::make_unique<UpdateHandle>();
    if (!Do([&](midstream_error* error) {
          return midstream_update_begin(model, &handle->update, error);
        })) {
      return nullptr;
    }
    PyObject* made = PyCapsule_New(handle.get(), kUpdate, [](PyObject* dying) {
      if (IsForked()) return;
      const std::unique_ptr<UpdateHandle> held(Unwrap(dying));
      const WithoutGil unlocked;
      midstream_update_release(held->update);
    });
    if (made == nullptr) {
      midstream_update_release(handle->update);
      return nullptr;
    }
    handle.release();  // NOLINT: the capsule owns it
    return made;
  });
}

PyObject* UpdateOption(PyObject* /*module*/, PyObject* args) {
  PyObject* capsule = nullptr;
  const char* key = nullptr;
  const char* value = nullptr;
  if (PyArg_ParseTuple(args, "Oss", &capsule, &key, &value) == 0) return nullptr;
  UpdateHandle* handle = Unwrap(capsule);
  if (handle == nullptr) return nullptr;
  const bool done = Do([&](midstream_error* error) {
    return midstream_update_option(handle->update, key, value, error);
  });
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

PyObject* UpdateAssign(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    PyObject* capsule = nullptr;
    PyObject* name = nullptr;
    PyObject* object = nullptr;
    PyObject* convert = nullptr;
    int as_bits = 0;
    PyObject* row = nullptr;  // None, or where the rows begin
    if (PyArg_ParseTuple(args, "OUOOpO", &capsule, &name, &object, &convert, &as_bits, &row) == 0) {
      return nullptr;
    }
    UpdateHandle* handle = Unwrap(capsule);
    if (handle == nullptr) return nullptr;
    const long long begin = row == Py_None ? 0 : PyLong_AsLongLong(row);
    if (PyErr_Occurred() != nullptr) return nullptr;
    std::unique_ptr<Value> value = Value::Of(name, object, convert, as_bits != 0);
    if (value == nullptr) return nullptr;
    handle->borrowed.reserve(handle->borrowed.size() + 1);
    const bool done = Do([&](midstream_error* error) {
      return row == Py_None
                 ? midstream_update_assign(handle->update, &value->tensor(), error)
                 : midstream_update_assign_rows(handle->update, &value->tensor(), begin, error);
    });
    if (!done) return nullptr;
    handle->borrowed.push_back(std::move(value));
    Py_RETURN_NONE;
  });
}

PyObject* UpdateAdopt(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    PyObject* capsule = nullptr;
    PyObject* name = nullptr;
    PyObject* object = nullptr;
    PyObject* convert = nullptr;
    int as_bits = 0;
    if (PyArg_ParseTuple(args, "OUOOp", &capsule, &name, &object, &convert, &as_bits) == 0) {
      return nullptr;
    }
    UpdateHandle* handle = Unwrap(capsule);
    if (handle == nullptr) return nullptr;
    DropReturned(nullptr);
    auto adopted = std::make_unique<Adopted>();
    adopted->value = Value::Of(name, object, convert, as_bits != 0);
    if (adopted->value == nullptr) return nullptr;
    const bool done = Do([&](midstream_error* error) {
      return midstream_update_adopt(handle->update, &adopted->value->tensor(), OnReturn,
                                    adopted.get(), error);
    });
    if (!done) return nullptr;
    adopted.release();  // NOLINT: the engine has it
    Py_RETURN_NONE;
  });
}

PyObject* UpdateStage(PyObject* /*module*/, PyObject* capsule) {
  UpdateHandle* handle = Unwrap(capsule);
  if (handle == nullptr) return nullptr;
  const bool done = Do(
      [handle](midstream_error* error) { return midstream_update_stage(handle->update, error); });
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

PyObject* UpdatesCommit(PyObject* /*module*/, PyObject* capsules) {
  return Guarded([&]() -> PyObject* {
    const Ref all = Ref::Steal(PySequence_Tuple(capsules));
    if (!all) return nullptr;
    std::vector<UpdateHandle*> handles;
    std::vector<midstream_update*> updates;
    for (Py_ssize_t i = 0; i < PyTuple_Size(all.get()); ++i) {
      handles.push_back(Unwrap(PyTuple_GetItem(all.get(), i)));
      if (handles.back() == nullptr) return nullptr;
      updates.push_back(handles.back()->update);
    }
    std::vector<uint64_t> versions(updates.size());
    const bool done = Do([&](midstream_error* error) {
      return updates.size() == 1
                 ? midstream_update_commit(updates[0], versions.data(), error)
                 : midstream_updates_commit(updates.data(), updates.size(), versions.data(), error);
    });
    for (UpdateHandle* handle : handles) handle->borrowed.clear();
    DropReturned(nullptr);
    if (!done) return nullptr;
    Ref list = Ref::Steal(PyList_New(0));
    for (const uint64_t version : versions) {
      const Ref number = Ref::Steal(PyLong_FromUnsignedLongLong(version));
      if (!list || !number || PyList_Append(list.get(), number.get()) != 0) return nullptr;
    }
    return list.release();
  });
}

PyObject* UpdateDiscard(PyObject* /*module*/, PyObject* capsule) {
  if (IsForked()) Py_RETURN_NONE;
  UpdateHandle* handle = Unwrap(capsule);
  if (handle == nullptr) return nullptr;
  const bool done = Do(
      [handle](midstream_error* error) { return midstream_update_discard(handle->update, error); });
  handle->borrowed.clear();
  DropReturned(nullptr);
  return done ? Ref::Borrow(Py_None).release() : nullptr;
}

}  // namespace

PyMethodDef update_functions[] = {{"update_begin", UpdateBegin, METH_O, nullptr},
                                  {"update_option", UpdateOption, METH_VARARGS, nullptr},
                                  {"update_assign", UpdateAssign, METH_VARARGS, nullptr},
                                  {"update_adopt", UpdateAdopt, METH_VARARGS, nullptr},
                                  {"update_stage", UpdateStage, METH_O, nullptr},
                                  {"updates_commit", UpdatesCommit, METH_O, nullptr},
                                  {"update_discard", UpdateDiscard, METH_O, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};

}  // namespace midstream::python
