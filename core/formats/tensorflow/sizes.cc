#include "core/formats/tensorflow/sizes.h"

#include <algorithm>

namespace midstream::tensorflow {

std::vector<Size> SizeMaker::Of(ValueId value, const Shape& shape) {
  std::vector<Size> sizes;
  ValueId dims = kNoValue;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] >= 0) {
      sizes.push_back(Size::Of(shape[i]));
      continue;
    }
    if (dims == kNoValue) dims = context_.Helper("Shape", Name("shape"), {value});
    ValueId place = context_.Ints(Name("axis"), {static_cast<int64_t>(i)});
    sizes.push_back({kUnknownDim, context_.Helper("Gather", Name("dim"), {dims, place})});
  }
  return sizes;
}

Size SizeMaker::Combine(std::string_view op, Size a, Size b) {
  if (a.is_known() && b.is_known()) {
    int64_t product = 0;
    if (op == "Div" && b.known > 0) return Size::Of(a.known / b.known);
    if (op == "Mul" && !__builtin_mul_overflow(a.known, b.known, &product)) {
      return Size::Of(product);
    }
  }
  if (b.known == 1) return a;
  if (op == "Mul" && a.known == 1) return b;
  return {kUnknownDim, context_.Helper(op, Name("size"), {Element(a), Element(b)})};
}

Size SizeMaker::Product(const std::vector<Size>& sizes) {
  Size product = Size::Of(1);
  for (Size size : sizes) product = Product(product, size);
  return product;
}

ValueId SizeMaker::Element(Size size) {
  return size.is_known() ? context_.Ints(Name("number"), {size.known}) : size.value;
}

ValueId SizeMaker::Scalar(Size size) {
  return context_.Helper("Squeeze", Name("scalar"),
                         {Element(size), context_.Ints(Name("axes"), {0})});
}

ValueId SizeMaker::Vector(const std::vector<Size>& sizes, bool infer) {
  auto open = std::count_if(sizes.begin(), sizes.end(), [](Size s) { return !s.is_known(); });
  bool empty = std::any_of(sizes.begin(), sizes.end(), [](Size s) { return s.known == 0; });
  if (open == 0 || (open == 1 && infer && !empty)) {
    std::vector<int64_t> numbers;
    for (Size size : sizes) numbers.push_back(size.is_known() ? size.known : -1);
    return context_.Ints(Name("sizes"), numbers);
  }
  std::vector<ValueId> parts;
  for (Size size : sizes) parts.push_back(Element(size));
  return context_.Helper("Concat", Name("sizes"), std::move(parts), {{"axis", int64_t{0}}});
}

ValueId SizeMaker::Reshape(ValueId value, const std::vector<Size>& sizes, std::string_view suffix) {
  return context_.Helper("Reshape", suffix, {value, Vector(sizes, true)},
                         {{"allowzero", int64_t{1}}});
}

}  // namespace midstream::tensorflow
