// Cases of random numbers: determined by key and stream, so backends agree to the last bit but for
// the rounding of normal numbers.
#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {

void AddRandomCases(OpCases* cases) {
  for (const IntList& shape : {IntList{}, {0}, {1}, {7}, {3, 5}, {2, 0, 4}, {129, 33}}) {
    for (DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kBF16}) {
      Attributes attrs = {{"dtype", Text(std::string(DTypeName(dtype)))}, {"stream", Int(-77)}};
      cases->push_back(
          {"RandomUniform", "midstream", {ConstInts(shape), ConstInts({3, 5})}, attrs});
      cases->push_back(
          {"RandomNormal", "midstream", {ConstInts(shape), ConstInts({-3, 9})}, attrs});
      attrs["truncated"] = Int(1);
      cases->push_back({"RandomNormal", "midstream", {ConstInts(shape), ConstInts({0, 0})}, attrs});
    }
    for (DType dtype : {DType::kI32, DType::kI64}) {
      for (auto [low, high] : {std::pair{-5, 90}, {3, 3}, {0, 1}}) {
        cases->push_back({"RandomUniformInt",
                          "midstream",
                          {ConstInts(shape), ConstInts({1, 2}), Of(dtype, {}).In(low, low),
                           Of(dtype, {}).In(high, high)},
                          {}});
      }
    }
  }
}

}  // namespace midstream::op_cases
