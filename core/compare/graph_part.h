// Parts of an arm's compiled graph, run by the arm and by the baseline, for layers.h.
#ifndef MIDSTREAM_CORE_COMPARE_GRAPH_PART_H_
#define MIDSTREAM_CORE_COMPARE_GRAPH_PART_H_

#include <map>
#include <string>
#include <vector>

#include "core/compare/arm.h"
#include "core/compare/metrics.h"

namespace midstream::compare {

// What came of running one part on both sides.
struct PartResult {
  std::string failure;  // of the arm; nothing was compared then
  std::map<std::string, Difference> values;

  // It failed, or a value is outside the tolerance of its dtype.
  bool diverges() const;
};

// Compares `values` of the graph that `of` compiled: as `arm` computes them and as `baseline` does.
// Errors: those of the baseline.
Result<PartResult> RunPart(const Session& of, Model& arm, Model& baseline,
                           const std::vector<std::string>& values,
                           const std::vector<NamedTensor>& inputs);

// Values that nodes make and others, or the outputs, read: which of them are alive between two nodes.
class Cuts {
 public:
  explicit Cuts(CompiledGraph graph);

  size_t count() const { return graph_.nodes.size(); }
  const CompiledNode& node(size_t i) const { return graph_.nodes[i]; }
  // Made by the first k nodes and read after them.
  std::vector<std::string> Alive(size_t k) const;
  // The node that makes a value. Requires: one does.
  size_t MakerOf(const std::string& value) const { return uses_.at(value).made_by; }
  bool IsMade(const std::string& value) const { return uses_.contains(value); }

 private:
  struct Use {
    size_t made_by;
    size_t last_read_by;  // count(): an output
  };
  CompiledGraph graph_;
  std::map<std::string, Use> uses_;
};

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_GRAPH_PART_H_
