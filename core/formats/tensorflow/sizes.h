// Sizes of tensors as the translations compute with them: known numbers where the graph tells them,
// else int64 values of one element that the graph computes.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_SIZES_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_SIZES_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {

struct Size {
  int64_t known = kUnknownDim;
  ValueId value = kNoValue;  // when it is not known

  static Size Of(int64_t number) { return {number, kNoValue}; }
  bool is_known() const { return known >= 0; }
};

// Makes helper nodes of one node for computing with sizes.
class SizeMaker {
 public:
  explicit SizeMaker(OpContext* context) : context_(*context) {}

  // The sizes of `value`, of which `shape` (of known rank) is known.
  std::vector<Size> Of(ValueId value, const Shape& shape);
  Size Product(Size a, Size b) { return Combine("Mul", a, b); }
  Size Product(const std::vector<Size>& sizes);
  Size Quotient(Size a, Size b) { return Combine("Div", a, b); }
  // As a scalar.
  ValueId Scalar(Size size);
  // As a shape; one size that is not known becomes -1 if `infer` (for Reshape).
  ValueId Vector(const std::vector<Size>& sizes, bool infer);
  ValueId Reshape(ValueId value, const std::vector<Size>& sizes, std::string_view suffix);

 private:
  Size Combine(std::string_view op, Size a, Size b);
  ValueId Element(Size size);
  std::string Name(std::string_view what) {
    return "size" + std::to_string(count_++) + "_" + std::string(what);
  }

  OpContext& context_;
  int count_ = 0;
};

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_SIZES_H_
