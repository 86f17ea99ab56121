// The cases of the operator comparer: one node with inputs described by shape, dtype and range, or
// given in full. A backend's author adds a case to the *_cases_testing.cc file of the operator's
// group; it then runs on every plugin of the build.
#ifndef MIDSTREAM_TESTS_PLUGINS_OPS_OP_CASE_H_
#define MIDSTREAM_TESTS_PLUGINS_OPS_OP_CASE_H_

#include <string>
#include <vector>

#include "core/graph/graph.h"

namespace midstream::op_cases {

struct Arg {
  DType dtype = DType::kInvalid;  // kInvalid: absent
  Shape shape;
  double low = -2;  // random values lie in [low, high]; bool: 0 or 1
  double high = 2;
  bool whole = false;     // floats: integers only, so that equal values occur
  Tensor value;           // when not empty: exactly this
  bool constant = false;  // a constant of the graph: shape inference needs its value

  Arg In(double from, double to) const {
    Arg arg = *this;
    arg.low = from;
    arg.high = to;
    return arg;
  }
  Arg Whole() const {
    Arg arg = *this;
    arg.whole = true;
    return arg;
  }
};

struct OpCase {
  std::string op;
  std::string domain;
  std::vector<Arg> args;
  Attributes attrs;
  size_t n_outputs = 1;
  double slack = 1;  // factor on the absolute error bound: SlackFor a sum

  std::string Key() const { return domain.empty() ? op : domain + "." + op; }
};
using OpCases = std::vector<OpCase>;

// Random float32 values; WithDTypes turns them into other dtypes.
Arg F32(const Shape& shape);
Arg Of(DType dtype, const Shape& shape);
Arg Exactly(const Shape& shape, const std::vector<float>& values);
Arg ConstInts(const std::vector<int64_t>& values);
Arg ConstScalar(int64_t value);
Arg ConstReal(float value);  // a scalar of float32
inline const Arg kAbsent{};

// Writes a value of any numeric dtype or bool; integers take the nearest.
void StoreElement(DType dtype, double value, void* to);

// Slack for a sum of `terms` products of numbers around 1: the error may grow with what is summed,
// however small the sum turns out to be.
constexpr double SlackFor(int64_t terms) { return 2 + static_cast<double>(terms) / 10; }

// The case with every float32 argument in another dtype; ConstantOfShape with its output in it.
OpCase InDType(const OpCase& one, DType dtype);
// The dtype of the data that the operator computes with or moves.
DType DataDType(const OpCase& one);
// The case once as it is and once in each dtype.
void AddWithDTypes(OpCases* cases, const OpCase& one, const std::vector<DType>& dtypes);
inline const std::vector<DType> kHalves = {DType::kF16, DType::kBF16};
inline const std::vector<DType> kFloats = {DType::kF16, DType::kBF16, DType::kF64};
inline const std::vector<DType> kSigned = {DType::kI8, DType::kI16, DType::kI32, DType::kI64};
inline const std::vector<DType> kInts = {DType::kI8, DType::kI16, DType::kI32, DType::kI64,
                                         DType::kU8, DType::kU16, DType::kU32, DType::kU64};
// Beside float32: all that can be added.
inline const std::vector<DType> kNumbers = {DType::kF16, DType::kBF16, DType::kF64, DType::kI8,
                                            DType::kI16, DType::kI32,  DType::kI64, DType::kU8,
                                            DType::kU16, DType::kU32,  DType::kU64};
inline const std::vector<DType> kAll = {DType::kF16, DType::kBF16, DType::kF64, DType::kI8,
                                        DType::kI16, DType::kI32,  DType::kI64, DType::kU8,
                                        DType::kU16, DType::kU32,  DType::kU64, DType::kBool};

using IntList = std::vector<int64_t>;
inline AttrValue Int(int64_t value) { return value; }
inline AttrValue Real(double value) { return value; }
inline AttrValue Text(std::string value) { return value; }

void AddElementwiseCases(OpCases* cases);
void AddMatMulCases(OpCases* cases);
void AddConvCases(OpCases* cases);
void AddPoolCases(OpCases* cases);
void AddNormalizationCases(OpCases* cases);
void AddReduceCases(OpCases* cases);
void AddShapeCases(OpCases* cases);
void AddMovementCases(OpCases* cases);
void AddGeneratorCases(OpCases* cases);
void AddRandomCases(OpCases* cases);
void AddIndexingCases(OpCases* cases);
void AddFunctionCases(OpCases* cases);
void AddAttentionCases(OpCases* cases);

// All of them.
const OpCases& AllCases();

// "Conv(float32[1,2,3], float32[...]) {strides=[2]}" for messages.
std::string Describe(const OpCase& one);

}  // namespace midstream::op_cases

#endif  // MIDSTREAM_TESTS_PLUGINS_OPS_OP_CASE_H_
