// Cases of elementwise operators.
#include <cmath>
#include <cstring>
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
                                                     {{7, 1, 3}, {7, 2, 3}},
                                                     {{2, 1, 3, 1, 5}, {1, 4, 1, 2, 1}}};

void AddUnary(OpCases* cases, const std::string& op, double low, double high,
              const std::vector<DType>& dtypes, const Attributes& attrs = {}) {
  for (const Shape& shape : kShapes) {
    AddWithDTypes(cases, {op, "", {F32(shape).In(low, high)}, attrs}, dtypes);
  }
}

// Values at and beyond the ends of what a polynomial covers.
void AddExtremes(OpCases* cases, const std::string& op, const Attributes& attrs = {}) {
  Arg ends = Exactly({16}, {0.0f, -0.0f, 1.0f, -1.0f, 20.0f, -20.0f, 87.0f, -87.0f, 88.6f, -103.9f,
                            1e30f, -1e30f, INFINITY, -INFINITY, 1e-30f, -1e-30f});
  AddWithDTypes(cases, {op, "", {ends}, attrs}, kFloats);
}

// The least and the greatest integers, and those around zero.
std::vector<int64_t> Ends(DType dtype) {
  const unsigned bits = 8 * static_cast<unsigned>(DTypeSize(dtype));
  if (IsUnsignedInteger(dtype)) {
    auto top = static_cast<int64_t>(~uint64_t{0} >> (64 - bits));
    return {0, 1, 2, 3, 100, top - 1, top};
  }
  auto top = static_cast<int64_t>(~uint64_t{0} >> (65 - bits));
  return {-top - 1, -top, -7, -2, -1, 0, 1, 2, 7, top - 1, top};
}

// Every pair of them: the left (or the right) side, `repeat` times in a row each.
Arg EndsArg(DType dtype, bool left) {
  const std::vector<int64_t> ends = Ends(dtype);
  const size_t n = ends.size();
  Arg arg = Of(dtype, {static_cast<int64_t>(n * n)});
  arg.value = *Tensor::Allocate(dtype, arg.shape);
  auto* to = static_cast<std::byte*>(arg.value.mutable_data());
  for (size_t i = 0; i < n * n; ++i, to += DTypeSize(dtype)) {
    std::memcpy(to, &ends[left ? i / n : i % n], DTypeSize(dtype));  // little endian
  }
  return arg;
}

void AddIntegerEnds(OpCases* cases) {
  for (DType dtype : kInts) {
    const Arg a = EndsArg(dtype, true), b = EndsArg(dtype, false);
    for (const char* op : {"Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "Equal", "Greater",
                           "GreaterOrEqual", "Less", "LessOrEqual"}) {
      cases->push_back({op, "", {a, b}, {}});
    }
    cases->push_back({"Mod", "", {a, b}, {{"fmod", Int(1)}}});
    cases->push_back({"Pow", "", {a, b}, {}});
    for (const char* op : {"Abs", "Sign", "Erf"}) cases->push_back({op, "", {a}, {}});
    if (IsUnsignedInteger(dtype)) continue;
    for (const char* op : {"Neg", "Relu"}) cases->push_back({op, "", {a}, {}});
  }
}

// NaN, infinities, zeros of both signs and subnormals, in every pair.
void AddFloatEnds(OpCases* cases) {
  const std::vector<float> ends = {NAN,   INFINITY, -INFINITY, 0.0f,   -0.0f, 1.0f,
                                   -1.5f, 1e-40f,   -1e-40f,   1e-30f, 3e38f, -3e38f};
  std::vector<float> left, right;
  for (float a : ends) {
    for (float b : ends) {
      left.push_back(a);
      right.push_back(b);
    }
  }
  const Shape shape = {static_cast<int64_t>(left.size())};
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min", "Equal", "Greater",
                         "GreaterOrEqual", "Less", "LessOrEqual"}) {
    AddWithDTypes(cases, {op, "", {Exactly(shape, left), Exactly(shape, right)}, {}}, kFloats);
  }
  AddWithDTypes(cases,
                {"Mod", "", {Exactly(shape, left), Exactly(shape, right)}, {{"fmod", Int(1)}}},
                kFloats);
}

void AddBinary(OpCases* cases, const std::string& op, const std::vector<DType>& dtypes, double low,
               double high, bool whole, const Attributes& attrs = {}) {
  for (const auto& [a, b] : kPairs) {
    OpCase one{op, "", {F32(a), F32(b).In(low, high)}, attrs};
    if (whole) one.args = {F32(a).Whole(), F32(b).In(low, high).Whole()};
    AddWithDTypes(cases, one, dtypes);
    std::swap(one.args[0].shape, one.args[1].shape);
    AddWithDTypes(cases, one, a.rank() == 2 ? dtypes : std::vector<DType>{});
  }
}

void AddLogic(OpCases* cases, const std::string& op) {
  for (const auto& [a, b] : kPairs) {
    cases->push_back({op, "", {Of(DType::kBool, a), Of(DType::kBool, b)}, {}});
  }
}

// The exponent has a dtype of its own.
void AddPows(OpCases* cases) {
  AddWithDTypes(cases, {"Pow", "", {F32({9}).In(0.1, 3), Exactly({}, {2})}, {}}, kFloats);
  const std::vector<DType> dtypes = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16,
                                     DType::kI8,  DType::kI16, DType::kI32, DType::kI64,
                                     DType::kU8,  DType::kU16, DType::kU32, DType::kU64};
  for (DType base : dtypes) {
    for (DType exponent : dtypes) {
      cases->push_back(
          {"Pow", "", {Of(base, {3, 7}).In(1, 4), Of(exponent, {7}).In(0, 3).Whole()}, {}});
    }
  }
  cases->push_back({"Pow", "", {F32({9}), Of(DType::kI64, {9}).In(0, 4)}, {}});
  cases->push_back({"Pow", "", {Exactly({2}, {-1, 2}), Of(DType::kI32, {2}).In(-3, 3)}, {}});
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
    Arg low = Exactly({}, {-1}), one = Exactly({}, {1}), three = Exactly({}, {3});
    AddWithDTypes(cases, {"Clip", "", {F32(shape), low, one}, {}}, with_sign);
    AddWithDTypes(cases, {"Clip", "", {F32(shape), one, three}, {}}, kInts);
    AddWithDTypes(cases, {"Clip", "", {F32(shape), kAbsent, one}, {}}, numeric);
    AddWithDTypes(cases, {"Clip", "", {F32(shape), one}, {}}, numeric);
  }

  for (const char* op : {"Add", "Sub", "Mul"}) AddBinary(cases, op, numeric, -2, 2, false);
  AddBinary(cases, "Div", numeric, 1, 4, false);
  AddBinary(cases, "Mod", numeric, 1, 4, false, {{"fmod", Int(1)}});
  for (const auto& [a, b] : kPairs) {
    for (DType dtype : kInts) {
      const double low = IsUnsignedInteger(dtype) ? 0 : -9;
      cases->push_back({"Mod", "", {Of(dtype, a).In(low, 9), Of(dtype, b).In(1, 4)}, {}});
      cases->push_back({"Pow", "", {Of(dtype, a).In(low, 9), Of(dtype, b).In(0, 9)}, {}});
      if (low == 0) continue;
      cases->push_back({"Mod", "", {Of(dtype, a).In(-9, 9), Of(dtype, b).In(-4, -1)}, {}});
    }
    AddWithDTypes(cases, {"Pow", "", {F32(a).In(0.1, 3), F32(b)}, {}}, kFloats);
    AddWithDTypes(cases, {"Where", "", {Of(DType::kBool, a), F32(b), F32({})}, {}}, kAll);
    AddWithDTypes(cases, {"Where", "", {Of(DType::kBool, b), F32(a), F32(b)}, {}}, kAll);
    AddWithDTypes(cases, {"Max", "", {F32(a), F32(b), F32({})}, {}}, numeric);
    AddWithDTypes(cases, {"Min", "", {F32(a), F32(b)}, {}}, numeric);
  }
  AddPows(cases);
  cases->push_back({"Max", "", {F32({5})}, {}});
  AddWithDTypes(cases, {"Min", "", {F32({2, 3}), F32({1, 3})}, {}}, numeric);
  AddIntegerEnds(cases);
  AddFloatEnds(cases);

  AddBinary(cases, "Equal", kAll, -2, 2, true);
  for (const char* op : {"Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) {
    AddBinary(cases, op, numeric, -2, 2, true);
  }
  for (const char* op : {"And", "Or", "Xor"}) AddLogic(cases, op);
  AddCasts(cases);
}

}  // namespace midstream::op_cases
