// SourceEvent: what became of one set of weights that a source brought.
#ifndef MIDSTREAM_CORE_SOURCES_SOURCE_EVENT_H_
#define MIDSTREAM_CORE_SOURCES_SOURCE_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "core/base/export.h"
#include "core/base/status.h"

namespace midstream {

// A set of weights that is a version of the model now.
struct MS_API AppliedWeights {
  uint64_t version = 0;
  size_t tensors = 0;
  double read_ms = 0;    // opening and reading
  double update_ms = 0;  // checking, staging and committing
};

struct MS_API SourceEvent {
  // The file, the prefix of the checkpoint, or what the sender called it; the folder when something
  // is wrong with that.
  std::string source;
  // Why the weights were not taken; the version that was served before still is.
  Status status;
  // Requires: status.ok().
  AppliedWeights applied;
  // Sources passed over since the last event because a newer one was there.
  uint64_t superseded = 0;
};

// Called on the source's thread, one event at a time; until it returns, this source applies nothing.
using SourceCallback = std::function<void(const SourceEvent& event)>;

}  // namespace midstream

#endif  // MIDSTREAM_CORE_SOURCES_SOURCE_EVENT_H_
