#include "core/formats/tensorflow/known_ints.h"

#include <algorithm>

namespace midstream::tensorflow {
namespace {

constexpr size_t kMostElements = 1024;
constexpr int kMostSteps = 2000;  // nodes looked at; shared ones count again
constexpr int kDeepest = 64;

using Element = std::optional<int64_t>;
using Found = std::optional<KnownInts>;

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph) {}

  Found Find(ValueId id, int depth) {
    if (id == kNoValue || depth > kDeepest || ++steps_ > kMostSteps) return std::nullopt;
    const Value& value = graph_.value(id);
    if (value.kind == ValueKind::kConstant) return FromConstant(value.constant);
    if (value.kind != ValueKind::kNode || !IsInteger(value.dtype)) return std::nullopt;
    if (!value.shape.rank_known() || value.shape.rank() > 1) return std::nullopt;
    const Node& node = graph_.node(value.producer);
    Found found = FromNode(node, depth + 1);
    return found && found->size() <= kMostElements ? found : std::nullopt;
  }

 private:
  static Found FromConstant(const Tensor& tensor) {
    if (!IsInteger(tensor.dtype()) || tensor.shape().rank() > 1 ||
        tensor.count() > static_cast<int64_t>(kMostElements)) {
      return std::nullopt;
    }
    auto ints = tensor.ToInts();
    if (!ints.ok()) return std::nullopt;
    return KnownInts(ints->begin(), ints->end());
  }

  Found FromNode(const Node& node, int depth) {
    for (std::string_view same : {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"}) {
      if (node.Is(same)) return Find(node.inputs[0], depth);
    }
    if (node.Is("Shape")) return ShapeOf(node);
    if (node.Is("Concat")) return Concat(node, depth);
    if (node.Is("Range")) return Range(node, depth);
    if (node.Is("Expand")) return Expand(node, depth);
    if (node.Is("Gather")) return Gather(node, depth);
    if (node.Is("Slice")) return Slice(node, depth);
    if (node.Is("Add") || node.Is("Sub") || node.Is("Mul") || node.Is("Div")) {
      return Arithmetic(node, depth);
    }
    return std::nullopt;
  }

  Found ShapeOf(const Node& node) const {
    const Shape& shape = graph_.value(node.inputs[0]).shape;
    if (!shape.rank_known() || !node.attrs.empty()) return std::nullopt;
    KnownInts sizes;
    for (int64_t dim : shape.dims()) sizes.push_back(dim < 0 ? std::nullopt : Element(dim));
    return sizes;
  }

  Found Concat(const Node& node, int depth) {
    KnownInts joined;
    for (ValueId input : node.inputs) {
      Found part = Find(input, depth);
      // One element that is not known at all is still one element.
      const Shape& shape = graph_.value(input).shape;
      if (!part && shape.rank_known() && shape.rank() == 1 && shape[0] >= 0 &&
          shape[0] <= static_cast<int64_t>(kMostElements)) {
        part = KnownInts(static_cast<size_t>(shape[0]));
      }
      if (!part || joined.size() + part->size() > kMostElements) return std::nullopt;
      joined.insert(joined.end(), part->begin(), part->end());
    }
    return joined;
  }

  std::optional<std::vector<int64_t>> All(ValueId id, int depth) {
    return AllKnown(Find(id, depth));
  }

  Found Range(const Node& node, int depth) {
    auto start = All(node.inputs[0], depth), limit = All(node.inputs[1], depth),
         delta = All(node.inputs[2], depth);
    if (!start || !limit || !delta || start->size() != 1 || limit->size() != 1 ||
        delta->size() != 1 || delta->front() == 0) {
      return std::nullopt;
    }
    KnownInts values;
    int64_t at = start->front();
    while (delta->front() > 0 ? at < limit->front() : at > limit->front()) {
      if (values.size() == kMostElements) return std::nullopt;
      values.push_back(at);
      if (__builtin_add_overflow(at, delta->front(), &at)) break;
    }
    return values;
  }

  // As Fill writes it: one element, repeated.
  Found Expand(const Node& node, int depth) {
    Found from = Find(node.inputs[0], depth);
    auto shape = All(node.inputs[1], depth);
    if (!from || from->size() != 1 || !shape || shape->size() != 1) return std::nullopt;
    if (shape->front() < 0 || shape->front() > static_cast<int64_t>(kMostElements)) {
      return std::nullopt;
    }
    return KnownInts(static_cast<size_t>(shape->front()), from->front());
  }

  Found Gather(const Node& node, int depth) {
    Found from = Find(node.inputs[0], depth);
    auto indices = All(node.inputs[1], depth);
    if (!from || !indices || node.Int("axis", 0) != 0) return std::nullopt;
    auto size = static_cast<int64_t>(from->size());
    KnownInts chosen;
    for (int64_t idx : *indices) {
      if (idx < -size || idx >= size) return std::nullopt;
      chosen.push_back((*from)[static_cast<size_t>(idx < 0 ? idx + size : idx)]);
    }
    return chosen;
  }

  Found Slice(const Node& node, int depth) {
    Found from = Find(node.inputs[0], depth);
    auto starts = All(node.inputs[1], depth), ends = All(node.inputs[2], depth);
    std::optional<std::vector<int64_t>> steps = std::vector<int64_t>{1};
    if (node.inputs.size() > 4) steps = All(node.inputs[4], depth);
    if (!from || !starts || !ends || !steps || starts->size() != 1 || ends->size() != 1 ||
        steps->size() != 1) {
      return std::nullopt;
    }
    auto size = static_cast<int64_t>(from->size());
    int64_t step = steps->front();
    if (step == 0) return std::nullopt;
    auto bound = [&](int64_t at) {
      if (at < 0) at = at < -size ? -1 : at + size;
      return std::clamp<int64_t>(at, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
    };
    int64_t end = bound(ends->front());
    step = std::clamp<int64_t>(step, -size - 1, size + 1);
    KnownInts chosen;
    for (int64_t i = bound(starts->front()); step > 0 ? i < end : i > end; i += step) {
      chosen.push_back((*from)[static_cast<size_t>(i)]);
    }
    return chosen;
  }

  Found Arithmetic(const Node& node, int depth) {
    Found a = Find(node.inputs[0], depth), b = Find(node.inputs[1], depth);
    if (!a || !b) return std::nullopt;
    if (a->size() != b->size() && a->size() != 1 && b->size() != 1) return std::nullopt;
    KnownInts values(a->size() == 1 ? b->size() : a->size());
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = Apply(node.op, (*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
    }
    return values;
  }

  static Element Apply(std::string_view op, Element a, Element b) {
    if (!a || !b) return std::nullopt;
    int64_t result = 0;
    bool overflows = op == "Add"   ? __builtin_add_overflow(*a, *b, &result)
                     : op == "Sub" ? __builtin_sub_overflow(*a, *b, &result)
                     : op == "Mul" ? __builtin_mul_overflow(*a, *b, &result)
                                   : *b <= 0;
    if (overflows) return std::nullopt;
    return op == "Div" ? *a / *b : result;
  }

  const Graph& graph_;
  int steps_ = 0;
};

}  // namespace

std::optional<KnownInts> FindKnownInts(const Graph& graph, ValueId value) {
  return Finder(graph).Find(value, 0);
}

std::optional<std::vector<int64_t>> AllKnown(const std::optional<KnownInts>& ints) {
  if (!ints) return std::nullopt;
  std::vector<int64_t> values;
  for (const std::optional<int64_t>& element : *ints) {
    if (!element) return std::nullopt;
    values.push_back(*element);
  }
  return values;
}

}  // namespace midstream::tensorflow
