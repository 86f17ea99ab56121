#include "core/formats/tensorflow/text_schema.h"

namespace midstream::tensorflow {
namespace {

using enum TextType;

constexpr TextField Of(std::string_view name, uint32_t number, TextMessage message) {
  return {name, number, kMessage, message};
}

constexpr TextField kSavedModelFields[] = {
    {"saved_model_schema_version", 1, kInt},
    Of("meta_graphs", 2, TextMessage::kMetaGraphDef),
};
constexpr TextField kMetaGraphDefFields[] = {
    Of("meta_info_def", 1, TextMessage::kMetaInfoDef),
    Of("graph_def", 2, TextMessage::kGraphDef),
    Of("saver_def", 3, TextMessage::kSaverDef),
    Of("collection_def", 4, TextMessage::kCollectionEntry),
    Of("signature_def", 5, TextMessage::kSignatureEntry),
    Of("object_graph_def", 7, TextMessage::kSavedObjectGraph),
};
constexpr TextField kMetaInfoDefFields[] = {
    {"meta_graph_version", 1, kString},
    Of("stripped_op_list", 2, TextMessage::kOpList),
    {"tags", 4, kString},
    {"tensorflow_version", 5, kString},
    {"stripped_default_attrs", 7, kBool},
};
constexpr TextField kOpListFields[] = {
    Of("op", 1, TextMessage::kOpDef),
};
constexpr TextField kOpDefFields[] = {
    {"name", 1, kString},
    Of("input_arg", 2, TextMessage::kArgDef),
    Of("output_arg", 3, TextMessage::kArgDef),
    {"control_output", 20, kString},
    Of("attr", 4, TextMessage::kAttrDef),
    {"is_stateful", 17, kBool},
    {"allows_uninitialized_input", 19, kBool},
};
constexpr TextField kArgDefFields[] = {
    {"name", 1, kString},        {"type", 3, kDataType},         {"type_attr", 4, kString},
    {"number_attr", 5, kString}, {"type_list_attr", 6, kString}, {"is_ref", 16, kBool},
};
constexpr TextField kTensorShapeProtoFields[] = {
    Of("dim", 2, TextMessage::kDim),
    {"unknown_rank", 3, kBool},
};
constexpr TextField kDimFields[] = {
    {"size", 1, kInt},
    {"name", 2, kString},
};
constexpr TextField kAttrDefFields[] = {
    {"name", 1, kString},
    {"type", 2, kString},
    Of("default_value", 3, TextMessage::kAttrValue),
    {"has_minimum", 5, kBool},
    {"minimum", 6, kInt},
    Of("allowed_values", 7, TextMessage::kAttrValue),
};
constexpr TextField kAttrValueFields[] = {
    {"s", 2, kString},
    {"i", 3, kInt},
    {"f", 4, kFloat},
    {"b", 5, kBool},
    {"type", 6, kDataType},
    Of("shape", 7, TextMessage::kTensorShapeProto),
    Of("tensor", 8, TextMessage::kTensorProto),
    Of("list", 1, TextMessage::kListValue),
    Of("func", 10, TextMessage::kNameAttrList),
    {"placeholder", 9, kString},
};
constexpr TextField kTensorProtoFields[] = {
    {"dtype", 1, kDataType},       Of("tensor_shape", 2, TextMessage::kTensorShapeProto),
    {"version_number", 3, kInt},   {"tensor_content", 4, kString},
    {"half_val", 13, kInt},        {"float_val", 5, kFloat},
    {"double_val", 6, kDouble},    {"int_val", 7, kInt},
    {"string_val", 8, kString},    {"scomplex_val", 9, kFloat},
    {"int64_val", 10, kInt},       {"bool_val", 11, kBool},
    {"dcomplex_val", 12, kDouble}, {"uint32_val", 16, kInt},
    {"uint64_val", 17, kInt},      {"float8_val", 18, kString},
};
constexpr TextField kListValueFields[] = {
    {"s", 2, kString},
    {"i", 3, kInt},
    {"f", 4, kFloat},
    {"b", 5, kBool},
    {"type", 6, kDataType},
    Of("shape", 7, TextMessage::kTensorShapeProto),
    Of("tensor", 8, TextMessage::kTensorProto),
    Of("func", 9, TextMessage::kNameAttrList),
};
constexpr TextField kNameAttrListFields[] = {
    {"name", 1, kString},
    Of("attr", 2, TextMessage::kAttrEntry),
};
constexpr TextField kAttrEntryFields[] = {
    {"key", 1, kString},
    Of("value", 2, TextMessage::kAttrValue),
};
constexpr TextField kGraphDefFields[] = {
    Of("node", 1, TextMessage::kNodeDef),
    Of("versions", 4, TextMessage::kVersionDef),
    {"version", 3, kInt},
    Of("library", 2, TextMessage::kFunctionDefLibrary),
};
constexpr TextField kNodeDefFields[] = {
    {"name", 1, kString},
    {"op", 2, kString},
    {"input", 3, kString},
    {"device", 4, kString},
    Of("attr", 5, TextMessage::kAttrEntry),
};
constexpr TextField kVersionDefFields[] = {
    {"producer", 1, kInt},
    {"min_consumer", 2, kInt},
    {"bad_consumers", 3, kInt},
};
constexpr TextField kFunctionDefLibraryFields[] = {
    Of("function", 1, TextMessage::kFunctionDef),
};
constexpr TextField kFunctionDefFields[] = {
    Of("signature", 1, TextMessage::kOpDef),       Of("attr", 5, TextMessage::kAttrEntry),
    Of("arg_attr", 7, TextMessage::kArgAttrEntry), Of("node_def", 3, TextMessage::kNodeDef),
    Of("ret", 4, TextMessage::kStringEntry),       Of("control_ret", 6, TextMessage::kStringEntry),
};
constexpr TextField kArgAttrEntryFields[] = {
    {"key", 1, kInt},
    Of("value", 2, TextMessage::kArgAttrs),
};
constexpr TextField kArgAttrsFields[] = {
    Of("attr", 1, TextMessage::kAttrEntry),
};
constexpr TextField kStringEntryFields[] = {
    {"key", 1, kString},
    {"value", 2, kString},
};
constexpr TextField kSaverDefFields[] = {
    {"filename_tensor_name", 1, kString},
    {"save_tensor_name", 2, kString},
    {"restore_op_name", 3, kString},
    {"max_to_keep", 4, kInt},
    {"sharded", 5, kBool},
    {"keep_checkpoint_every_n_hours", 6, kFloat},
};
constexpr TextField kCollectionEntryFields[] = {
    {"key", 1, kString},
    Of("value", 2, TextMessage::kCollectionDef),
};
constexpr TextField kCollectionDefFields[] = {
    Of("node_list", 1, TextMessage::kNodeList),
    Of("bytes_list", 2, TextMessage::kBytesList),
    Of("int64_list", 3, TextMessage::kInt64List),
    Of("float_list", 4, TextMessage::kFloatList),
};
constexpr TextField kNodeListFields[] = {
    {"value", 1, kString},
};
constexpr TextField kBytesListFields[] = {
    {"value", 1, kString},
};
constexpr TextField kInt64ListFields[] = {
    {"value", 1, kInt},
};
constexpr TextField kFloatListFields[] = {
    {"value", 1, kFloat},
};
constexpr TextField kSignatureEntryFields[] = {
    {"key", 1, kString},
    Of("value", 2, TextMessage::kSignatureDef),
};
constexpr TextField kSignatureDefFields[] = {
    Of("inputs", 1, TextMessage::kTensorInfoEntry),
    Of("outputs", 2, TextMessage::kTensorInfoEntry),
    {"method_name", 3, kString},
};
constexpr TextField kTensorInfoEntryFields[] = {
    {"key", 1, kString},
    Of("value", 2, TextMessage::kTensorInfo),
};
constexpr TextField kTensorInfoFields[] = {
    {"name", 1, kString},
    {"dtype", 2, kDataType},
    Of("tensor_shape", 3, TextMessage::kTensorShapeProto),
};
constexpr TextField kSavedObjectGraphFields[] = {
    Of("nodes", 1, TextMessage::kSavedObject),
    Of("concrete_functions", 2, TextMessage::kConcreteFunctionEntry),
};
constexpr TextField kSavedObjectFields[] = {
    Of("children", 1, TextMessage::kObjectReference),
    Of("dependencies", 15, TextMessage::kObjectReference),
    Of("slot_variables", 3, TextMessage::kSlotVariableReference),
    Of("user_object", 4, TextMessage::kSavedUserObject),
    Of("function", 6, TextMessage::kSavedFunction),
    Of("variable", 7, TextMessage::kSavedVariable),
    Of("bare_concrete_function", 8, TextMessage::kSavedBareConcreteFunction),
    Of("constant", 9, TextMessage::kSavedConstant),
    Of("resource", 10, TextMessage::kSavedResource),
    Of("captured_tensor", 12, TextMessage::kCapturedTensor),
    Of("saveable_objects", 11, TextMessage::kSaveableEntry),
    {"registered_name", 13, kString},
    {"registered_saver", 16, kString},
};
constexpr TextField kObjectReferenceFields[] = {
    {"node_id", 1, kInt},
    {"local_name", 2, kString},
};
constexpr TextField kSlotVariableReferenceFields[] = {
    {"original_variable_node_id", 1, kInt},
    {"slot_name", 2, kString},
    {"slot_variable_node_id", 3, kInt},
};
constexpr TextField kSavedUserObjectFields[] = {
    {"identifier", 1, kString},
    Of("version", 2, TextMessage::kVersionDef),
    {"metadata", 3, kString},
};
constexpr TextField kSavedFunctionFields[] = {
    {"concrete_functions", 1, kString},
};
constexpr TextField kSavedVariableFields[] = {
    {"dtype", 1, kDataType},
    Of("shape", 2, TextMessage::kTensorShapeProto),
    {"trainable", 3, kBool},
    {"name", 6, kString},
    {"device", 7, kString},
    Of("experimental_distributed_variable_components", 8, TextMessage::kSavedVariable),
};
constexpr TextField kSavedBareConcreteFunctionFields[] = {
    {"concrete_function_name", 1, kString},
    {"argument_keywords", 2, kString},
    {"allowed_positional_arguments", 3, kInt},
};
constexpr TextField kSavedConstantFields[] = {
    {"operation", 1, kString},
};
constexpr TextField kSavedResourceFields[] = {
    {"device", 1, kString},
};
constexpr TextField kCapturedTensorFields[] = {
    {"name", 1, kString},
    {"concrete_function", 2, kString},
};
constexpr TextField kSaveableEntryFields[] = {
    {"key", 1, kString},
    Of("value", 2, TextMessage::kSaveableObject),
};
constexpr TextField kSaveableObjectFields[] = {
    {"save_function", 2, kInt},
    {"restore_function", 3, kInt},
};
constexpr TextField kConcreteFunctionEntryFields[] = {
    {"key", 1, kString},
    Of("value", 2, TextMessage::kSavedConcreteFunction),
};
constexpr TextField kSavedConcreteFunctionFields[] = {
    {"bound_inputs", 2, kInt},
};
constexpr TextField kCheckpointStateFields[] = {
    {"model_checkpoint_path", 1, kString},
    {"all_model_checkpoint_paths", 2, kString},
    {"all_model_checkpoint_timestamps", 3, kDouble},
    {"last_preserved_timestamp", 4, kDouble},
};

// In the order of tensorflow.DataType, from 0.
constexpr std::string_view kDataTypes[] = {
    "DT_INVALID",    "DT_FLOAT",  "DT_DOUBLE",    "DT_INT32",   "DT_UINT8",   "DT_INT16",
    "DT_INT8",       "DT_STRING", "DT_COMPLEX64", "DT_INT64",   "DT_BOOL",    "DT_QINT8",
    "DT_QUINT8",     "DT_QINT32", "DT_BFLOAT16",  "DT_QINT16",  "DT_QUINT16", "DT_UINT16",
    "DT_COMPLEX128", "DT_HALF",   "DT_RESOURCE",  "DT_VARIANT", "DT_UINT32",  "DT_UINT64",
};
constexpr int64_t kRefOffset = 100;

}  // namespace

std::span<const TextField> FieldsOf(TextMessage message) {
  switch (message) {
    case TextMessage::kSavedModel:
      return kSavedModelFields;
    case TextMessage::kMetaGraphDef:
      return kMetaGraphDefFields;
    case TextMessage::kMetaInfoDef:
      return kMetaInfoDefFields;
    case TextMessage::kOpList:
      return kOpListFields;
    case TextMessage::kOpDef:
      return kOpDefFields;
    case TextMessage::kArgDef:
      return kArgDefFields;
    case TextMessage::kTensorShapeProto:
      return kTensorShapeProtoFields;
    case TextMessage::kDim:
      return kDimFields;
    case TextMessage::kAttrDef:
      return kAttrDefFields;
    case TextMessage::kAttrValue:
      return kAttrValueFields;
    case TextMessage::kTensorProto:
      return kTensorProtoFields;
    case TextMessage::kListValue:
      return kListValueFields;
    case TextMessage::kNameAttrList:
      return kNameAttrListFields;
    case TextMessage::kAttrEntry:
      return kAttrEntryFields;
    case TextMessage::kGraphDef:
      return kGraphDefFields;
    case TextMessage::kNodeDef:
      return kNodeDefFields;
    case TextMessage::kVersionDef:
      return kVersionDefFields;
    case TextMessage::kFunctionDefLibrary:
      return kFunctionDefLibraryFields;
    case TextMessage::kFunctionDef:
      return kFunctionDefFields;
    case TextMessage::kArgAttrEntry:
      return kArgAttrEntryFields;
    case TextMessage::kArgAttrs:
      return kArgAttrsFields;
    case TextMessage::kStringEntry:
      return kStringEntryFields;
    case TextMessage::kSaverDef:
      return kSaverDefFields;
    case TextMessage::kCollectionEntry:
      return kCollectionEntryFields;
    case TextMessage::kCollectionDef:
      return kCollectionDefFields;
    case TextMessage::kNodeList:
      return kNodeListFields;
    case TextMessage::kBytesList:
      return kBytesListFields;
    case TextMessage::kInt64List:
      return kInt64ListFields;
    case TextMessage::kFloatList:
      return kFloatListFields;
    case TextMessage::kSignatureEntry:
      return kSignatureEntryFields;
    case TextMessage::kSignatureDef:
      return kSignatureDefFields;
    case TextMessage::kTensorInfoEntry:
      return kTensorInfoEntryFields;
    case TextMessage::kTensorInfo:
      return kTensorInfoFields;
    case TextMessage::kSavedObjectGraph:
      return kSavedObjectGraphFields;
    case TextMessage::kSavedObject:
      return kSavedObjectFields;
    case TextMessage::kObjectReference:
      return kObjectReferenceFields;
    case TextMessage::kSlotVariableReference:
      return kSlotVariableReferenceFields;
    case TextMessage::kSavedUserObject:
      return kSavedUserObjectFields;
    case TextMessage::kSavedFunction:
      return kSavedFunctionFields;
    case TextMessage::kSavedVariable:
      return kSavedVariableFields;
    case TextMessage::kSavedBareConcreteFunction:
      return kSavedBareConcreteFunctionFields;
    case TextMessage::kSavedConstant:
      return kSavedConstantFields;
    case TextMessage::kSavedResource:
      return kSavedResourceFields;
    case TextMessage::kCapturedTensor:
      return kCapturedTensorFields;
    case TextMessage::kSaveableEntry:
      return kSaveableEntryFields;
    case TextMessage::kSaveableObject:
      return kSaveableObjectFields;
    case TextMessage::kConcreteFunctionEntry:
      return kConcreteFunctionEntryFields;
    case TextMessage::kSavedConcreteFunction:
      return kSavedConcreteFunctionFields;
    case TextMessage::kCheckpointState:
      return kCheckpointStateFields;
  }
  return {};
}

std::optional<int64_t> DataTypeNumber(std::string_view name) {
  constexpr std::string_view kRef = "_REF";
  const bool ref = name.ends_with(kRef);
  if (ref) name.remove_suffix(kRef.size());
  for (size_t i = 0; i < std::size(kDataTypes); ++i) {
    if (kDataTypes[i] == name) return static_cast<int64_t>(i) + (ref ? kRefOffset : 0);
  }
  return std::nullopt;
}

}  // namespace midstream::tensorflow
