// A function of the library, decoded and indexed, ready to be copied into a graph.
//
// Its body names tensors by "node:output:index", where `output` is a name in the definition of the
// node's operator, and arguments by their names; both may stand for lists.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_FUNCTION_TEMPLATE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_FUNCTION_TEMPLATE_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/protos.h"

namespace midstream::tensorflow {

// nullptr when there is no such attribute.
const AttrValue* FindAttr(const AttrMap& attrs, std::string_view name);

// How many tensors an argument stands for, given the attributes that say so.
uint64_t CountTensors(const OpDef::Arg& arg, const AttrMap& attrs, const AttrMap& defaults);
// tensorflow.DataType of each. Requires: count == CountTensors(...).
std::vector<int64_t> TensorTypes(const OpDef::Arg& arg, uint64_t count, const AttrMap& attrs,
                                 const AttrMap& defaults);

// The outputs of an operator that has several, each a single tensor. Files define only the
// operators of their top graph, and bodies use others. Empty for all that have one output.
std::vector<std::string_view> OutputNames(std::string_view op);

struct FunctionTemplate {
  std::string_view name;
  FunctionBody body;
  std::unordered_map<std::string_view, uint32_t> nodes;      // name -> number in body.nodes
  std::unordered_map<std::string_view, uint32_t> arguments;  // name -> number in the signature

  // Errors: DATA_LOSS.
  static Result<FunctionTemplate> Make(const FunctionDef& function);
};

// A tensor as a body names it, taken apart: "name", "name:index", "name:output" or
// "name:output:index".
struct BodyRef {
  std::string_view name;
  std::string_view output;  // empty for arguments
  std::optional<uint32_t> index;
};
BodyRef ParseBodyRef(std::string_view text);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_FUNCTION_TEMPLATE_H_
