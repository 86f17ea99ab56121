// Cases of operators that pick or place elements by computed positions, and of running sums.
#include <cmath>

#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {
namespace {

// An int64 tensor of any shape.
Arg Places(const Shape& shape, const std::vector<int64_t>& values) {
  Arg arg = Of(DType::kI64, shape);
  arg.value = *Tensor::FromInts(values).Reshaped(shape);
  return arg;
}

void AddGatherND(OpCases* cases) {
  AddWithDTypes(cases, {"GatherND", "", {F32({4, 3, 5}), Places({3, 2}, {0, 2, -1, 0, 3, -3})}, {}},
                kAll);
  cases->push_back({"GatherND", "", {F32({4, 3}), Places({2, 2}, {1, 2, 0, -1})}, {}});
  cases->push_back({"GatherND", "", {F32({4, 3}), Places({2, 1, 1}, {3, -4})}, {}});
  cases->push_back({"GatherND", "", {F32({4, 3}), Places({0, 1}, {})}, {}});
  cases->push_back({"GatherND", "", {F32({4, 0}), Places({2, 1}, {1, 1})}, {}});
  Attributes one = {{"batch_dims", Int(1)}}, two = {{"batch_dims", Int(2)}};
  cases->push_back({"GatherND", "", {F32({2, 5, 3}), Places({2, 2, 1}, {4, 0, -1, 2})}, one});
  cases->push_back({"GatherND", "", {F32({2, 5, 3}), Places({2, 1}, {4, 0})}, one});
  cases->push_back({"GatherND", "", {F32({2, 1, 3}), Places({2, 1, 2, 1}, {2, 0, 1, -3})}, two});
  cases->push_back({"GatherND", "", {F32({0, 5}), Places({0, 1}, {})}, one});
}

void AddScatterND(OpCases* cases) {
  Arg rows = Places({3, 1}, {2, 0, -1});
  AddWithDTypes(cases, {"ScatterND", "", {F32({4, 3}), rows, F32({3, 3})}, {}}, kAll);
  cases->push_back({"ScatterND", "", {F32({4, 3}), Places({2, 2}, {1, 2, 3, 0}), F32({2})}, {}});
  cases->push_back({"ScatterND", "", {F32({4, 3}), Places({0, 1}, {}), F32({0, 3})}, {}});
  cases->push_back({"ScatterND", "", {F32({4, 0}), Places({1, 1}, {1}), F32({1, 0})}, {}});
  for (const char* reduction : {"add", "max", "min", "mul"}) {
    Arg twice = Places({3, 1}, {2, 0, 2});
    AddWithDTypes(
        cases,
        {"ScatterND", "", {F32({4, 3}), twice, F32({3, 3})}, {{"reduction", Text(reduction)}}},
        {DType::kI32, DType::kI64, DType::kF16});
  }
}

void AddTopK(OpCases* cases) {
  std::vector<DType> numeric = kFloats;
  numeric.insert(numeric.end(), kInts.begin(), kInts.end());
  for (const Shape& shape : {Shape{7}, Shape{3, 9}, Shape{2, 5, 4}, Shape{0, 6}}) {
    for (int64_t largest : {0, 1}) {
      OpCase one{"TopK", "", {F32(shape), ConstInts({3})}, {{"largest", Int(largest)}}, 2};
      AddWithDTypes(cases, one, shape.rank() == 2 ? numeric : std::vector<DType>{});
      one.args[0] = one.args[0].Whole();  // with equal ones
      cases->push_back(one);
    }
  }
  cases->push_back({"TopK", "", {F32({5, 4}), ConstInts({5})}, {{"axis", Int(0)}}, 2});
  cases->push_back({"TopK", "", {F32({5, 4}), ConstInts({0})}, {{"axis", Int(-2)}}, 2});
  cases->push_back(
      {"TopK", "", {Exactly({6}, {1, NAN, -INFINITY, INFINITY, NAN, 0}), ConstInts({6})}, {}, 2});
}

void AddReverseSequence(OpCases* cases) {
  Attributes batch_first = {{"batch_axis", Int(0)}, {"time_axis", Int(1)}};
  AddWithDTypes(
      cases, {"ReverseSequence", "", {F32({3, 5, 2}), Places({3}, {0, 5, 3})}, batch_first}, kAll);
  cases->push_back({"ReverseSequence", "", {F32({5, 3, 2}), Places({3}, {1, 4, 5})}, {}});
  cases->push_back({"ReverseSequence", "", {F32({4, 2}), Places({2}, {2, 4})}, {}});
  cases->push_back({"ReverseSequence",
                    "",
                    {F32({3, 2, 4}), Places({4}, {3, 0, 1, 2})},
                    {{"batch_axis", Int(2)}, {"time_axis", Int(0)}}});
  cases->push_back({"ReverseSequence", "", {F32({0, 3}), Places({3}, {0, 0, 0})}, {}});
}

void AddRunning(OpCases* cases, const std::string& op, const std::string& domain) {
  std::vector<DType> numeric = kFloats;
  numeric.insert(numeric.end(), kInts.begin(), kInts.end());
  for (const Shape& shape : {Shape{9}, Shape{4, 7}, Shape{2, 3, 5}, Shape{0, 3}, Shape{3, 0}}) {
    for (int64_t flags = 0; flags < 4; ++flags) {
      OpCase one{op,
                 domain,
                 {F32(shape), ConstScalar(flags % 2 == 0 ? -1 : 0)},
                 {{"exclusive", Int(flags & 1)}, {"reverse", Int(flags >> 1)}}};
      AddWithDTypes(cases, one, shape.rank() == 2 ? numeric : std::vector<DType>{});
    }
  }
}

}  // namespace

void AddIndexingCases(OpCases* cases) {
  AddGatherND(cases);
  AddScatterND(cases);
  AddTopK(cases);
  AddReverseSequence(cases);
  AddRunning(cases, "CumSum", "");
  AddRunning(cases, "CumProd", "midstream");
}

}  // namespace midstream::op_cases
