// The protobuf messages of a TensorFlow checkpoint, as far as inference needs them.
//
// Decoding copies nothing: names and nested messages are views into the encoded bytes, which the
// caller keeps alive. Attribute values are decoded one level deep; whoever needs the shape, list or
// tensor inside decodes it then.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_PROTOS_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_PROTOS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::tensorflow {

// tensorflow.DataType. References (as ref variables have) are the same type plus 100.
DType DTypeFromProto(int64_t type);  // kInvalid for a type that the engine does not have
std::string ProtoTypeName(int64_t type);

// The values are the field numbers of AttrValue.
enum class AttrKind : uint8_t {
  kNone = 0,
  kList = 1,
  kString = 2,
  kInt = 3,
  kFloat = 4,
  kBool = 5,
  kType = 6,
  kShape = 7,
  kTensor = 8,
  kPlaceholder = 9,
  kFunction = 10,
};

struct AttrValue {
  AttrKind kind = AttrKind::kNone;
  uint64_t number = 0;     // kInt, kBool, kType; kFloat: its bits
  std::string_view bytes;  // kString; the encoded message of kList, kShape, kTensor, kFunction
};

using AttrMap = std::vector<std::pair<std::string_view, AttrValue>>;

struct NodeDef {
  std::string_view name;
  std::string_view op;
  std::vector<std::string_view> inputs;  // "name", "name:1", "^name"
  AttrMap attrs;
};

struct OpDef {
  // An input or output; it may stand for several tensors.
  struct Arg {
    std::string_view name;
    int64_t type = 0;                 // fixed type, or
    std::string_view type_attr;       // attribute that holds the type, or
    std::string_view type_list_attr;  // attribute that holds one type for each tensor
    std::string_view number_attr;     // attribute that says how many tensors of that type
  };
  std::string_view name;
  std::vector<Arg> inputs;
  std::vector<Arg> outputs;
  AttrMap defaults;
};

// A function of the library, with its body still encoded: most are never called at inference.
struct FunctionDef {
  std::string_view name;
  std::string_view bytes;
};

using StringPairs = std::vector<std::pair<std::string_view, std::string_view>>;

struct FunctionBody {
  OpDef signature;
  std::vector<NodeDef> nodes;   // inputs: an argument's name, "node:output:0", "^node"
  StringPairs results;          // name of an output of the signature -> tensor of the body
  StringPairs control_results;  // values: nodes that run whenever the function does
};

struct SaverDef {
  std::string_view restore_op;  // empty: the file has no Saver
};

// What a SavedModel says about calling it.
struct SignatureDef {
  struct Tensor {
    std::string_view key;   // the name of the argument or result
    std::string_view name;  // of the tensor in the graph
    int64_t type = 0;
    std::string_view shape;  // TensorShapeProto
  };
  std::string_view name;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};

struct MetaGraph {
  std::vector<NodeDef> nodes;
  std::vector<OpDef> ops;
  std::vector<FunctionDef> functions;
  SaverDef saver;
  std::vector<SignatureDef> signatures;
};

// Errors of all decoders: DATA_LOSS saying which message is malformed.

// Requires: `bytes` outlives the result.
Result<MetaGraph> DecodeMetaGraph(std::string_view bytes);

// SavedModel: its MetaGraphDefs, still encoded, with the tags that choose among them.
struct TaggedGraph {
  std::vector<std::string_view> tags;
  std::string_view bytes;
};
Result<std::vector<TaggedGraph>> DecodeSavedModel(std::string_view bytes);

Result<FunctionBody> DecodeFunction(std::string_view bytes);

// NameAttrList, the value of an attribute that names a function.
struct FunctionCall {
  std::string_view name;
  AttrMap attrs;
};
Result<FunctionCall> DecodeFunctionCall(std::string_view bytes);
// AttrValue.ListValue of functions.
Result<std::vector<FunctionCall>> DecodeFunctionList(std::string_view bytes);

// TensorShapeProto; unknown dimensions are allowed.
Result<Shape> DecodeShape(std::string_view bytes);
// The dimensions as the file has them, negative ones too, for messages about them.
Result<std::vector<int64_t>> DecodeRawDims(std::string_view bytes);

// AttrValue.ListValue: the repeated field that holds ints, bools and types, or strings, or shapes.
Result<std::vector<int64_t>> DecodeNumberList(std::string_view bytes);
Result<std::vector<std::string_view>> DecodeMessageList(std::string_view bytes, AttrKind kind);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_PROTOS_H_
