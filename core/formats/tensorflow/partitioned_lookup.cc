#include "core/formats/tensorflow/partitioned_lookup.h"

#include <optional>

#include "core/formats/tensorflow/scalar.h"
#include "core/formats/tensorflow/tensor_proto.h"

namespace midstream::tensorflow {
namespace {

using Resolve = std::function<Result<TensorRef>(TensorRef)>;

class Matcher {
 public:
  Matcher(const TfGraph& graph, const std::set<TensorRef>& cut, const Resolve& resolve)
      : graph_(graph), cut_(cut), resolve_(resolve) {}

  Result<std::vector<TensorRef>> Match(uint32_t stitch) const {
    Status other = Unimplemented(Describe(graph_.node(stitch)) +
                                 " is not the lookup of rows in a partitioned table");
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, Inputs(stitch));
    size_t parts = inputs.size() / 2;
    if (parts == 0 || inputs.size() != 2 * parts) return other;
    std::optional<uint32_t> places, rows;  // the two DynamicPartition nodes
    std::vector<TensorRef> found = {{}, {}};
    for (size_t k = 0; k < parts; ++k) {
      if (!IsPart(inputs[k], k, &places)) return other;
      MS_ASSIGN_OR_RETURN(std::vector<TensorRef> gather, Gathered(inputs[parts + k]));
      if (gather.size() != 2 || !IsPart(gather[1], k, &rows)) return other;
      found.push_back(gather[0]);
    }
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> place_inputs, Inputs(*places));
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> row_inputs, Inputs(*rows));
    if (place_inputs.size() != 2 || row_inputs.size() != 2) return other;
    if (Parts(*places) != parts || Parts(*rows) != parts) return other;
    if (place_inputs[1] != row_inputs[1]) return other;
    MS_ASSIGN_OR_RETURN(bool counts, CountsUp(place_inputs[0]));
    if (!counts) return other;
    found[0] = row_inputs[1];
    found[1] = row_inputs[0];
    return found;
  }

 private:
  Result<std::vector<TensorRef>> Inputs(uint32_t node) const {
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, graph_.DataInputs(node));
    for (TensorRef& input : inputs) {
      MS_ASSIGN_OR_RETURN(input, resolve_(input));
    }
    return inputs;
  }

  uint64_t Parts(uint32_t node) const {
    return static_cast<uint64_t>(graph_.Int(graph_.node(node), "num_partitions", 0));
  }

  // Output k of the one DynamicPartition that `node` is, or becomes.
  bool IsPart(TensorRef ref, size_t k, std::optional<uint32_t>* node) const {
    if (cut_.count(ref) > 0 || graph_.node(ref.node).op != "DynamicPartition") return false;
    if (ref.output != k || (*node && **node != ref.node)) return false;
    *node = ref.node;
    return true;
  }

  // Table and indices of a gather of rows; empty for anything else.
  Result<std::vector<TensorRef>> Gathered(TensorRef ref) const {
    std::vector<TensorRef> none;
    const NodeDef& node = graph_.node(ref.node);
    bool v2 = node.op == "GatherV2";
    if (!v2 && node.op != "Gather" && node.op != "ResourceGather") return none;
    if (ref.output != 0 || cut_.count(ref) > 0 || graph_.Int(node, "batch_dims", 0) != 0) {
      return none;
    }
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, Inputs(ref.node));
    if (inputs.size() != (v2 ? 3 : 2)) return none;
    if (v2 && Constant(inputs[2]) != 0.0) return none;
    inputs.resize(2);
    return inputs;
  }

  // 0, 1, 2, ...
  Result<bool> CountsUp(TensorRef ref) const {
    if (cut_.count(ref) > 0 || graph_.node(ref.node).op != "Range") return false;
    MS_ASSIGN_OR_RETURN(std::vector<TensorRef> inputs, Inputs(ref.node));
    return inputs.size() == 3 && Constant(inputs[0]) == 0.0 && Constant(inputs[2]) == 1.0;
  }

  std::optional<double> Constant(TensorRef ref) const {
    const NodeDef& node = graph_.node(ref.node);
    if (cut_.count(ref) > 0 || node.op != "Const") return std::nullopt;
    const AttrValue* value = graph_.Attr(node, "value", AttrKind::kTensor);
    if (value == nullptr) return std::nullopt;
    auto tensor = DecodeTensor(value->bytes);
    return tensor.ok() ? ScalarValue(*tensor) : std::nullopt;
  }

  const TfGraph& graph_;
  const std::set<TensorRef>& cut_;
  const Resolve& resolve_;
};

}  // namespace

bool IsStitch(std::string_view op) {
  return op == "DynamicStitch" || op == "ParallelDynamicStitch";
}

Result<std::vector<TensorRef>> FindPartitionedLookup(const TfGraph& graph,
                                                     const std::set<TensorRef>& cut,
                                                     uint32_t stitch, const Resolve& resolve) {
  return Matcher(graph, cut, resolve).Match(stitch);
}

}  // namespace midstream::tensorflow
