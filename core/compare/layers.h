// Layers: which node of an arm's compiled graph is the first to compute something else.
//
// The arm's compiled graph, as its passes, precision mode and layout left it, is run in parts by the
// arm and by the baseline, on the same inputs and weights, and values are compared one by one. A
// part is what computes the values that are alive after the first k nodes ("cut k"): where all of
// these agree, whatever goes wrong later comes later. So bisection over k, log2 n parts, ends at a
// node whose inputs agree and whose result does not. It finds what reaches the outputs. Where the
// outputs agree, all values are compared in the order of the graph instead: a divergence that later
// nodes mask (an ArgMax, a Relu) is still named.
//
// Threads: one at a time, and nobody else runs the arms.
#ifndef MIDSTREAM_CORE_COMPARE_LAYERS_H_
#define MIDSTREAM_CORE_COMPARE_LAYERS_H_

#include <string>
#include <vector>

#include "core/compare/arm.h"
#include "core/compare/metrics.h"

namespace midstream::compare {

// A value of the arm's compiled graph that was compared.
struct LayerValue {
  size_t node = 0;  // that makes it, in the order of the graph
  std::string name;
  Difference difference;
};

enum class Finding {
  kNothing,  // every value agrees
  kNode,     // a node computes something else, or fails
  kWeight,   // a weight that is derived from others differs
  kGraph,    // the outputs differ, but the baseline computes the same from the arm's graph
};
std::string_view FindingName(Finding finding);  // "nothing", "node", ...

struct LayerReport {
  Finding finding = Finding::kNothing;
  std::string node;          // kNode; kWeight: the weight
  std::string op;            // kNode: "midstream.Conv"; kWeight: its recipe
  std::string backend;       // kNode: that ran it
  std::string kernel;        // kNode: as the backend calls it; empty where it does not tell
  std::string failure;       // kNode: what it failed with; empty where it computed something
  std::string value;         // kNode: the result that differs most
  Difference difference;     // of that
  double inputs_scaled = 0;  // kNode: the largest scaled error of its inputs
  bool masked = false;       // kNode, kWeight: the outputs agree nevertheless
  // kNode: nodes of the model that this one stands for, "conv1/Relu (Relu)"; one where it is none
  // but itself. With several, the model was also run without fusion: unfused is the first of them
  // that diverges then, empty where none does.
  std::vector<std::string> sources;
  bool checked_unfused = false;
  std::string unfused;

  size_t nodes = 0;                // of the compiled graph
  size_t parts = 0;                // parts of it that were compiled, on each side
  std::vector<LayerValue> values;  // all that were compared, in the order of the graph
};

struct LayerTask {
  Arm* arm = nullptr;
  Arm* baseline = nullptr;
  ModelSpec model;
  std::string weights;  // the file that the arms' weights are of; empty: the model's own
  std::vector<NamedTensor> inputs;  // for the session of the arm
  bool outputs_agree = false;
};

// Errors: those of compiling and running a part on the baseline.
Result<LayerReport> FindLayer(const LayerTask& task);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_LAYERS_H_
