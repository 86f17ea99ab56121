// Cells of recurrent networks that TensorFlow has as one operator, as products and gates.
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kMostSteps = 4096;  // of a sequence that is written out

// One LSTM cell, made once for each step.
class LstmCell {
 public:
  struct Weights {
    ValueId w, wci, wcf, wco, b;
  };
  struct Step {
    ValueId i, cs, f, o, ci, co, h;
  };

  // second_is_forget: the gates are i, f, ci, o rather than i, ci, f, o.
  LstmCell(OpContext* context, const Weights& weights, DType dtype, double forget_bias, double clip,
           bool second_is_forget)
      : context_(*context),
        weights_(weights),
        dtype_(dtype),
        forget_bias_(forget_bias),
        clip_(clip),
        second_is_forget_(second_is_forget),
        peephole_(context->Bool("use_peephole", false)) {}

  Step Make(const std::string& prefix, ValueId x, ValueId cs_prev, ValueId h_prev) {
    prefix_ = prefix;
    ValueId joined = Helper("Concat", "xh", {x, h_prev}, {{"axis", int64_t{1}}});
    ValueId product = Helper("MatMul", "product", {joined, weights_.w});
    ValueId gates = Helper("Add", "gates", {product, weights_.b});
    NodeId split = context_.graph().AddNode("Split", context_.name() + "/" + prefix_ + "split",
                                            {gates}, {{"axis", int64_t{1}}}, 4);
    std::vector<ValueId> parts = context_.graph().node(split).outputs;
    if (second_is_forget_) std::swap(parts[1], parts[2]);
    Step step{};
    step.i = Helper("Sigmoid", "i", {Peep("i_in", parts[0], cs_prev, weights_.wci)});
    step.ci = Helper("Tanh", "ci", {parts[1]});
    ValueId forget = Peep("f_in", parts[2], cs_prev, weights_.wcf);
    if (forget_bias_ != 0)
      forget = Helper("Add", "f_biased", {forget, Number("bias", forget_bias_)});
    step.f = Helper("Sigmoid", "f", {forget});
    ValueId fresh = Helper("Mul", "fresh", {step.ci, step.i});
    ValueId kept = Helper("Mul", "kept", {cs_prev, step.f});
    step.cs = Helper("Add", "cs", {fresh, kept});
    if (clip_ > 0) {
      step.cs = Helper("Clip", "clipped", {step.cs, Number("low", -clip_), Number("high", clip_)});
    }
    step.o = Helper("Sigmoid", "o", {Peep("o_in", parts[3], step.cs, weights_.wco)});
    step.co = Helper("Tanh", "co", {step.cs});
    step.h = Helper("Mul", "h", {step.co, step.o});
    return step;
  }

 private:
  ValueId Helper(std::string_view op, const std::string& suffix, std::vector<ValueId> inputs,
                 Attributes attrs = {}) {
    return context_.Helper(op, prefix_ + suffix, std::move(inputs), std::move(attrs));
  }
  ValueId Number(const std::string& suffix, double value) {
    return context_.Scalar(prefix_ + suffix, dtype_, value);
  }
  ValueId Peep(const std::string& suffix, ValueId gate, ValueId cell, ValueId weight) {
    if (!peephole_) return gate;
    return Helper("Add", suffix, {gate, Helper("Mul", suffix + "_peep", {cell, weight})});
  }

  OpContext& context_;
  const Weights weights_;
  const DType dtype_;
  const double forget_bias_;
  const double clip_;
  const bool second_is_forget_;
  const bool peephole_;
  std::string prefix_;
};

// Inputs x, cs_prev, h_prev, w, wci, wcf, wco, b; outputs i, cs, f, o, ci, co, h.
Status LstmBlockCell(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(8));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  LstmCell cell(
      &context,
      {context.input(3), context.input(4), context.input(5), context.input(6), context.input(7)},
      dtype, double{context.Float("forget_bias", 1.0f)}, double{context.Float("cell_clip", 3.0f)},
      false);
  LstmCell::Step s = cell.Make("", context.input(0), context.input(1), context.input(2));
  return context.ReturnAll({s.i, s.cs, s.f, s.o, s.ci, s.co, s.h});
}

// Inputs seq_len_max, x [time, batch, width], and then as the cell. The time is written out.
Status BlockLstm(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(9));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  const Shape& shape = context.shape(1);
  if (!shape.rank_known() || shape.rank() != 3 || shape[0] < 0) {
    return context.Unsupported("runs over a time that is not known");
  }
  auto steps = static_cast<int64_t>(shape[0]);
  if (steps < 1 || steps > kMostSteps) {
    return context.Unsupported("runs over " + std::to_string(steps) + " steps");
  }
  MS_ASSIGN_OR_RETURN(int64_t length, context.ConstantInt(0, "length of the sequence"));
  if (length < steps) return context.Unsupported("stops before the end of its input");
  bool second = context.op() == "BlockLSTMV2";
  LstmCell cell(
      &context,
      {context.input(4), context.input(5), context.input(6), context.input(7), context.input(8)},
      dtype, second ? 0.0 : double{context.Float("forget_bias", 1.0f)},
      double{context.Float("cell_clip", second ? 0.0f : 3.0f)}, second);
  NodeId split = context.graph().AddNode("Split", context.name() + "/steps", {context.input(1)},
                                         {{"axis", int64_t{0}}, {"num_outputs", steps}},
                                         static_cast<size_t>(steps));
  std::vector<ValueId> pieces = context.graph().node(split).outputs;
  ValueId time = context.Ints("time_axis", {0});
  ValueId cs = context.input(2), h = context.input(3);
  std::vector<std::vector<ValueId>> sequences(7);
  for (size_t t = 0; t < pieces.size(); ++t) {
    std::string prefix = "t" + std::to_string(t) + "_";
    ValueId x = context.Helper("Squeeze", prefix + "x", {pieces[t], time});
    LstmCell::Step s = cell.Make(prefix, x, cs, h);
    cs = s.cs;
    h = s.h;
    size_t k = 0;
    for (ValueId part : {s.i, s.cs, s.f, s.o, s.ci, s.co, s.h}) {
      std::string suffix = prefix + "part" + std::to_string(k);
      sequences[k++].push_back(context.Helper("Unsqueeze", suffix, {part, time}));
    }
  }
  std::vector<ValueId> outputs;
  for (size_t k = 0; k < sequences.size(); ++k) {
    outputs.push_back(context.Helper("Concat", "sequence" + std::to_string(k),
                                     std::move(sequences[k]), {{"axis", int64_t{0}}}));
  }
  return context.ReturnAll(std::move(outputs));
}

// Inputs x, h_prev, w_ru, w_c, b_ru, b_c; outputs r, u, c, h.
Status GruBlockCell(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(6));
  MS_ASSIGN_OR_RETURN(DType dtype, context.Type("T"));
  ValueId x = context.input(0), h_prev = context.input(1);
  auto gate = [&](const std::string& name, ValueId state, size_t weight) {
    ValueId joined = context.Helper("Concat", name + "_in", {x, state}, {{"axis", int64_t{1}}});
    ValueId product = context.Helper("MatMul", name + "_product", {joined, context.input(weight)});
    return context.Helper("Add", name + "_sum", {product, context.input(weight + 2)});
  };
  ValueId gates = context.Helper("Sigmoid", "ru", {gate("ru", h_prev, 2)});
  NodeId split = context.graph().AddNode("Split", context.name() + "/split", {gates},
                                         {{"axis", int64_t{1}}}, 2);
  ValueId r = context.graph().node(split).outputs[0], u = context.graph().node(split).outputs[1];
  ValueId state = context.Helper("Mul", "reset", {h_prev, r});
  ValueId c = context.Helper("Tanh", "c", {gate("c", state, 3)});
  ValueId fresh = context.Helper("Sub", "fresh", {context.Scalar("one", dtype, 1), u});
  ValueId kept = context.Helper("Mul", "kept", {u, h_prev});
  ValueId h = context.Helper("Add", "h", {context.Helper("Mul", "new", {fresh, c}), kept});
  return context.ReturnAll({r, u, c, h});
}

}  // namespace

void AddRecurrentTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"LSTMBlockCell", LstmBlockCell},
                               {"BlockLSTM", BlockLstm},
                               {"BlockLSTMV2", BlockLstm},
                               {"GRUBlockCell", GruBlockCell}});
}

}  // namespace midstream::tensorflow
