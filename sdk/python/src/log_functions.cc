// The engine's messages. They come from any thread, also from within calls of threads that hold the
// GIL, so they are kept and told on Python's main thread as soon as that runs Python code.
#include <deque>
#include <mutex>

#include "sdk/python/src/functions.h"
#include "sdk/python/src/process.h"

namespace midstream::python {
namespace {

constexpr size_t kMostMessages = 1000;  // further ones are dropped

struct Message {
  int32_t level;
  std::string text;
};

struct Log {
  std::mutex mutex;
  std::deque<Message> messages;
  PyObject* tell = nullptr;  // owned; guarded by the GIL
};

// Never destroyed: messages come until the process ends.
Log& TheLog() {
  static Log& log = *new Log;
  return log;
}

int TellMessages(void* /*unused*/) {
  std::deque<Message> messages;
  {
    const std::lock_guard lock(TheLog().mutex);
    messages.swap(TheLog().messages);
  }
  const Ref tell = Ref::Borrow(TheLog().tell);
  for (const Message& message : messages) {
    const Ref done = Ref::Steal(InPython([&] {
      return PyObject_CallFunction(tell.get(), "is", message.level, message.text.c_str());
    }));
    if (!done) InPython([&] { PyErr_WriteUnraisable(tell.get()); });
  }
  return 0;
}

void Sink(void* /*user*/, int32_t level, const char* text) {
  if (!EnterPython()) return;
  {
    const std::lock_guard lock(TheLog().mutex);
    if (TheLog().messages.size() < kMostMessages) TheLog().messages.push_back({level, text});
  }
  Py_AddPendingCall(TellMessages, nullptr);
  LeavePython();
}

// set_log(tell, level): tell(level, text) for messages of `level` and above.
PyObject* SetLog(PyObject* /*module*/, PyObject* args) {
  return Guarded([&]() -> PyObject* {
    PyObject* tell = nullptr;
    int level = 0;
    if (PyArg_ParseTuple(args, "Oi", &tell, &level) == 0 || !CheckProcess()) return nullptr;
    const Ref before = Ref::Steal(std::exchange(TheLog().tell, Ref::Borrow(tell).release()));
    {
      const WithoutGil unlocked;
      midstream_set_log(Sink, nullptr, level);
    }
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef log_functions[] = {{"set_log", SetLog, METH_VARARGS, nullptr},
                               {nullptr, nullptr, 0, nullptr}};

}  // namespace midstream::python
