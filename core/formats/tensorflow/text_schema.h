// The fields of TensorFlow's messages by name: what reading their text form takes. Fields that no
// reader of the encoded form looks at may be missing.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_SCHEMA_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_SCHEMA_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace midstream::tensorflow {

enum class TextMessage : uint8_t {
  kSavedModel,
  kMetaGraphDef,
  kMetaInfoDef,
  kOpList,
  kOpDef,
  kArgDef,
  kTensorShapeProto,
  kDim,
  kAttrDef,
  kAttrValue,
  kTensorProto,
  kListValue,
  kNameAttrList,
  kAttrEntry,
  kGraphDef,
  kNodeDef,
  kVersionDef,
  kFunctionDefLibrary,
  kFunctionDef,
  kArgAttrEntry,
  kArgAttrs,
  kStringEntry,
  kSaverDef,
  kCollectionEntry,
  kCollectionDef,
  kNodeList,
  kBytesList,
  kInt64List,
  kFloatList,
  kSignatureEntry,
  kSignatureDef,
  kTensorInfoEntry,
  kTensorInfo,
  kSavedObjectGraph,
  kSavedObject,
  kObjectReference,
  kSlotVariableReference,
  kSavedUserObject,
  kSavedFunction,
  kSavedVariable,
  kSavedBareConcreteFunction,
  kSavedConstant,
  kSavedResource,
  kCapturedTensor,
  kSaveableEntry,
  kSaveableObject,
  kConcreteFunctionEntry,
  kSavedConcreteFunction,
  kCheckpointState,
};

enum class TextType : uint8_t { kInt, kBool, kFloat, kDouble, kString, kDataType, kMessage };

struct TextField {
  std::string_view name;
  uint32_t number = 0;
  TextType type = TextType::kInt;
  TextMessage message = TextMessage::kSavedModel;  // of kMessage
};

std::span<const TextField> FieldsOf(TextMessage message);

// The number of a tensorflow.DataType by its name, DT_FLOAT_REF for example.
std::optional<int64_t> DataTypeNumber(std::string_view name);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TEXT_SCHEMA_H_
