// What Session::precision() tells: plain data, for callers and for `midstream inspect --precision`.
#ifndef MIDSTREAM_CORE_GRAPH_PRECISION_REPORT_H_
#define MIDSTREAM_CORE_GRAPH_PRECISION_REPORT_H_

#include <string>
#include <vector>

#include "core/graph/dtype.h"

namespace midstream {

struct PrecisionReport {
  struct Node {
    std::string name;
    std::string op;       // "Conv", "midstream.Conv"
    std::string backend;  // that runs it
    std::vector<DType> inputs;
    std::vector<DType> outputs;
    DType accumulate = DType::kInvalid;  // of its sums, as the backend answers
    bool met = true;                     // false: the mode asked for another dtype
    std::string reason;
  };
  struct Weight {
    std::string name;  // as the compiled graph reads it
    DType dtype = DType::kInvalid;
    std::string recipe;  // "Cast(fc1/Variable)"; empty: as the checkpoint stores it
  };
  std::string mode;
  std::vector<Node> nodes;
  std::vector<Weight> weights;
  std::vector<std::string> notes;  // what the mode could not have, and the nearest mode
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_GRAPH_PRECISION_REPORT_H_
