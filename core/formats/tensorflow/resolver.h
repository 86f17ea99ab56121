// Resolver: what a tensor comes to when everything that does nothing at inference is looked
// through.
//
// See path.h for what is looked through. A Merge or Choose whose branches differ and whose predicate
// is not known stays; it then computes a choice between its branches.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_RESOLVER_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_RESOLVER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/dropout.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

class Resolver {
 public:
  // Requires: the arguments outlive the resolver.
  Resolver(const TfGraph& graph, const std::set<TensorRef>& cut,
           const std::map<TensorRef, double>& bound, bool keep_dropout)
      : graph_(graph), cut_(cut), bound_(bound), keep_dropout_(keep_dropout) {}

  // Errors: INVALID_ARGUMENT for an unknown input or a cycle of nodes that do nothing.
  Result<TensorRef> Resolve(TensorRef ref) { return Resolve(ref, 0); }
  // The resolved data inputs of a node; of a Merge: predicate, value if true, value if false;
  // of a DynamicStitch: see partitioned_lookup.h.
  // Errors: as Resolve; UNIMPLEMENTED for a Merge that is not part of a conditional.
  Result<std::vector<TensorRef>> Inputs(uint32_t node);

  // The dropouts that were looked through, by node.
  const std::map<uint32_t, DropoutMatch>& dropouts() const { return dropouts_; }

 private:
  struct Choice {
    TensorRef predicate;
    TensorRef if_true;
    TensorRef if_false;
  };

  Result<TensorRef> Resolve(TensorRef ref, int depth);
  // One look through; nullopt when the tensor is computed.
  Result<std::optional<TensorRef>> Next(TensorRef ref, int depth);
  bool WaitsForChange(uint32_t reader, TensorRef variable) const;
  Result<std::optional<TensorRef>> NextOfMerge(TensorRef ref, int depth);
  // The conditionals that are open at a node: predicate -> bit set of the sides (1 false, 2 true)
  // of its Switches that the node depends on. A Merge closes its conditional, so what follows it
  // does not depend on a side any more.
  using SideSet = std::map<TensorRef, int>;

  Result<Choice> FindChoice(uint32_t merge, int depth);
  // Fills sides_ for a node and all that it depends on; never recurses along the graph.
  Status FindSides(uint32_t root, int depth);
  Status JoinSides(uint32_t node, int depth);
  // Of one output. Requires: FindSides of its node.
  Result<SideSet> SidesOf(TensorRef ref, int depth);
  static std::vector<TensorRef> ClosedBy(const SideSet& first, const SideSet& second);
  Result<std::optional<TensorRef>> NextOfChoose(TensorRef ref, int depth);
  // The value of a scalar that the graph or the request fixes.
  std::optional<double> Known(TensorRef scalar, int depth);
  std::optional<double> Compute(TensorRef scalar, int depth);

  const TfGraph& graph_;
  const std::set<TensorRef>& cut_;
  const std::map<TensorRef, double>& bound_;
  const bool keep_dropout_;
  std::map<TensorRef, TensorRef> resolved_;
  std::map<TensorRef, std::optional<double>> known_;
  std::map<uint32_t, DropoutMatch> dropouts_;
  std::vector<bool> sides_found_;  // by node
  std::unordered_map<uint32_t, SideSet> sides_;
  uint64_t visited_ = 0;  // predicates looked at by FindSides
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_RESOLVER_H_
