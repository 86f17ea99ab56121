// Translation of TensorFlow nodes into the engine's graph, operator by operator.
//
// Each operator has one function; it gets an OpContext with the node's inputs as values of the
// graph being built, and emits ONNX nodes. The value that stands for a TensorFlow tensor has that
// tensor's name; helpers around it (transposes, casts) have the name and a suffix after a slash.
//
// A function never trusts the node: attributes may be absent or senseless. What it cannot express
// it reports with Unsupported(), and the importer lists all of those in one error.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_TRANSLATE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_TRANSLATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/tf_graph.h"
#include "core/graph/graph.h"

namespace midstream::tensorflow {

class OpContext {
 public:
  // `inputs` and `shapes` (what is known of them) are parallel. `random_key` is the model's input
  // for random numbers, kNoValue until a node asks for it.
  OpContext(const TfGraph& source, const NodeDef& node, Graph* graph, std::vector<ValueId> inputs,
            std::vector<Shape> shapes, ValueId* random_key)
      : source_(source),
        node_(node),
        graph_(*graph),
        random_key_(*random_key),
        inputs_(std::move(inputs)),
        shapes_(std::move(shapes)) {}

  const NodeDef& node() const { return node_; }
  std::string_view op() const { return node_.op; }
  std::string name() const { return std::string(node_.name); }

  size_t input_count() const { return inputs_.size(); }
  ValueId input(size_t i) const { return inputs_[i]; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const Shape& shape(size_t i) const { return shapes_[i]; }
  // Errors: INVALID_ARGUMENT unless the node has `n` inputs.
  Status ExpectInputs(size_t n) const;

  int64_t Int(std::string_view attr, int64_t fallback) const {
    return source_.Int(node_, attr, fallback);
  }
  float Float(std::string_view attr, float fallback) const {
    return source_.Float(node_, attr, fallback);
  }
  bool Bool(std::string_view attr, bool fallback) const {
    return source_.Bool(node_, attr, fallback);
  }
  std::string_view String(std::string_view attr, std::string_view fallback) const {
    return source_.String(node_, attr, fallback);
  }
  std::vector<int64_t> Ints(std::string_view attr) const { return source_.Ints(node_, attr); }
  // Errors: UNIMPLEMENTED for a type that the engine does not have.
  Result<DType> Type(std::string_view attr) const;
  const AttrValue* TensorAttr(std::string_view attr) const {
    return source_.Attr(node_, attr, AttrKind::kTensor);
  }
  Shape ShapeAttr(std::string_view attr) const { return source_.ShapeOf(node_, attr); }

  // The integers of input i if it is a constant of the model, or a vector or scalar that constants
  // and known shapes determine (known_ints.h).
  std::optional<std::vector<int64_t>> ConstantInts(size_t i) const;
  // The one integer of input i. Errors: UNIMPLEMENTED when it is not a constant.
  Result<int64_t> ConstantInt(size_t i, std::string_view what) const;
  // Input i as int64, which ONNX wants for shapes, axes and indices.
  ValueId AsInt64(size_t i);

  // Constants are named after the node and `suffix`.
  ValueId Ints(std::string_view suffix, const std::vector<int64_t>& values);
  ValueId Scalar(std::string_view suffix, DType dtype, double value);

  // A node whose output is a helper, named after the node and `suffix`.
  ValueId Helper(std::string_view op, std::string_view suffix, std::vector<ValueId> inputs,
                 Attributes attrs = {});
  ValueId CastTo(std::string_view suffix, ValueId value, DType dtype);
  // The key that each request brings for the random numbers of the model.
  ValueId RandomKey();

  // The node's output 0 is made by this ONNX node, or is the value itself.
  Status Emit(std::string_view op, std::vector<ValueId> inputs, Attributes attrs = {});
  Status EmitCast(ValueId value, DType dtype);
  Status Return(ValueId value);
  // All outputs of the node, in order.
  Status ReturnAll(std::vector<ValueId> values);

  Graph& graph() { return graph_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }

  Status Unsupported(std::string_view what) const;  // UNIMPLEMENTED
  Status Invalid(std::string_view what) const;      // INVALID_ARGUMENT, naming the node

 private:
  const TfGraph& source_;
  const NodeDef& node_;
  Graph& graph_;
  ValueId& random_key_;
  std::vector<ValueId> inputs_;
  std::vector<Shape> shapes_;
  std::vector<ValueId> outputs_;
};

using Translation = Status (*)(OpContext& context);

// nullptr for an operator that is not supported.
Translation FindTranslation(std::string_view op);

// Value of ONNX attributes that name a dtype.
int64_t OnnxType(DType dtype);

// The tables of operators, one for each file translate_*.cc.
using TranslationTable = std::vector<std::pair<std::string_view, Translation>>;
void AddMathTranslations(TranslationTable* table);
void AddReduceTranslations(TranslationTable* table);
void AddNeuralTranslations(TranslationTable* table);
void AddWindowTranslations(TranslationTable* table);
void AddShapeTranslations(TranslationTable* table);
void AddSliceTranslations(TranslationTable* table);
void AddChoiceTranslations(TranslationTable* table);
void AddRandomTranslations(TranslationTable* table);
void AddSpecialTranslations(TranslationTable* table);
void AddIndexTranslations(TranslationTable* table);
void AddMatrixTranslations(TranslationTable* table);
void AddEinsumTranslations(TranslationTable* table);
void AddBlockTranslations(TranslationTable* table);
void AddResizeTranslations(TranslationTable* table);
void AddRecurrentTranslations(TranslationTable* table);
void AddDeconvolutionTranslations(TranslationTable* table);
void AddPartitionTranslations(TranslationTable* table);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_TRANSLATE_H_
