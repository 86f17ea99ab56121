// Forked processes. An engine does not survive fork(): its threads are not there, locks may be held by
// them for ever, and memory and workers are shared with the parent. The plugins keep such things for
// the whole process too, so that no second engine can be opened. So everything is refused in a child of
// a process that had opened an engine, but for closing and the end of objects, which do nothing.
#ifndef MIDSTREAM_SDK_PYTHON_SRC_PROCESS_H_
#define MIDSTREAM_SDK_PYTHON_SRC_PROCESS_H_

#include "sdk/python/src/python.h"

namespace midstream::python {

// Once, before everything else. False with an exception set.
bool WatchForks();
// Before an engine is opened, which may fail. False with an exception set: it must not.
bool BeginToUse();
// Whether this process was forked from one that had opened an engine. Any thread.
bool IsForked();
// False with an exception set where it was.
bool CheckProcess();

extern PyMethodDef process_functions[];  // is_forked, check_process

}  // namespace midstream::python

#endif  // MIDSTREAM_SDK_PYTHON_SRC_PROCESS_H_
