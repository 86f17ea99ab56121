// What the configuration asks of the dtypes that operators compute in: a mode, lists of operators,
// and exceptions by name.
//
// The words are those of the Ascend session options (precision_mode, precision_mode_v2,
// modify_mixlist, customize_dtypes, keep_dtype_scope). "cube" there is a matrix operator here
// (Conv, MatMul, Gemm), "vector" any other.
#ifndef MIDSTREAM_CORE_PASSES_PRECISION_POLICY_H_
#define MIDSTREAM_CORE_PASSES_PRECISION_POLICY_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/graph.h"

namespace midstream::passes {

// How a mode decides about a node; one row each of the table in docs/passes.md.
enum class PrecisionRule {
  kOrigin,     // the dtype of the model
  kForce,      // the reduced dtype wherever there is a kernel for it
  kAllowHalf,  // matrix operators as kForce, the others as kOrigin
  kAllowLow,   // as kOrigin; the reduced dtype where there is no kernel for that of the model
  kMatrixIn,   // matrix operators read the reduced dtype and write float32; the others float32
  kMixed,      // by list
};

// The lists of the mixed modes.
enum class PrecisionList { kWhite, kGray, kBlack, kNone };

// For nodes of one name or one operator. kInvalid: not said.
struct PrecisionOverride {
  DType dtype = DType::kInvalid;  // of operands and, unless output_dtype is given, of results
  DType output_dtype = DType::kInvalid;  // of results
  std::string origin;                    // where it was written, for messages: "a.toml:7:1"
};

struct PrecisionPolicy {
  std::string mode = "origin";  // as written, for messages
  PrecisionRule rule = PrecisionRule::kOrigin;
  DType low = DType::kF16;  // the reduced dtype; of kOrigin: not used
  // Operators that go to this list, whichever the default lists have them on. Mixed modes only.
  std::vector<std::string> white, black, gray;
  std::vector<std::string> keep;  // nodes, or scopes of nodes, that keep the dtype of the model
  std::map<std::string, PrecisionOverride, std::less<>> ops;    // by operator
  std::map<std::string, PrecisionOverride, std::less<>> nodes;  // by node or scope; beats `ops`
  // A node for which the mode's choice has no kernel: an error instead of another dtype.
  bool refuse_unsupported = false;
  std::vector<std::string> notes;  // for the report: what was asked and has no effect
};

// The policy of a mode named as in the configuration ("origin", "force_fp16", "mixed_bfloat16",
// ...). Errors: INVALID_ARGUMENT for an unknown name; UNIMPLEMENTED, naming the nearest mode that
// exists, for one that no backend has.
Result<PrecisionPolicy> PolicyForMode(std::string_view mode);

// Other modes, nearest first, to offer where a backend cannot have this one.
std::vector<std::string_view> NearestModes(const PrecisionPolicy& policy);

// The name under which lists and `ops` know a node: its operator, but "DepthwiseConv" for a Conv
// that filters each channel alone.
std::string_view ListName(const Graph& graph, const Node& node);
// The list that the policy has the operator on.
PrecisionList ListOf(const PrecisionPolicy& policy, std::string_view list_name);
// Conv, MatMul, Gemm.
bool IsMatrixOperator(const Node& node);

// Lists and overrides that contradict the mode or name no operator. Errors: INVALID_ARGUMENT
// listing every problem.
Status CheckPolicy(const PrecisionPolicy& policy);

}  // namespace midstream::passes

#endif  // MIDSTREAM_CORE_PASSES_PRECISION_POLICY_H_
