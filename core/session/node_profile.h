// NodeProfile: how long one node has taken, by the clock of the device that ran it.
#ifndef MIDSTREAM_CORE_SESSION_NODE_PROFILE_H_
#define MIDSTREAM_CORE_SESSION_NODE_PROFILE_H_

#include <cstdint>
#include <string>

namespace midstream {

struct NodeProfile {
  std::string node;  // of a transfer: the value
  std::string op;    // "Conv", "midstream.Conv"; "Transfer" between the host and a device
  std::string backend;
  std::string kernel;  // which kernel or variant; empty: the backend does not say
  uint64_t count = 0;
  uint64_t total_ns = 0;
  uint64_t min_ns = 0;
  uint64_t max_ns = 0;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_SESSION_NODE_PROFILE_H_
