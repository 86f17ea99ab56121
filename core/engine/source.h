// Source: brings new weights to a model from outside the process, each complete set as one update.
//
//   auto source = model.Watch("/runs/policy", {}, [](const SourceEvent& event) { ... });
//
// A handle: copies refer to the same source, which keeps its model alive. It works until it is
// stopped or its last handle is gone.
#ifndef MIDSTREAM_CORE_ENGINE_SOURCE_H_
#define MIDSTREAM_CORE_ENGINE_SOURCE_H_

#include <cstdint>
#include <memory>

#include "core/base/export.h"
#include "core/sources/source_event.h"

namespace midstream {

struct MS_API WatchOptions {
  // How long the files must have been left alone; less than 0: watch.settle_ms of the configuration.
  int64_t settle_ms = -1;
};

struct MS_API ListenOptions {
  // How long a request may take to come in, and an answer to go out.
  int64_t timeout_ms = 10'000;
};

class MS_API Source {
 public:
  // Returns when nothing is applied and no callback runs any more, unless it is called in the
  // callback. An update on its way is finished. May be called again.
  void Stop();

 private:
  friend class Model;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_ENGINE_SOURCE_H_
