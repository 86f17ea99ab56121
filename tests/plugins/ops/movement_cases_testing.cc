// Cases of reductions, shapes and data movement.
#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {
namespace {

const std::vector<Shape> kShapes = {{1}, {7}, {2, 3}, {3, 1}, {4, 5, 6}, {2, 3, 4, 5}, {1, 33, 17}};

void AddConcatAndSplit(OpCases* cases) {
  for (int64_t axis : {0, 1, 2, -1}) {
    Attributes attrs = {{"axis", Int(axis)}};
    AddWithDTypes(cases, {"Concat", "", {F32({2, 3, 4})}, attrs}, {});
    AddWithDTypes(cases, {"Concat", "", {F32({2, 3, 4}), F32({2, 3, 4}), F32({2, 3, 4})}, attrs},
                  kAll);
    cases->push_back({"Split", "", {F32({4, 6, 5})}, attrs, 2});
    AddWithDTypes(cases, {"Split", "", {F32({3, 3, 3}), ConstInts({0, 2, 1})}, attrs, 3}, kAll);
  }
  cases->push_back({"Concat", "", {F32({2, 0}), F32({2, 3}), F32({2, 1})}, {{"axis", Int(1)}}});
  cases->push_back({"Concat", "", {F32({0, 3}), F32({0, 3})}, {{"axis", Int(0)}}});
  cases->push_back({"Split", "", {F32({7})}, {{"axis", Int(0)}, {"num_outputs", Int(3)}}, 3});
  cases->push_back({"Split", "", {F32({0, 4})}, {{"axis", Int(1)}}, 2});
}

void AddSlices(OpCases* cases) {
  auto add = [&](const Shape& x, IntList starts, IntList ends, IntList axes, IntList steps,
                 const std::vector<DType>& dtypes = {}) {
    AddWithDTypes(cases,
                  {"Slice",
                   "",
                   {F32(x), ConstInts(starts), ConstInts(ends), ConstInts(axes), ConstInts(steps)},
                   {}},
                  dtypes);
  };
  add({10}, {1}, {8}, {0}, {3}, kAll);
  add({10}, {-3}, {INT64_MAX}, {0}, {1});
  add({10}, {-1}, {INT64_MIN}, {0}, {-1});
  add({10}, {7}, {-9}, {0}, {-2});
  add({10}, {5}, {5}, {0}, {1});
  add({10}, {INT64_MAX}, {INT64_MIN}, {0}, {INT64_MIN});
  add({4, 5, 6}, {1, 0}, {3, 4}, {0, 2}, {1, 2});
  add({4, 5, 6}, {-1, 1}, {-5, 4}, {1, -1}, {-1, 1}, kHalves);
  add({0, 5}, {1}, {4}, {1}, {1});
  cases->push_back({"Slice", "", {F32({4, 5}), ConstInts({1}), ConstInts({3})}, {}});
}

void AddGathers(OpCases* cases) {
  for (DType index : {DType::kI32, DType::kI64}) {
    for (const Shape& indices : {Shape{}, Shape{1}, Shape{5}, Shape{2, 3}, Shape{0}}) {
      cases->push_back({"Gather", "", {F32({7, 4}), Of(index, indices).In(-7, 6)}, {}});
      cases->push_back(
          {"Gather", "", {F32({3, 5, 2}), Of(index, indices).In(-5, 4)}, {{"axis", Int(1)}}});
      cases->push_back(
          {"Gather", "", {F32({3, 9}), Of(index, indices).In(0, 8)}, {{"axis", Int(-1)}}});
    }
  }
  AddWithDTypes(cases, {"Gather", "", {F32({7, 4}), Of(DType::kI64, {3}).In(0, 6)}, {}}, kAll);
}

void AddPads(OpCases* cases) {
  for (const char* mode : {"constant", "reflect", "edge"}) {
    Attributes attrs = {{"mode", Text(mode)}};
    AddWithDTypes(cases, {"Pad", "", {F32({4, 5}), ConstInts({1, 2, 3, 0})}, attrs}, kAll);
    cases->push_back({"Pad", "", {F32({2, 5, 5, 3}), ConstInts({0, 1, 2, 0, 0, 2, 1, 0})}, attrs});
    cases->push_back(
        {"Pad", "", {F32({3, 4}), ConstInts({2, 2}), kAbsent, ConstInts({-1})}, attrs});
    cases->push_back({"Pad", "", {F32({5}), ConstInts({-1, 2})}, attrs});
    cases->push_back({"Pad", "", {F32({0, 3}), ConstInts({0, 1, 0, 1})}, attrs});
    cases->push_back({"Pad", "", {F32({3}), ConstInts({0, 0})}, attrs});
  }
  AddWithDTypes(cases, {"Pad", "", {F32({2, 3}), ConstInts({1, 1, 1, 1}), F32({})}, {}}, kAll);
  cases->push_back({"Pad", "", {F32({0}), ConstInts({2, 1}), F32({})}, {}});
}

}  // namespace

void AddReduceCases(OpCases* cases) {
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"}) {
    for (int64_t keep : {0, 1}) {
      Attributes attrs = {{"keepdims", Int(keep)}};
      for (const Shape& shape : kShapes) {
        AddWithDTypes(cases, {op, "", {F32(shape).In(-1.5, 1.5)}, attrs, 1, 4}, kNumbers);
        for (int64_t axis = 0; axis < static_cast<int64_t>(shape.rank()); ++axis) {
          AddWithDTypes(cases, {op, "", {F32(shape).In(-1.5, 1.5), ConstInts({axis})}, attrs, 1, 4},
                        kNumbers);
        }
      }
      auto add = [&](const Shape& shape, IntList axes, const std::vector<DType>& dtypes) {
        AddWithDTypes(cases, {op, "", {F32(shape).In(0.5, 1.5), ConstInts(axes)}, attrs, 1, 4},
                      dtypes);
      };
      add({4, 5, 6}, {0, 2}, kNumbers);
      add({4, 5, 6}, {-1, -2}, kNumbers);
      add({2, 3, 4, 5}, {1, 2}, kNumbers);
      add({2, 3, 4, 5}, {0, 3}, kNumbers);
      add({2, 3, 2, 3, 2}, {0, 2, 4}, kNumbers);
      add({2, 3, 2, 3, 2}, {1, 3}, kNumbers);
      add({2, 3}, {1}, kNumbers);
      add({2, 3, 4}, {0, 1, 2}, kNumbers);
      add({2, 0, 3}, {1}, kNumbers);
      add({0, 3}, {1}, kNumbers);
      add({3, 1000}, {1}, kNumbers);
      add({700, 3}, {0}, kNumbers);
      add({5, 600}, {0}, kNumbers);
    }
    cases->push_back({op, "", {F32({})}, {}});
    cases->push_back({op, "", {F32({2, 3}), ConstInts({})}, {{"noop_with_empty_axes", Int(1)}}});
  }
  for (const char* op : {"ArgMax", "ArgMin"}) {
    for (const Shape& shape : kShapes) {
      for (int64_t axis = 0; axis < static_cast<int64_t>(shape.rank()); ++axis) {
        for (int64_t last : {0, 1}) {
          AddWithDTypes(
              cases,
              {op,
               "",
               {F32(shape).Whole()},
               {{"axis", Int(axis)}, {"select_last_index", Int(last)}, {"keepdims", Int(last)}}},
              kNumbers);
        }
      }
    }
    cases->push_back({op, "", {F32({0, 3})}, {{"axis", Int(1)}}});
    AddWithDTypes(cases, {op, "", {F32({16, 10})}, {{"axis", Int(-1)}}}, kNumbers);
  }
}

void AddShapeCases(OpCases* cases) {
  AddWithDTypes(cases, {"Identity", "", {F32({2, 3})}, {}}, kAll);
  cases->push_back({"Identity", "", {F32({0})}, {}});
  AddWithDTypes(cases, {"Reshape", "", {F32({2, 6}), ConstInts({3, -1})}, {}}, kAll);
  cases->push_back({"Reshape", "", {F32({2, 3, 4}), ConstInts({0, -1})}, {}});
  cases->push_back({"Reshape", "", {F32({0, 4}), ConstInts({-1, 2, 2})}, {}});
  cases->push_back({"Reshape", "", {F32({1}), ConstInts({})}, {}});
  AddWithDTypes(cases, {"Squeeze", "", {F32({1, 3, 1})}, {}}, kAll);
  cases->push_back({"Squeeze", "", {F32({1, 3, 1}), ConstInts({-1})}, {}});
  AddWithDTypes(cases, {"Unsqueeze", "", {F32({3}), ConstInts({0, 2})}, {}}, kAll);
  AddWithDTypes(cases, {"Flatten", "", {F32({2, 3, 4})}, {}}, kAll);
  cases->push_back({"Flatten", "", {F32({2, 3, 4})}, {{"axis", Int(-1)}}});
  cases->push_back({"Flatten", "", {F32({0, 3})}, {{"axis", Int(0)}}});
  for (const Shape& shape : {Shape{}, Shape{2, 3}, Shape{0, 4, 1}}) {
    AddWithDTypes(cases, {"Shape", "", {F32(shape)}, {}}, kAll);
    AddWithDTypes(cases, {"Size", "", {F32(shape)}, {}}, kAll);
    cases->push_back({"Shape", "", {F32(shape)}, {{"start", Int(-2)}, {"end", Int(-1)}}});
  }
}

void AddMovementCases(OpCases* cases) {
  auto transpose = [&](const Shape& x, IntList perm, const std::vector<DType>& dtypes) {
    AddWithDTypes(cases, {"Transpose", "", {F32(x)}, {{"perm", perm}}}, dtypes);
  };
  transpose({3, 5}, {1, 0}, kAll);
  transpose({67, 129}, {1, 0}, kFloats);
  transpose({2, 3, 4, 5}, {0, 2, 3, 1}, kAll);
  transpose({2, 4, 5, 3}, {0, 3, 1, 2}, kHalves);
  transpose({5, 5, 3, 8}, {3, 2, 0, 1}, {});
  transpose({2, 3, 4}, {2, 1, 0}, {});
  transpose({2, 3, 4}, {0, 1, 2}, {});
  transpose({2, 0, 4}, {2, 0, 1}, {});
  transpose({1, 2, 1, 3, 2}, {4, 2, 0, 3, 1}, {});
  cases->push_back({"Transpose", "", {F32({2, 3, 4})}, {}});
  cases->push_back({"Transpose", "", {F32({})}, {}});

  AddWithDTypes(cases, {"Expand", "", {F32({3, 1}), ConstInts({2, 1, 4})}, {}}, kAll);
  cases->push_back({"Expand", "", {F32({}), ConstInts({3, 5})}, {}});
  cases->push_back({"Expand", "", {F32({1}), ConstInts({0})}, {}});
  cases->push_back({"Expand", "", {F32({2, 3}), ConstInts({1})}, {}});
  AddWithDTypes(cases, {"Tile", "", {F32({2, 3}), ConstInts({2, 3})}, {}}, kAll);
  cases->push_back({"Tile", "", {F32({2, 3}), ConstInts({1, 0})}, {}});
  cases->push_back({"Tile", "", {F32({2, 1, 3}), ConstInts({3, 4, 1})}, {}});
  AddConcatAndSplit(cases);
  AddSlices(cases);
  AddGathers(cases);
  AddPads(cases);
}

void AddGeneratorCases(OpCases* cases) {
  cases->push_back({"Range", "", {ConstScalar(2), ConstScalar(17), ConstScalar(3)}, {}});
  cases->push_back({"Range", "", {ConstScalar(5), ConstScalar(-5), ConstScalar(-2)}, {}});
  AddWithDTypes(cases, {"Range", "", {ConstReal(2), ConstReal(17), ConstReal(3)}, {}},
                {DType::kF64, DType::kI16, DType::kI32});
  AddWithDTypes(cases, {"Range", "", {ConstReal(0.5), ConstReal(9000), ConstReal(0.875)}, {}},
                {DType::kF64});
  cases->push_back({"Range", "", {ConstScalar(0), ConstScalar(0), ConstScalar(1)}, {}});
  for (const IntList& shape : {IntList{}, IntList{3}, IntList{2, 0}, IntList{4, 5}}) {
    cases->push_back({"ConstantOfShape", "", {ConstInts(shape)}, {}});
    AddWithDTypes(cases, {"ConstantOfShape", "", {ConstInts(shape)}, {{"value", Int(3)}}}, kAll);
    AddWithDTypes(cases, {"ConstantOfShape", "", {ConstInts(shape)}, {{"value", Real(2.5)}}}, kAll);
  }
  for (int64_t axis : {-1, 0}) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{5}, Shape{2, 3}}) {
      AddWithDTypes(cases,
                    {"OneHot",
                     "",
                     {Of(DType::kI64, shape).In(-6, 6), ConstScalar(4), F32({2})},
                     {{"axis", Int(axis)}}},
                    kAll);
    }
  }
  for (DType index : kNumbers) {
    Arg indices = Of(index, {5}).In(IsUnsignedInteger(index) ? 0 : -5, 9);
    cases->push_back({"OneHot", "", {indices, ConstScalar(10), F32({2})}, {}});
  }
}

}  // namespace midstream::op_cases
