// Random numbers. The engine's operators have no state: each request brings a key (OpContext::
// RandomKey), and each node draws from a stream of its own, named after it. TensorFlow's numbers
// come from a state that sessions keep, so they are drawn from the same distribution but are other
// numbers; those of StatelessRandom* depend on the seed alone and are the same.
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

// FNV-1a of the node's name: it does not change with what else is fetched.
int64_t Stream(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return static_cast<int64_t>(hash);
}

bool IsStateless(const OpContext& context) { return context.op().starts_with("Stateless"); }

ValueId Key(OpContext& context) {
  return IsStateless(context) ? context.AsInt64(1) : context.RandomKey();
}

Attributes StreamOf(const OpContext& context) {
  if (IsStateless(context)) return {};
  return {{"stream", Stream(context.name())}};
}

Status Floats(OpContext& context, std::string_view onnx, bool truncated) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(IsStateless(context) ? 2 : 1));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("dtype"));
  Attributes attrs = StreamOf(context);
  attrs.emplace("dtype", OnnxType(dtype));
  if (truncated) attrs.emplace("truncated", int64_t{1});
  ValueId shape = context.AsInt64(0);
  ValueId key = Key(context);
  return context.Return(context.graph().Add(std::string(onnx), context.name(), {shape, key},
                                            std::move(attrs), std::string(kMidstreamDomain)));
}

Status Uniform(OpContext& context) { return Floats(context, "RandomUniform", false); }
Status Normal(OpContext& context) { return Floats(context, "RandomNormal", false); }
Status TruncatedNormal(OpContext& context) { return Floats(context, "RandomNormal", true); }

Status UniformInt(OpContext& context) {
  size_t bounds = IsStateless(context) ? 2 : 1;
  MS_RETURN_IF_ERROR(context.ExpectInputs(bounds + 2));
  ValueId shape = context.AsInt64(0);
  ValueId key = Key(context);
  return context.Return(
      context.graph().Add("RandomUniformInt", context.name(),
                          {shape, key, context.input(bounds), context.input(bounds + 1)},
                          StreamOf(context), std::string(kMidstreamDomain)));
}

// Samples of the classes [batch, classes] by Gumbel's trick: the largest of logits - log(-log(u)).
Status Multinomial(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(2));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  MS_ASSIGN_OR_RETURN(DType output, context.Type("output_dtype"));
  DType real = dtype == DType::kF64 ? dtype : DType::kF32;
  ValueId logits =
      dtype == real ? context.input(0) : context.CastTo("logits", context.input(0), real);
  ValueId dims = context.Helper("Shape", "shape", {context.input(0)});
  ValueId one = context.Ints("one", {1});
  ValueId count = context.Helper("Reshape", "count", {context.AsInt64(1), one});
  ValueId batch = context.Helper("Gather", "batch", {dims, context.Ints("first", {0})});
  ValueId classes = context.Helper("Gather", "classes", {dims, one});
  ValueId shape =
      context.Helper("Concat", "samples", {batch, count, classes}, {{"axis", int64_t{0}}});
  ValueId uniform = context.graph().Add(
      "RandomUniform", context.name() + "/uniform", {shape, context.RandomKey()},
      {{"stream", Stream(context.name())}, {"dtype", OnnxType(real)}},
      std::string(kMidstreamDomain));
  ValueId inner = context.Helper("Neg", "neg", {context.Helper("Log", "log", {uniform})});
  ValueId noise = context.Helper("Log", "noise", {inner});
  ValueId rows = context.Helper("Unsqueeze", "rows", {logits, one});
  ValueId scores = context.Helper("Sub", "scores", {rows, noise});
  Attributes attrs = {{"axis", int64_t{2}}, {"keepdims", int64_t{0}}};
  if (output == DType::kI64) return context.Emit("ArgMax", {scores}, std::move(attrs));
  return context.EmitCast(context.Helper("ArgMax", "class", {scores}, std::move(attrs)), output);
}

}  // namespace

void AddRandomTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"RandomUniform", Uniform},
                               {"RandomStandardNormal", Normal},
                               {"TruncatedNormal", TruncatedNormal},
                               {"RandomUniformInt", UniformInt},
                               {"Multinomial", Multinomial},
                               {"StatelessRandomUniform", Uniform},
                               {"StatelessRandomNormal", Normal},
                               {"StatelessTruncatedNormal", TruncatedNormal},
                               {"StatelessRandomUniformInt", UniformInt}});
}

}  // namespace midstream::tensorflow
