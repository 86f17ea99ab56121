// Cases of circular and hyperbolic functions, of logarithm and exponential near zero, and of the
// operators on bits.
#include <cmath>

#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {
namespace {

void AddFunction(OpCases* cases, const std::string& op, const std::string& domain, double low,
                 double high) {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{33}, Shape{3, 5}, Shape{4, 17, 9},
                             Shape{1025}, Shape{257, 129}}) {
    AddWithDTypes(cases, {op, domain, {F32(shape).In(low, high)}, {}},
                  shape.rank() == 2 ? kFloats : std::vector<DType>{});
  }
  Arg ends = Exactly({8}, {0.0f, -0.0f, 1.0f, -1.0f, 1e-20f, -1e-6f, INFINITY, -INFINITY});
  cases->push_back({op, domain, {ends}, {}});
}

}  // namespace

void AddFunctionCases(OpCases* cases) {
  for (const char* op : {"Sin", "Cos", "Atan", "Asinh"}) AddFunction(cases, op, "", -9, 9);
  for (const char* op : {"Sinh", "Cosh"}) AddFunction(cases, op, "", -3, 3);
  AddFunction(cases, "Tan", "", -1.2, 1.2);
  for (const char* op : {"Asin", "Acos", "Atanh"}) AddFunction(cases, op, "", -0.9, 0.9);
  AddFunction(cases, "Acosh", "", 1.1, 9);
  AddFunction(cases, "Log1p", "midstream", -0.7, 9);
  AddFunction(cases, "Expm1", "midstream", -6, 3);
  AddFunction(cases, "Erfc", "midstream", -3, 4);
  for (DType dtype : kInts) {
    double low = IsUnsignedInteger(dtype) ? 0 : -99;
    Arg a = Of(dtype, {3, 1, 5}).In(low, 99), b = Of(dtype, {4, 1}).In(low, 99);
    for (const char* op : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
      cases->push_back({op, "", {a, b}, {}});
    }
    cases->push_back({"BitwiseNot", "", {a}, {}});
  }
}

}  // namespace midstream::op_cases
