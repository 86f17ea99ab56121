// Einsum of one or two tensors: sums, transposes and one matrix product.
//
// Labels of both operands and the result are batch axes, labels of both operands alone are summed
// by the product, labels of one operand alone are summed first.
#include <algorithm>

#include "core/formats/file.h"
#include "core/formats/tensorflow/sizes.h"
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

bool HasLabel(const std::string& labels, char label) {
  return labels.find(label) != std::string::npos;
}

// "..." becomes digits, one for each axis that it stands for, aligned at the last.
Status ExpandEllipsis(const OpContext& context, std::string* term, size_t axes) {
  size_t at = term->find("...");
  if (at == std::string::npos) return OkStatus();
  if (axes > 8) return context.Unsupported("has an ellipsis over many axes");
  std::string labels;
  for (size_t i = 0; i < axes; ++i) labels += static_cast<char>('0' + (8 - axes) + i);
  term->replace(at, 3, labels);
  return OkStatus();
}

Result<Equation> ReadEquation(OpContext& context) {
  std::string text;
  for (char c : context.String("equation", "")) {
    if (c != ' ') text += c;
  }
  size_t arrow = text.find("->");
  if (arrow == std::string::npos) return context.Unsupported("has an equation without a result");
  Equation equation{{}, text.substr(arrow + 2)};
  std::string left = text.substr(0, arrow);
  for (size_t from = 0; from <= left.size();) {
    size_t comma = std::min(left.find(',', from), left.size());
    equation.operands.push_back(left.substr(from, comma - from));
    from = comma + 1;
  }
  if (equation.operands.size() != context.input_count()) {
    return context.Invalid("has the equation " + formats::Quoted(text) + " for " +
                           std::to_string(context.input_count()) + " inputs");
  }
  size_t most = 0;
  for (size_t i = 0; i < equation.operands.size(); ++i) {
    std::string& term = equation.operands[i];
    if (!context.shape(i).rank_known()) return context.Unsupported("has an input of unknown rank");
    size_t rank = context.shape(i).rank();
    if (HasLabel(term, '.')) {
      if (rank + 3 < term.size()) return context.Invalid("has more labels than axes");
      size_t axes = rank + 3 - term.size();
      most = std::max(most, axes);
      MS_RETURN_IF_ERROR(ExpandEllipsis(context, &term, axes));
    }
    std::string sorted = term;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      return context.Unsupported("takes a diagonal: " + formats::Quoted(text));
    }
    if (term.size() != rank) return context.Invalid("has other labels than axes");
  }
  MS_RETURN_IF_ERROR(ExpandEllipsis(context, &equation.result, most));
  return equation;
}

// A value whose axes have labels.
struct Labelled {
  ValueId value;
  std::string labels;
  std::vector<Size> sizes;

  Size SizeOf(char label) const { return sizes[labels.find(label)]; }
};

class Translator {
 public:
  explicit Translator(OpContext* context) : context_(*context), sizes_(context) {}

  Labelled Operand(size_t i, const std::string& labels) {
    return {context_.input(i), labels, sizes_.Of(context_.input(i), context_.shape(i))};
  }

  // Sums over every label that is not in `kept`.
  void SumAway(Labelled* x, const std::string& kept) {
    std::vector<int64_t> axes;
    Labelled rest{kNoValue, "", {}};
    for (size_t i = 0; i < x->labels.size(); ++i) {
      if (!HasLabel(kept, x->labels[i])) {
        axes.push_back(static_cast<int64_t>(i));
        continue;
      }
      rest.labels += x->labels[i];
      rest.sizes.push_back(x->sizes[i]);
    }
    if (axes.empty()) return;
    rest.value = Helper("ReduceSum", {x->value, context_.Ints(Name("axes"), axes)},
                        {{"keepdims", int64_t{0}}});
    *x = std::move(rest);
  }

  void Arrange(Labelled* x, const std::string& order) {
    if (x->labels == order) return;
    std::vector<int64_t> perm;
    std::vector<Size> sizes;
    for (char label : order) {
      perm.push_back(static_cast<int64_t>(x->labels.find(label)));
      sizes.push_back(x->SizeOf(label));
    }
    *x = {Helper("Transpose", {x->value}, {{"perm", perm}}), order, std::move(sizes)};
  }

  // [batch..., product of `rows`, product of `columns`].
  ValueId AsMatrix(const Labelled& x, const std::string& batch, const std::string& rows,
                   const std::string& columns) {
    if (rows.size() == 1 && columns.size() == 1) return x.value;
    std::vector<Size> sizes;
    for (char label : batch) sizes.push_back(x.SizeOf(label));
    for (const std::string& group : {rows, columns}) {
      std::vector<Size> parts;
      for (char label : group) parts.push_back(x.SizeOf(label));
      sizes.push_back(sizes_.Product(parts));
    }
    return sizes_.Reshape(x.value, sizes, Name("matrix"));
  }

  Labelled Multiply(Labelled a, Labelled b, const std::string& result) {
    std::string batch, inner, rows, columns;
    for (char label : a.labels) {
      bool shared = HasLabel(b.labels, label), kept = HasLabel(result, label);
      (shared ? kept ? batch : inner : rows) += label;
    }
    for (char label : b.labels) {
      if (!HasLabel(a.labels, label)) columns += label;
    }
    Arrange(&a, batch + rows + inner);
    Arrange(&b, batch + inner + columns);
    ValueId left = AsMatrix(a, batch, rows, inner), right = AsMatrix(b, batch, inner, columns);
    Labelled product{Helper("MatMul", {left, right}, {}), batch + rows + columns, {}};
    for (char label : batch + rows) product.sizes.push_back(a.SizeOf(label));
    for (char label : columns) product.sizes.push_back(b.SizeOf(label));
    if (rows.size() != 1 || columns.size() != 1) {
      product.value = sizes_.Reshape(product.value, product.sizes, Name("axes"));
    }
    return product;
  }

 private:
  std::string Name(std::string_view what) {
    return "einsum" + std::to_string(count_++) + "_" + std::string(what);
  }
  ValueId Helper(std::string_view op, std::vector<ValueId> inputs, Attributes attrs) {
    return context_.Helper(op, Name(op), std::move(inputs), std::move(attrs));
  }

  OpContext& context_;
  SizeMaker sizes_;
  int count_ = 0;
};

Status Einsum(OpContext& context) {
  if (context.input_count() < 1 || context.input_count() > 2) {
    return context.Unsupported("has " + std::to_string(context.input_count()) + " inputs");
  }
  MS_ASSIGN_OR_RETURN(Equation equation, ReadEquation(context));
  std::string all = equation.operands[0] + (context.input_count() == 2 ? equation.operands[1] : "");
  for (char label : equation.result) {
    bool once = std::count(equation.result.begin(), equation.result.end(), label) == 1;
    if (!once || !HasLabel(all, label)) return context.Unsupported("has a result it cannot make");
  }
  Translator translator(&context);
  Labelled x = translator.Operand(0, equation.operands[0]);
  if (context.input_count() == 2) {
    Labelled y = translator.Operand(1, equation.operands[1]);
    translator.SumAway(&x, equation.operands[1] + equation.result);
    translator.SumAway(&y, equation.operands[0] + equation.result);
    x = translator.Multiply(std::move(x), std::move(y), equation.result);
  } else {
    translator.SumAway(&x, equation.result);
  }
  translator.Arrange(&x, equation.result);
  return context.Emit("Identity", {x.value});
}

}  // namespace

void AddEinsumTranslations(TranslationTable* table) { table->emplace_back("Einsum", Einsum); }

}  // namespace midstream::tensorflow
