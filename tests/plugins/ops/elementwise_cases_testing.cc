// Cases of elementwise operators.
#include <cmath>
#include <utility>

#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {
namespace {

const std::vector<Shape> kShapes = {{},     {0},        {1},       {7},
                                    {33},   {2, 0, 3},  {3, 5},    {4, 17, 9},
                                    {1025}, {257, 129}, {1, 1, 1}, {2, 3, 4, 5}};

const std::vector<std::pair<Shape, Shape>> kPairs = {{{}, {}},
                                                     {{1}, {0}},
                                                     {{3}, {3}},
                                                     {{2, 3}, {3}},
                                                     {{2, 3}, {2, 1}},
                                                     {{2, 1, 4}, {3, 1}},
                                                     {{5, 1}, {1, 7}},
                                                     {{4, 3, 2, 5}, {3, 1, 1}},
                                                     {{2, 0}, {2, 1}},
                                                     {{64, 33}, {33}},
                                                     {{1000}, {}},
                                                     {{}, {1000}},
                                                     {{1, 5}, {5, 5}},
                                                     {{2, 3, 4, 5}, {1, 1, 1, 5}},
                                                     {{129, 65}, {129, 65}},
                                                     {{7, 1, 3}, {7, 2, 3}}};

void AddUnary(OpCases* cases, const std::string& op, double low, double high,
              const std::vector<DType>& dtypes, const Attributes& attrs = {}) {
  for (const Shape& shape : kShapes) {
    OpCase one{op, "", {F32(shape).In(low, high)}, attrs};
    AddWithDTypes(cases, one, shape.rank() == 2 ? dtypes : std::vector<DType>{});
  }
}

// Values at and beyond the ends of what a polynomial covers.
void AddExtremes(OpCases* cases, const std::string& op, const Attributes& attrs = {}) {
  Arg ends = Exactly({16}, {0.0f, -0.0f, 1.0f, -1.0f, 20.0f, -20.0f, 87.0f, -87.0f, 88.6f, -103.9f,
                            1e30f, -1e30f, INFINITY, -INFINITY, 1e-30f, -1e-30f});
  cases->push_back({op, "", {ends}, attrs});
}

void AddBinary(OpCases* cases, const std::string& op, const std::vector<DType>& dtypes, double low,
               double high, bool whole, const Attributes& attrs = {}) {
  for (const auto& [a, b] : kPairs) {
    OpCase one{op, "", {F32(a), F32(b).In(low, high)}, attrs};
    if (whole) one.args = {F32(a).Whole(), F32(b).In(low, high).Whole()};
    AddWithDTypes(cases, one, a.rank() == 2 ? dtypes : std::vector<DType>{});
    std::swap(one.args[0].shape, one.args[1].shape);
    cases->push_back(one);
  }
}

void AddLogic(OpCases* cases, const std::string& op) {
  for (const auto& [a, b] : kPairs) {
    cases->push_back({op, "", {Of(DType::kBool, a), Of(DType::kBool, b)}, {}});
  }
}

void AddCasts(OpCases* cases) {
  const std::vector<DType> dtypes = {
      DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8,  DType::kI16, DType::kI32,
      DType::kI64, DType::kU8,  DType::kU16, DType::kU32,  DType::kU64, DType::kBool};
  for (DType from : dtypes) {
    for (DType to : dtypes) {
      bool both_signed = !IsUnsignedInteger(from) && !IsUnsignedInteger(to);
      for (const Shape& shape : {Shape{}, Shape{0}, Shape{37}, Shape{5, 1000}}) {
        cases->push_back({"Cast",
                          "",
                          {Of(from, shape).In(both_signed ? -99 : 0, 99)},
                          {{"to", Text(std::string(DTypeName(to)))}}});
      }
    }
  }
}

}  // namespace

void AddElementwiseCases(OpCases* cases) {
  std::vector<DType> numeric = kFloats;
  numeric.insert(numeric.end(), kInts.begin(), kInts.end());
  std::vector<DType> with_sign = kFloats;
  with_sign.insert(with_sign.end(), kSigned.begin(), kSigned.end());

  for (const char* op : {"Floor", "Ceil", "Round", "Tanh", "Sigmoid", "Softplus", "Softsign", "Elu",
                         "LeakyRelu", "Selu", "Exp"}) {
    AddUnary(cases, op, -6, 6, kFloats);
    AddExtremes(cases, op);
  }
  for (const char* op : {"Abs", "Sign", "Erf"}) AddUnary(cases, op, -4, 4, numeric);
  for (const char* op : {"Neg", "Relu"}) AddUnary(cases, op, -4, 4, with_sign);
  for (const char* op : {"Abs", "Sign", "Erf", "Neg", "Relu"}) AddExtremes(cases, op);
  AddUnary(cases, "Log", 0.1, 9, kFloats);
  AddUnary(cases, "Sqrt", 0, 9, kFloats);
  AddUnary(cases, "Reciprocal", 0.2, 9, kFloats);
  AddUnary(cases, "Elu", -4, 4, {}, {{"alpha", Real(0.3)}});
  AddUnary(cases, "LeakyRelu", -4, 4, {}, {{"alpha", Real(-0.3)}});
  cases->push_back({"Round", "", {Exactly({6}, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 8388609.0f})}, {}});
  for (const Shape& shape : kShapes) {
    cases->push_back({"Not", "", {Of(DType::kBool, shape)}, {}});
    AddWithDTypes(cases, {"Clip", "", {F32(shape), F32({}).In(-1, -1), F32({}).In(1, 1)}, {}},
                  shape.rank() == 1 ? with_sign : std::vector<DType>{});
    cases->push_back({"Clip", "", {F32(shape), kAbsent, F32({}).In(1, 1)}, {}});
    cases->push_back({"Clip", "", {F32(shape), F32({}).In(0, 0)}, {}});
  }

  for (const char* op : {"Add", "Sub", "Mul"}) AddBinary(cases, op, numeric, -2, 2, false);
  AddBinary(cases, "Div", numeric, 1, 4, false);
  AddBinary(cases, "Mod", numeric, 1, 4, false, {{"fmod", Int(1)}});
  for (const auto& [a, b] : kPairs) {
    cases->push_back({"Mod", "", {Of(DType::kI32, a).In(-9, 9), Of(DType::kI32, b).In(1, 4)}, {}});
    cases->push_back(
        {"Mod", "", {Of(DType::kI64, a).In(-9, 9), Of(DType::kI64, b).In(-4, -1)}, {}});
    cases->push_back({"Pow", "", {F32(a).In(0.1, 3), F32(b)}, {}});
    cases->push_back({"Where", "", {Of(DType::kBool, a), F32(b), F32({})}, {}});
    AddWithDTypes(cases, {"Where", "", {Of(DType::kBool, b), F32(a), F32(b)}, {}},
                  a.rank() == 2 ? kAll : std::vector<DType>{});
    AddWithDTypes(cases, {"Max", "", {F32(a), F32(b), F32({})}, {}},
                  a.rank() == 2 ? numeric : std::vector<DType>{});
    cases->push_back({"Min", "", {F32(a), F32(b)}, {}});
  }
  AddWithDTypes(cases, {"Pow", "", {F32({9}).In(0.1, 3), F32({}).In(2, 2)}, {}}, kFloats);
  cases->push_back({"Pow", "", {F32({9}), Of(DType::kI64, {9}).In(0, 4)}, {}});
  cases->push_back({"Max", "", {F32({5})}, {}});
  AddWithDTypes(cases, {"Min", "", {F32({2, 3}), F32({1, 3})}, {}}, numeric);

  AddBinary(cases, "Equal", kAll, -2, 2, true);
  for (const char* op : {"Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) {
    AddBinary(cases, op, numeric, -2, 2, true);
  }
  for (const char* op : {"And", "Or", "Xor"}) AddLogic(cases, op);
  AddCasts(cases);
}

}  // namespace midstream::op_cases
