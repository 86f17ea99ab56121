// What a device that does not answer may still read or write.
//
// Its queue cannot be closed, for that waits for the work; its memory cannot be freed, for the work
// may yet run. So all of it is kept until the process ends, and the plugin is never shut down.
//
// Threads: any.
#ifndef MIDSTREAM_CORE_BACKEND_ABANDONED_H_
#define MIDSTREAM_CORE_BACKEND_ABANDONED_H_

#include <memory>

#include "core/backend/handles.h"

namespace midstream::backend {

// `what` owns all that work of the device may touch.
void KeepForever(const Device& device, std::shared_ptr<void> what);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_ABANDONED_H_
