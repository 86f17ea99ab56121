#include "core/formats/tensorflow/inference_part.h"

#include <algorithm>
#include <string_view>

#include "core/formats/tensorflow/dropout.h"
#include "core/formats/tensorflow/variables.h"

namespace midstream::tensorflow {
namespace {

constexpr int kLongestReadChain = 64;

// What a node is computed from. Placeholders are bits; those past the 63rd share the last one.
struct Origin {
  uint64_t placeholders = 0;
  bool weights = false;
  bool training = false;  // gradients, updates, summaries, and what reads them
};

bool IsPlaceholder(std::string_view op) {
  return op == "Placeholder" || op == "PlaceholderWithDefault" || op == "IteratorGetNext" ||
         op == "OneShotIterator" || op == "IteratorV2";
}

bool IsInGradients(std::string_view name) {
  return name.starts_with("gradients") || name.find("/gradients") != std::string_view::npos;
}

bool IsTraining(const NodeDef& node) {
  std::string_view op = node.op;
  return WritesVariable(op) || op.ends_with("Grad") || op.ends_with("Summary") ||
         op.ends_with("SummaryV2") || op.starts_with("Save") || op.starts_with("Restore") ||
         op.find("Backprop") != std::string_view::npos || op == "Assert" || op == "NoOp" ||
         IsInGradients(node.name);
}

// Sizes and random numbers: what they are made from does not show in their values.
bool ForgetsOrigin(std::string_view op) {
  return op == "Shape" || op == "ShapeN" || op == "Size" || op == "Rank" || op == "ZerosLike" ||
         op == "OnesLike" || op.starts_with("Random") || op.starts_with("StatelessRandom");
}

bool OnlyReads(std::string_view op) { return op == "Identity" || op == "ReadVariableOp"; }

class Analysis {
 public:
  explicit Analysis(const TfGraph& graph) : graph_(graph), origins_(graph.nodes().size()) {
    inputs_.resize(graph.nodes().size());
    for (uint32_t i = 0; i < inputs_.size(); ++i) {
      auto inputs = graph.DataInputs(i);
      if (inputs.ok()) inputs_[i] = *std::move(inputs);
    }
    SortNodes();
    for (uint32_t node : order_) Trace(node);
    FindModelInputs();
  }

  std::vector<TensorRef> Outputs() const {
    std::vector<bool> read_on(inputs_.size(), false);   // by the inference part, or by an update
    std::vector<bool> read_out(inputs_.size(), false);  // by a loss
    for (uint32_t i = 0; i < inputs_.size(); ++i) {
      bool on = IsInference(i) || WritesVariable(graph_.node(i).op);
      bool out = !on && !origins_[i].training && origins_[i].placeholders != 0;
      for (TensorRef ref : inputs_[i]) {
        if (on) read_on[ref.node] = true;
        if (out) read_out[ref.node] = true;
      }
    }
    std::vector<TensorRef> outputs;
    for (uint32_t i = 0; i < inputs_.size(); ++i) {
      if (!IsInference(i) || (read_on[i] && !read_out[i])) continue;
      if (DTypeSize(DTypeFromProto(graph_.OutputType({i, 0}))) > 0) outputs.push_back({i, 0});
    }
    return outputs;
  }

 private:
  // Inputs before their readers, by a depth-first walk; the back edges of loops are ignored.
  void SortNodes() {
    std::vector<bool> entered(inputs_.size(), false);
    std::vector<std::pair<uint32_t, size_t>> stack;
    for (uint32_t root = 0; root < inputs_.size(); ++root) {
      if (entered[root]) continue;
      entered[root] = true;
      stack.emplace_back(root, 0);
      while (!stack.empty()) {
        auto& [node, next] = stack.back();
        if (next == inputs_[node].size()) {
          order_.push_back(node);
          stack.pop_back();
          continue;
        }
        uint32_t input = inputs_[node][next++].node;
        if (entered[input]) continue;
        entered[input] = true;
        stack.emplace_back(input, 0);
      }
    }
  }

  void Trace(uint32_t idx) {
    const NodeDef& node = graph_.node(idx);
    Origin& origin = origins_[idx];
    if (IsPlaceholder(node.op)) {
      origin.placeholders = uint64_t{1} << std::min(placeholder_count_++, 63);
      return;
    }
    if (ForgetsOrigin(node.op)) return;
    origin.weights = IsVariable(node.op);
    origin.training = IsTraining(node);
    for (TensorRef ref : inputs_[idx]) {
      origin.placeholders |= origins_[ref.node].placeholders;
      origin.weights |= origins_[ref.node].weights;
      origin.training |= origins_[ref.node].training;
    }
  }

  // An operand that is nothing but a variable makes its reader an operator of the model.
  bool IsWeightOperand(uint32_t node) const {
    for (int i = 0; i < kLongestReadChain && OnlyReads(graph_.node(node).op); ++i) {
      if (inputs_[node].size() != 1) return false;
      node = inputs_[node][0].node;
    }
    return IsVariable(graph_.node(node).op);
  }

  void FindModelInputs() {
    for (uint32_t i = 0; i < inputs_.size(); ++i) {
      auto dropout = MatchDropout(graph_, {}, {i, 0});
      if (dropout && dropout->control) {
        model_inputs_ |= origins_[dropout->control->node].placeholders;
      }
      const Origin& origin = origins_[i];
      if (origin.training || origin.placeholders == 0 || !origin.weights) continue;
      bool weighted = std::any_of(inputs_[i].begin(), inputs_[i].end(),
                                  [&](TensorRef ref) { return IsWeightOperand(ref.node); });
      if (weighted) model_inputs_ |= origin.placeholders;
    }
  }

  bool IsInference(uint32_t idx) const {
    const Origin& origin = origins_[idx];
    return !origin.training && origin.weights && origin.placeholders != 0 &&
           (origin.placeholders & ~model_inputs_) == 0;
  }

  const TfGraph& graph_;
  std::vector<Origin> origins_;
  std::vector<std::vector<TensorRef>> inputs_;
  std::vector<uint32_t> order_;
  uint64_t model_inputs_ = 0;
  int placeholder_count_ = 0;
};

}  // namespace

std::vector<TensorRef> FindInferenceOutputs(const TfGraph& graph) {
  return Analysis(graph).Outputs();
}

}  // namespace midstream::tensorflow
