#include "core/formats/tensorflow/protos.h"

#include <array>

#include "core/formats/file.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr int64_t kRefOffset = 100;
constexpr size_t kMostDims = 254;  // TensorFlow's own limit

struct TypeRow {
  std::string_view name;
  DType dtype;
};

// Indexed by DataType.
constexpr std::array<TypeRow, 24> kTypes = {{
    {"invalid", DType::kInvalid},
    {"float", DType::kF32},
    {"double", DType::kF64},
    {"int32", DType::kI32},
    {"uint8", DType::kU8},
    {"int16", DType::kI16},
    {"int8", DType::kI8},
    {"string", DType::kString},
    {"complex64", DType::kInvalid},
    {"int64", DType::kI64},
    {"bool", DType::kBool},
    {"qint8", DType::kInvalid},
    {"quint8", DType::kInvalid},
    {"qint32", DType::kInvalid},
    {"bfloat16", DType::kBF16},
    {"qint16", DType::kInvalid},
    {"quint16", DType::kInvalid},
    {"uint16", DType::kU16},
    {"complex128", DType::kInvalid},
    {"half", DType::kF16},
    {"resource", DType::kInvalid},
    {"variant", DType::kInvalid},
    {"uint32", DType::kU32},
    {"uint64", DType::kU64},
}};

const TypeRow* FindType(int64_t type) {
  if (type > kRefOffset) type -= kRefOffset;
  return type >= 0 && type < static_cast<int64_t>(kTypes.size())
             ? &kTypes[static_cast<size_t>(type)]
             : nullptr;
}

Status Malformed(std::string_view what) {
  return DataLoss(std::string(what) + " is not a valid protobuf message");
}

Result<AttrValue> DecodeAttrValue(std::string_view bytes) {
  AttrValue value;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() < 1 || reader.field() > 10) continue;
    value.kind = static_cast<AttrKind>(reader.field());
    switch (value.kind) {
      case AttrKind::kInt:
      case AttrKind::kBool:
      case AttrKind::kType:
        value.number = reader.number();
        break;
      case AttrKind::kFloat:
        value.number = reader.fixed32();
        break;
      default:
        value.bytes = reader.bytes();
    }
  }
  if (!reader.ok()) return Malformed("an attribute");
  return value;
}

// One entry of a map<string, AttrValue>, or an OpDef.AttrDef: they differ in the value's field.
Status DecodeAttr(std::string_view bytes, uint32_t value_field, AttrMap* out) {
  std::string_view key;
  std::string_view value;
  bool has_value = false;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) {
      key = reader.bytes();
    } else if (reader.field() == value_field) {
      value = reader.bytes();
      has_value = true;
    }
  }
  if (!reader.ok()) return Malformed("an attribute");
  if (!has_value) return OkStatus();
  auto decoded = DecodeAttrValue(value);
  if (!decoded.ok()) return decoded.status().WithContext(Quoted(key));
  out->emplace_back(key, *decoded);
  return OkStatus();
}

Result<NodeDef> DecodeNode(std::string_view bytes) {
  NodeDef node;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        node.name = reader.bytes();
        break;
      case 2:
        node.op = reader.bytes();
        break;
      case 3:
        node.inputs.push_back(reader.bytes());
        break;
      case 5: {
        Status status = DecodeAttr(reader.bytes(), 2, &node.attrs);
        if (!status.ok()) return status.WithContext("node " + Quoted(node.name));
        break;
      }
    }
  }
  if (!reader.ok()) return Malformed("node " + Quoted(node.name));
  // Also what bounds memory: an encoded node cannot be nearly empty.
  if (node.name.empty() || node.op.empty()) {
    return DataLoss("the graph has a node without a name or without an operator");
  }
  return node;
}

// The name in the signature of a FunctionDef, and nothing else of it.
Result<std::string_view> FunctionName(std::string_view bytes) {
  std::string_view name;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 1) continue;
    WireReader signature(reader.bytes());
    while (signature.Next()) {
      if (signature.field() == 1) name = signature.bytes();
    }
    if (!signature.ok()) return Malformed("a function's signature");
  }
  if (!reader.ok()) return Malformed("function " + Quoted(name));
  return name;
}

Status DecodeLibrary(std::string_view bytes, std::vector<FunctionDef>* functions) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 1) continue;
    FunctionDef function{{}, reader.bytes()};
    if (!reader.ok()) break;
    MS_ASSIGN_OR_RETURN(function.name, FunctionName(function.bytes));
    if (!function.name.empty()) functions->push_back(function);
  }
  return reader.ok() ? OkStatus() : Malformed("the FunctionDefLibrary");
}

Status DecodeGraph(std::string_view bytes, MetaGraph* meta) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) {
      MS_ASSIGN_OR_RETURN(NodeDef node, DecodeNode(reader.bytes()));
      meta->nodes.push_back(std::move(node));
    } else if (reader.field() == 2) {
      MS_RETURN_IF_ERROR(DecodeLibrary(reader.bytes(), &meta->functions));
    }
  }
  return reader.ok() ? OkStatus() : Malformed("the GraphDef");
}

Result<OpDef::Arg> DecodeArg(std::string_view bytes) {
  OpDef::Arg arg;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        arg.name = reader.bytes();
        break;
      case 3:
        arg.type = reader.signed_number();
        break;
      case 4:
        arg.type_attr = reader.bytes();
        break;
      case 5:
        arg.number_attr = reader.bytes();
        break;
      case 6:
        arg.type_list_attr = reader.bytes();
        break;
    }
  }
  if (!reader.ok()) return Malformed("an operator's argument");
  return arg;
}

Result<OpDef> DecodeOp(std::string_view bytes) {
  OpDef op;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) {
      op.name = reader.bytes();
    } else if (reader.field() == 2 || reader.field() == 3) {
      auto& args = reader.field() == 2 ? op.inputs : op.outputs;
      MS_ASSIGN_OR_RETURN(OpDef::Arg arg, DecodeArg(reader.bytes()));
      args.push_back(arg);
    } else if (reader.field() == 4) {
      MS_RETURN_IF_ERROR(DecodeAttr(reader.bytes(), 3, &op.defaults));
    }
  }
  if (!reader.ok()) return Malformed("operator definition " + Quoted(op.name));
  return op;
}

Status DecodeOpList(std::string_view bytes, std::vector<OpDef>* ops) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 1) continue;
    MS_ASSIGN_OR_RETURN(OpDef op, DecodeOp(reader.bytes()));
    ops->push_back(std::move(op));
  }
  return reader.ok() ? OkStatus() : Malformed("the OpList");
}

// One entry of a map<string, string>.
Status DecodeStringPair(std::string_view bytes, StringPairs* pairs) {
  std::pair<std::string_view, std::string_view> pair;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) pair.first = reader.bytes();
    if (reader.field() == 2) pair.second = reader.bytes();
  }
  if (!reader.ok()) return Malformed("a map");
  pairs->push_back(pair);
  return OkStatus();
}

Status DecodeMetaInfo(std::string_view bytes, std::vector<OpDef>* ops) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 2) MS_RETURN_IF_ERROR(DecodeOpList(reader.bytes(), ops));
  }
  return reader.ok() ? OkStatus() : Malformed("the MetaInfoDef");
}

Result<SaverDef> DecodeSaver(std::string_view bytes) {
  SaverDef saver;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 3) saver.restore_op = reader.bytes();
  }
  if (!reader.ok()) return Malformed("the SaverDef");
  return saver;
}

// One entry of a map<string, TensorInfo>.
Result<SignatureDef::Tensor> DecodeSignatureTensor(std::string_view bytes) {
  SignatureDef::Tensor tensor;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) tensor.key = reader.bytes();
    if (reader.field() != 2) continue;
    WireReader info(reader.bytes());
    while (info.Next()) {
      if (info.field() == 1) tensor.name = info.bytes();
      if (info.field() == 2) tensor.type = info.signed_number();
      if (info.field() == 3) tensor.shape = info.bytes();
    }
    if (!info.ok()) return Malformed("a tensor of a signature");
  }
  if (!reader.ok()) return Malformed("a tensor of a signature");
  return tensor;
}

// One entry of a map<string, SignatureDef>.
Result<SignatureDef> DecodeSignature(std::string_view bytes) {
  SignatureDef signature;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) signature.name = reader.bytes();
    if (reader.field() != 2) continue;
    WireReader body(reader.bytes());
    while (body.Next()) {
      if (body.field() != 1 && body.field() != 2) continue;
      auto& tensors = body.field() == 1 ? signature.inputs : signature.outputs;
      MS_ASSIGN_OR_RETURN(SignatureDef::Tensor tensor, DecodeSignatureTensor(body.bytes()));
      tensors.push_back(tensor);
    }
    if (!body.ok()) return Malformed("a signature");
  }
  if (!reader.ok()) return Malformed("a signature");
  return signature;
}

}  // namespace

DType DTypeFromProto(int64_t type) {
  const TypeRow* row = FindType(type);
  return row ? row->dtype : DType::kInvalid;
}

std::string ProtoTypeName(int64_t type) {
  const TypeRow* row = FindType(type);
  return row ? std::string(row->name) : "unknown type " + std::to_string(type);
}

Result<MetaGraph> DecodeMetaGraph(std::string_view bytes) {
  MetaGraph meta;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        MS_RETURN_IF_ERROR(DecodeMetaInfo(reader.bytes(), &meta.ops));
        break;
      case 2:
        MS_RETURN_IF_ERROR(DecodeGraph(reader.bytes(), &meta));
        break;
      case 3: {
        MS_ASSIGN_OR_RETURN(meta.saver, DecodeSaver(reader.bytes()));
        break;
      }
      case 5: {
        MS_ASSIGN_OR_RETURN(SignatureDef signature, DecodeSignature(reader.bytes()));
        meta.signatures.push_back(std::move(signature));
        break;
      }
    }
  }
  if (!reader.ok()) return Malformed("the MetaGraphDef");
  return meta;
}

Result<std::vector<TaggedGraph>> DecodeSavedModel(std::string_view bytes) {
  std::vector<TaggedGraph> graphs;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 2) continue;
    TaggedGraph graph{{}, reader.bytes()};
    WireReader meta(graph.bytes);
    while (meta.Next()) {
      if (meta.field() != 1) continue;
      WireReader info(meta.bytes());
      while (info.Next()) {
        if (info.field() == 4) graph.tags.push_back(info.bytes());
      }
      if (!info.ok()) return Malformed("the MetaInfoDef");
    }
    if (!meta.ok()) return Malformed("the MetaGraphDef");
    graphs.push_back(std::move(graph));
  }
  if (!reader.ok()) return Malformed("the SavedModel");
  return graphs;
}

Result<FunctionBody> DecodeFunction(std::string_view bytes) {
  FunctionBody body;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: {
        MS_ASSIGN_OR_RETURN(body.signature, DecodeOp(reader.bytes()));
        break;
      }
      case 3: {
        MS_ASSIGN_OR_RETURN(NodeDef node, DecodeNode(reader.bytes()));
        body.nodes.push_back(std::move(node));
        break;
      }
      case 4:
        MS_RETURN_IF_ERROR(DecodeStringPair(reader.bytes(), &body.results));
        break;
      case 6:
        MS_RETURN_IF_ERROR(DecodeStringPair(reader.bytes(), &body.control_results));
        break;
    }
  }
  if (!reader.ok()) return Malformed("a function");
  return body;
}

Result<FunctionCall> DecodeFunctionCall(std::string_view bytes) {
  FunctionCall call;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) {
      call.name = reader.bytes();
    } else if (reader.field() == 2) {
      MS_RETURN_IF_ERROR(DecodeAttr(reader.bytes(), 2, &call.attrs));
    }
  }
  if (!reader.ok()) return Malformed("a function's name");
  return call;
}

Result<std::vector<FunctionCall>> DecodeFunctionList(std::string_view bytes) {
  std::vector<FunctionCall> calls;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 9) continue;
    MS_ASSIGN_OR_RETURN(FunctionCall call, DecodeFunctionCall(reader.bytes()));
    calls.push_back(std::move(call));
  }
  if (!reader.ok()) return Malformed("a list of functions");
  return calls;
}

Result<std::vector<int64_t>> DecodeRawDims(std::string_view bytes) {
  std::vector<int64_t> dims;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 2) continue;
    int64_t size = 0;  // an absent number is 0
    WireReader dim(reader.bytes());
    while (dim.Next()) {
      if (dim.field() == 1) size = dim.signed_number();
    }
    if (!dim.ok()) return Malformed("a dimension");
    dims.push_back(size);
  }
  if (!reader.ok()) return Malformed("a shape");
  return dims;
}

Result<Shape> DecodeShape(std::string_view bytes) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 3 && reader.number() != 0) return Shape::UnknownRank();
  }
  MS_ASSIGN_OR_RETURN(std::vector<int64_t> dims, DecodeRawDims(bytes));
  if (dims.size() > kMostDims) {
    return DataLoss("a shape has " + std::to_string(dims.size()) + " dimensions");
  }
  for (int64_t dim : dims) {
    if (dim < kUnknownDim) return DataLoss("a shape has the dimension " + std::to_string(dim));
  }
  return Shape(std::move(dims));
}

Result<std::vector<int64_t>> DecodeNumberList(std::string_view bytes) {
  std::vector<int64_t> numbers;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 3 || reader.field() == 5 || reader.field() == 6) {
      reader.AppendNumbers(&numbers);
    }
  }
  if (!reader.ok()) return Malformed("a list of numbers");
  return numbers;
}

Result<std::vector<std::string_view>> DecodeMessageList(std::string_view bytes, AttrKind kind) {
  std::vector<std::string_view> items;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == static_cast<uint32_t>(kind)) items.push_back(reader.bytes());
  }
  if (!reader.ok()) return Malformed("a list");
  return items;
}

}  // namespace midstream::tensorflow
