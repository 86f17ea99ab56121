#include "core/formats/tensorflow/function_template.h"

#include <charconv>

#include "core/formats/file.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

const AttrValue* Find(const AttrMap& attrs, const AttrMap& defaults, std::string_view name) {
  const AttrValue* value = FindAttr(attrs, name);
  return value != nullptr ? value : FindAttr(defaults, name);
}

std::vector<int64_t> Numbers(const AttrValue* list) {
  if (list == nullptr || list->kind != AttrKind::kList) return {};
  auto numbers = DecodeNumberList(list->bytes);
  return numbers.ok() ? *std::move(numbers) : std::vector<int64_t>{};
}

std::optional<uint32_t> Number(std::string_view digits) {
  uint32_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

struct OutputsRow {
  std::string_view op;
  std::string_view names;  // separated by spaces
};

constexpr OutputsRow kOutputs[] = {
    {"BlockLSTM", "i cs f o ci co h"},
    {"BlockLSTMV2", "i cs f o ci co h"},
    {"CombinedNonMaxSuppression", "nmsed_boxes nmsed_scores nmsed_classes valid_detections"},
    {"FusedBatchNorm", "y batch_mean batch_variance reserve_space_1 reserve_space_2"},
    {"FusedBatchNormV2", "y batch_mean batch_variance reserve_space_1 reserve_space_2"},
    {"FusedBatchNormV3",
     "y batch_mean batch_variance reserve_space_1 reserve_space_2 reserve_space_3"},
    {"GRUBlockCell", "r u c h"},
    {"ListDiff", "out idx"},
    {"LSTMBlockCell", "i cs f o ci co h"},
    {"MaxPoolWithArgmax", "output argmax"},
    {"Merge", "output value_index"},
    {"NonMaxSuppressionV4", "selected_indices valid_outputs"},
    {"NonMaxSuppressionV5", "selected_indices selected_scores valid_outputs"},
    {"Qr", "q r"},
    {"RefMerge", "output value_index"},
    {"RefSwitch", "output_false output_true"},
    {"SelfAdjointEigV2", "e v"},
    {"SoftmaxCrossEntropyWithLogits", "loss backprop"},
    {"SparseFillEmptyRows", "output_indices output_values empty_row_indicator reverse_index_map"},
    {"SparseReorder", "output_indices output_values"},
    {"SparseReshape", "output_indices output_shape"},
    {"SparseSlice", "output_indices output_values output_shape"},
    {"SparseSoftmaxCrossEntropyWithLogits", "loss backprop"},
    {"StatelessRandomGetKeyCounter", "key counter"},
    {"StatelessRandomGetKeyCounterAlg", "key counter alg"},
    {"Svd", "s u v"},
    {"Switch", "output_false output_true"},
    {"TensorArrayConcatV3", "value lengths"},
    {"TensorArrayV3", "handle flow"},
    {"TensorListConcat", "tensor lengths"},
    {"TensorListConcatV2", "tensor lengths"},
    {"TensorListPopBack", "output_handle tensor"},
    {"TopK", "values indices"},
    {"TopKV2", "values indices"},
    {"Unique", "y idx"},
    {"UniqueV2", "y idx"},
    {"UniqueWithCounts", "y idx count"},
    {"UniqueWithCountsV2", "y idx count"},
};

}  // namespace

std::vector<std::string_view> OutputNames(std::string_view op) {
  std::vector<std::string_view> names;
  for (const OutputsRow& row : kOutputs) {
    if (row.op != op) continue;
    std::string_view rest = row.names;
    for (size_t space; (space = rest.find(' ')) != std::string_view::npos;) {
      names.push_back(rest.substr(0, space));
      rest.remove_prefix(space + 1);
    }
    names.push_back(rest);
  }
  return names;
}

const AttrValue* FindAttr(const AttrMap& attrs, std::string_view name) {
  for (const auto& [key, value] : attrs) {
    if (key == name) return &value;
  }
  return nullptr;
}

uint64_t CountTensors(const OpDef::Arg& arg, const AttrMap& attrs, const AttrMap& defaults) {
  if (!arg.number_attr.empty()) {
    const AttrValue* value = Find(attrs, defaults, arg.number_attr);
    if (value == nullptr || value->kind != AttrKind::kInt) return 0;
    auto number = static_cast<int64_t>(value->number);
    return number > 0 && number <= UINT32_MAX ? static_cast<uint64_t>(number) : 0;
  }
  if (!arg.type_list_attr.empty()) return Numbers(Find(attrs, defaults, arg.type_list_attr)).size();
  return 1;
}

std::vector<int64_t> TensorTypes(const OpDef::Arg& arg, uint64_t count, const AttrMap& attrs,
                                 const AttrMap& defaults) {
  if (!arg.type_list_attr.empty()) return Numbers(Find(attrs, defaults, arg.type_list_attr));
  int64_t type = arg.type;
  if (!arg.type_attr.empty()) {
    const AttrValue* value = Find(attrs, defaults, arg.type_attr);
    bool known = value != nullptr && value->kind == AttrKind::kType;
    type = known ? static_cast<int64_t>(value->number) : 0;
  }
  return std::vector<int64_t>(count, type);
}

Result<FunctionTemplate> FunctionTemplate::Make(const FunctionDef& function) {
  FunctionTemplate made;
  made.name = function.name;
  auto body = DecodeFunction(function.bytes);
  if (!body.ok()) return body.status().WithContext("function " + Quoted(function.name));
  made.body = *std::move(body);
  for (uint32_t i = 0; i < made.body.signature.inputs.size(); ++i) {
    made.arguments.emplace(made.body.signature.inputs[i].name, i);
  }
  for (uint32_t i = 0; i < made.body.nodes.size(); ++i) {
    std::string_view name = made.body.nodes[i].name;
    if (!made.nodes.emplace(name, i).second) {
      return DataLoss("function " + Quoted(function.name) + " has two nodes named " + Quoted(name));
    }
  }
  return made;
}

BodyRef ParseBodyRef(std::string_view text) {
  BodyRef ref;
  size_t colon = text.find(':');
  ref.name = text.substr(0, colon);
  if (colon == std::string_view::npos) return ref;
  std::string_view rest = text.substr(colon + 1);
  size_t second = rest.find(':');
  if (second == std::string_view::npos) {
    ref.index = Number(rest);
    if (!ref.index) ref.output = rest;
    return ref;
  }
  ref.output = rest.substr(0, second);
  ref.index = Number(rest.substr(second + 1));
  return ref;
}

}  // namespace midstream::tensorflow
