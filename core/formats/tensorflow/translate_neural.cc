// Matrix products, biases and normalisation.
#include "core/formats/tensorflow/layout.h"
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

ValueId TransposeMatrix(OpContext& context, size_t input) {
  return context.Helper("Transpose", "transpose" + std::to_string(input), {context.input(input)},
                        {{"perm", std::vector<int64_t>{1, 0}}});
}

Status MatMul(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  ValueId a = context.Bool("transpose_a", false) ? TransposeMatrix(context, 0) : context.input(0);
  ValueId b = context.Bool("transpose_b", false) ? TransposeMatrix(context, 1) : context.input(1);
  return context.Emit("MatMul", {a, b});
}

// The last two axes of a batch of matrices swapped, as adj_x and adj_y ask (numbers are real here).
Result<ValueId> Adjoint(OpContext& context, size_t input) {
  const Shape& shape = context.shape(input);
  if (!shape.rank_known()) return context.Unsupported("transposes a matrix of unknown rank");
  if (shape.rank() < 2) return context.Invalid("transposes a tensor that is no matrix");
  std::vector<int64_t> perm(shape.rank());
  for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return context.Helper("Transpose", "transpose" + std::to_string(input), {context.input(input)},
                        {{"perm", perm}});
}

Status BatchMatMul(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  ValueId a = context.input(0);
  ValueId b = context.input(1);
  if (context.Bool("adj_x", false)) {
    MS_ASSIGN_OR_RETURN(a, Adjoint(context, 0));
  }
  if (context.Bool("adj_y", false)) {
    MS_ASSIGN_OR_RETURN(b, Adjoint(context, 1));
  }
  return context.Emit("MatMul", {a, b});
}

Status BiasAdd(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  if (context.String("data_format", "NHWC") != "NCHW") {
    return context.Emit("Add", context.inputs());
  }
  // Channels are axis 1: the bias gets a trailing 1 for every axis behind it.
  const Shape& shape = context.shape(0);
  if (!shape.rank_known()) return context.Unsupported("adds a bias to axis 1 of an unknown rank");
  if (shape.rank() < 2) return context.Invalid("adds a bias to axis 1 of a vector");
  std::vector<int64_t> column(shape.rank() - 1, 1);
  column[0] = -1;
  ValueId bias =
      context.Helper("Reshape", "bias", {context.input(1), context.Ints("bias_shape", column)});
  return context.Emit("Add", {context.input(0), bias});
}

// By the statistics of the batch (is_training=True), in float32 where the parameters are. The
// variance that is returned is the unbiased one, as for a moving average.
Status TrainingBatchNorm(OpContext& context, Layout layout) {
  const Shape& shape = context.shape(0);
  if (!shape.rank_known() || shape.rank() != 4) {
    return context.Unsupported("normalises something else than images by their statistics");
  }
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  DType real = dtype == DType::kF64 ? dtype : DType::kF32;
  bool last = layout == Layout::kChannelsLast;
  ValueId x = dtype == real ? context.input(0) : context.CastTo("float", context.input(0), real);
  ValueId axes =
      context.Ints("axes", last ? std::vector<int64_t>{0, 1, 2} : std::vector<int64_t>{0, 2, 3});
  auto spread = [&](const std::string& suffix, ValueId value) {
    if (last) return value;
    return context.Helper("Unsqueeze", suffix + "_nchw",
                          {value, context.Ints(suffix + "_axes", {1, 2})});
  };
  ValueId mean = context.Helper("ReduceMean", "mean", {x, axes}, {{"keepdims", int64_t{0}}});
  ValueId centered = context.Helper("Sub", "centered", {x, spread("mean", mean)});
  ValueId square = context.Helper("Mul", "square", {centered, centered});
  ValueId variance =
      context.Helper("ReduceMean", "variance", {square, axes}, {{"keepdims", int64_t{0}}});
  ValueId epsilon = context.Scalar("epsilon", real, double{context.Float("epsilon", 1e-4f)});
  ValueId root = context.Helper("Sqrt", "deviation",
                                {context.Helper("Add", "variance_epsilon", {variance, epsilon})});
  ValueId scale = context.Helper("Div", "scale", {context.input(1), root});
  ValueId scaled = context.Helper("Mul", "scaled", {centered, spread("scale", scale)});
  ValueId y = context.Helper("Add", "y", {scaled, spread("offset", context.input(2))});
  if (dtype != real) y = context.CastTo("cast", y, dtype);
  // Mixing with what was there before is for training.
  if (context.Float("exponential_avg_factor", 1.0f) != 1.0f) return context.ReturnAll({y});
  // n / (n - 1), with n = elements of x per channel.
  ValueId counts = context.Helper("Gather", "counts",
                                  {context.Helper("Shape", "shape", {context.input(0)}), axes});
  ValueId number = context.Helper("ReduceProd", "number", {counts}, {{"keepdims", int64_t{0}}});
  ValueId n = context.CastTo("n", number, real);
  ValueId one = context.Scalar("one", real, 1);
  ValueId less = context.Helper("Max", "n_less", {context.Helper("Sub", "n_1", {n, one}), one});
  ValueId unbiased =
      context.Helper("Mul", "unbiased", {variance, context.Helper("Div", "correction", {n, less})});
  return context.ReturnAll({y, mean, unbiased});
}

// Inputs x, scale, offset, mean, variance. Outputs y, mean, variance; those behind are for gradients.
Status FusedBatchNorm(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(5));
  MS_ASSIGN_OR_RETURN(Layout layout, DataFormat(context));
  if (context.Bool("is_training", true)) return TrainingBatchNorm(context, layout);
  Attributes attrs = {{"epsilon", double{context.Float("epsilon", 1e-4f)}}};
  std::vector<ValueId> inputs = context.inputs();
  if (layout == Layout::kChannelsFirst) {
    return context.Emit("BatchNormalization", std::move(inputs), std::move(attrs));
  }
  inputs[0] = ToChannelsFirst(context, "nchw", inputs[0]);
  return EmitChannelsLast(
      context, context.Helper("BatchNormalization", "norm", std::move(inputs), std::move(attrs)));
}

// TensorFlow divides the sum of squares by nothing, ONNX by the number of channels that it spans.
Status Lrn(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  int64_t radius = context.Int("depth_radius", 5);
  if (radius < 0 || radius > 1 << 20) return context.Invalid("has a senseless depth_radius");
  int64_t size = 2 * radius + 1;
  double alpha = double{context.Float("alpha", 1.0f)} * static_cast<double>(size);
  Attributes attrs = {{"size", size},
                      {"alpha", alpha},
                      {"beta", double{context.Float("beta", 0.5f)}},
                      {"bias", double{context.Float("bias", 1.0f)}}};
  ValueId x = ToChannelsFirst(context, "nchw", context.input(0));
  return EmitChannelsLast(context, context.Helper("LRN", "lrn", {x}, std::move(attrs)));
}

}  // namespace

void AddNeuralTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"MatMul", MatMul},
                               {"BatchMatMul", BatchMatMul},
                               {"BatchMatMulV2", BatchMatMul},
                               {"BatchMatMulV3", BatchMatMul},
                               {"BiasAdd", BiasAdd},
                               {"BiasAddV1", BiasAdd},
                               {"FusedBatchNorm", FusedBatchNorm},
                               {"FusedBatchNormV2", FusedBatchNorm},
                               {"FusedBatchNormV3", FusedBatchNorm},
                               {"LRN", Lrn}});
}

}  // namespace midstream::tensorflow
