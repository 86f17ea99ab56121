// What Session::placement() tells: plain data, for callers and for `midstream inspect --placement`.
#ifndef MIDSTREAM_CORE_GRAPH_PLACEMENT_REPORT_H_
#define MIDSTREAM_CORE_GRAPH_PLACEMENT_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace midstream {

// Backends are called as the configuration does: "opencl", "opencl:1".
struct PlacementReport {
  struct Refusal {
    std::string backend;
    std::string reason;  // "does not know the operator"
  };
  struct Node {
    std::string name;
    std::string op;  // "Conv", "midstream.Conv"
    std::string backend;
    size_t segment = 0;
    std::string rule;  // "placement.op.Conv", which asked for a backend; empty: none did
    std::vector<Refusal> refusals;  // backends that were asked before, in order
  };
  // Nodes that one backend runs in one go; in the order in which they run.
  struct Segment {
    std::string backend;
    std::string device;  // its own name: "pthread-AMD EPYC"
    size_t nodes = 0;
  };
  // A value that crosses between the host and the memory of a device, in each request.
  struct Transfer {
    std::string value;
    std::string from, to;  // backend, or "host"
    uint64_t bytes = 0;    // at `shapes`
  };
  // A backend of the order that is not there.
  struct Missing {
    std::string backend;
    std::string reason;
  };
  std::vector<Node> nodes;
  std::vector<Segment> segments;
  std::vector<Transfer> transfers;
  std::string shapes;  // "x [1,784]": of inputs, the least where the model leaves them open
  std::vector<Missing> missing;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_PLACEMENT_REPORT_H_
