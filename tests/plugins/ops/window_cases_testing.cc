// Cases of convolution and pooling. Each is given channels first and run in both layouts.
#include <algorithm>

#include "tests/plugins/ops/op_case.h"

namespace midstream::op_cases {
namespace {

Shape ChannelsLast(const Shape& shape) {
  std::vector<int64_t> dims = shape.dims();
  std::rotate(dims.begin() + 1, dims.begin() + 2, dims.end());
  return Shape(dims);
}
Shape Hwio(const Shape& oihw) {
  std::vector<int64_t> dims(oihw.dims().begin() + 2, oihw.dims().end());
  dims.push_back(oihw[1]);
  dims.push_back(oihw[0]);
  return Shape(dims);
}

struct ConvSize {
  Shape x;
  Shape w;
  Attributes attrs;
};

std::vector<ConvSize> ConvSizes() {
  AttrValue same = Text("SAME_UPPER");
  return {
      {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
      {{1, 1, 5, 5}, {1, 1, 3, 3}, {}},
      {{2, 3, 7, 6}, {5, 3, 3, 3}, {{"auto_pad", same}}},
      {{2, 3, 7, 6}, {5, 3, 2, 4}, {{"auto_pad", same}, {"strides", IntList{2, 3}}}},
      {{1, 2, 6, 6}, {4, 2, 2, 2}, {{"auto_pad", Text("SAME_LOWER")}}},
      {{1, 3, 9, 9}, {8, 3, 3, 3}, {{"auto_pad", Text("VALID")}, {"strides", IntList{2, 2}}}},
      {{1, 4, 9, 8}, {6, 4, 3, 3}, {{"dilations", IntList{2, 3}}, {"pads", IntList{2, 1, 0, 3}}}},
      {{3, 8, 5, 5}, {16, 8, 1, 1}, {}},
      {{1, 8, 5, 5}, {7, 8, 1, 1}, {{"strides", IntList{2, 2}}}},
      {{1, 8, 4, 4}, {9, 8, 1, 1}, {{"pads", IntList{1, 1, 1, 1}}}},
      {{1, 1, 28, 28}, {32, 1, 5, 5}, {{"auto_pad", same}}},
      {{2, 17, 14, 13}, {19, 17, 3, 3}, {{"auto_pad", same}}},
      {{1, 32, 14, 14}, {64, 32, 5, 5}, {{"auto_pad", same}}},
      {{1, 3, 11, 11}, {5, 3, 7, 7}, {{"auto_pad", same}, {"strides", IntList{2, 2}}}},
      {{1, 6, 5, 5}, {6, 1, 3, 3}, {{"group", Int(6)}, {"auto_pad", same}}},
      {{1, 6, 5, 5}, {12, 1, 3, 3}, {{"group", Int(6)}, {"strides", IntList{2, 2}}}},
      {{2, 6, 5, 5}, {8, 3, 3, 3}, {{"group", Int(2)}}},
      {{0, 3, 5, 5}, {4, 3, 3, 3}, {}},
      {{1, 0, 5, 5}, {4, 0, 3, 3}, {}},
      {{1, 3, 0, 5}, {4, 3, 3, 3}, {{"auto_pad", same}}},
      {{2, 3, 9}, {4, 3, 3}, {{"strides", IntList{2}}}},
      {{1, 2, 3, 4, 5}, {3, 2, 2, 2, 2}, {{"auto_pad", same}}},
      {{2, 4, 3, 5, 6}, {6, 2, 2, 3, 1}, {{"group", Int(2)}, {"strides", IntList{1, 2, 3}}}},
      {{1, 3, 4, 7, 6},
       {5, 3, 3, 2, 3},
       {{"dilations", IntList{1, 3, 2}}, {"pads", IntList{1, 0, 2, 2, 1, 0}}}},
      {{1, 4, 1, 1, 1}, {4, 1, 1, 1, 1}, {{"group", Int(4)}}},
      {{1, 2, 2, 3, 2, 3}, {3, 2, 1, 2, 2, 2}, {{"auto_pad", Text("SAME_LOWER")}}},
  };
}

void AddConv(OpCases* cases, const ConvSize& size) {
  // Convolution by transformed tiles (Winograd) loses a decimal digit.
  double slack = 6 * SlackFor(*ElementCount(size.w) / size.w[0]);
  Arg bias = F32({size.w[0]});
  OpCase plain{"Conv", "", {F32(size.x), F32(size.w)}, size.attrs, 1, slack};
  AddWithDTypes(cases, plain, kFloats);
  plain.args.push_back(bias);
  AddWithDTypes(cases, plain, {DType::kF64});

  OpCase fused = plain;
  fused.domain = "midstream";
  fused.attrs["activation"] = Text("Relu");
  cases->push_back(fused);
  fused.attrs["weight_layout"] = Text("HWIO");
  fused.args[1] = F32(Hwio(size.w));
  cases->push_back(fused);
  fused.attrs["data_layout"] = Text("NHWC");
  fused.args[0] = F32(ChannelsLast(size.x));
  AddWithDTypes(cases, fused, kFloats);
  for (DType stored : kFloats) {
    OpCase low = fused;
    low.args[1].dtype = stored;
    cases->push_back(low);
    low.args[0].dtype = stored;
    low.attrs["output_dtype"] = Text("float32");
    cases->push_back(low);
  }
  fused.attrs["weight_layout"] = Text("OIHW");
  fused.args[1] = F32(size.w);
  fused.args.resize(2);
  fused.attrs.erase("activation");
  cases->push_back(fused);
}

void AddActivations(OpCases* cases) {
  auto add = [&](const char* name, std::vector<double> params) {
    AddWithDTypes(cases,
                  {"Conv",
                   "midstream",
                   {F32({2, 5, 4, 3}), F32({3, 3, 3, 7}), F32({7})},
                   {{"data_layout", Text("NHWC")},
                    {"weight_layout", Text("HWIO")},
                    {"auto_pad", Text("SAME_UPPER")},
                    {"activation", Text(name)},
                    {"activation_params", std::move(params)}},
                   1,
                   2},
                  kFloats);
  };
  add("Clip", {0, 6});
  add("LeakyRelu", {0.1});
  add("Elu", {0.7});
  add("Sigmoid", {});
  add("Tanh", {});
}

// Channels first as ONNX has it, then both layouts as ours.
void AddBothLayouts(OpCases* cases, OpCase one, const std::vector<DType>& dtypes) {
  AddWithDTypes(cases, one, dtypes);
  one.domain = "midstream";
  AddWithDTypes(cases, one, dtypes);
  one.attrs["data_layout"] = Text("NHWC");
  one.args[0].shape = ChannelsLast(one.args[0].shape);
  AddWithDTypes(cases, one, dtypes);
}

std::vector<std::pair<Shape, Attributes>> PoolSizes() {
  AttrValue two = IntList{2, 2};
  AttrValue three = IntList{3, 3};
  return {
      {{1, 1, 2, 2}, {{"kernel_shape", two}}},
      {{2, 3, 7, 6}, {{"kernel_shape", two}, {"strides", two}}},
      {{2, 3, 7, 6}, {{"kernel_shape", two}, {"strides", two}, {"auto_pad", Text("SAME_UPPER")}}},
      {{1, 5, 7, 7}, {{"kernel_shape", three}, {"strides", two}, {"auto_pad", Text("SAME_LOWER")}}},
      {{1, 5, 7, 7}, {{"kernel_shape", three}, {"strides", two}, {"ceil_mode", Int(1)}}},
      {{1, 5, 6, 6},
       {{"kernel_shape", three},
        {"strides", two},
        {"ceil_mode", Int(1)},
        {"pads", IntList{1, 0, 0, 1}}}},
      {{1, 17, 8, 9}, {{"kernel_shape", IntList{2, 5}}, {"pads", IntList{1, 2, 0, 3}}}},
      {{1, 32, 28, 28},
       {{"kernel_shape", two}, {"strides", two}, {"auto_pad", Text("SAME_UPPER")}}},
      {{1, 4, 5, 5}, {{"kernel_shape", IntList{5, 5}}}},
      {{1, 4, 1, 1}, {{"kernel_shape", three}, {"auto_pad", Text("SAME_UPPER")}}},
      {{0, 3, 4, 4}, {{"kernel_shape", two}}},
      {{2, 0, 4, 4}, {{"kernel_shape", two}}},
      {{2, 3, 9}, {{"kernel_shape", IntList{3}}, {"strides", IntList{2}}}},
      {{1, 2, 4, 3, 5}, {{"kernel_shape", IntList{2, 2, 2}}, {"strides", IntList{1, 2, 2}}}},
      {{2, 3, 4, 5, 6},
       {{"kernel_shape", IntList{3, 2, 3}},
        {"strides", IntList{2, 2, 1}},
        {"auto_pad", Text("SAME_UPPER")}}},
      {{1, 2, 2, 3, 3, 3},
       {{"kernel_shape", IntList{1, 2, 3, 2}}, {"pads", IntList{0, 1, 2, 1, 0, 0, 1, 0}}}},
  };
}

}  // namespace

void AddConvCases(OpCases* cases) {
  for (const ConvSize& size : ConvSizes()) AddConv(cases, size);
  AddActivations(cases);
}

void AddPoolCases(OpCases* cases) {
  for (const auto& [shape, attrs] : PoolSizes()) {
    AddBothLayouts(cases, {"MaxPool", "", {F32(shape)}, attrs}, kNumbers);
    AddBothLayouts(cases, {"AveragePool", "", {F32(shape)}, attrs}, kFloats);
    Attributes with_padding = attrs;
    with_padding["count_include_pad"] = Int(1);
    AddBothLayouts(cases, {"AveragePool", "", {F32(shape)}, with_padding}, kFloats);
  }
  Attributes dilated = {{"kernel_shape", IntList{2, 2}}, {"dilations", IntList{2, 3}}};
  AddBothLayouts(cases, {"MaxPool", "", {F32({1, 3, 7, 8})}, dilated}, kNumbers);
  AddWithDTypes(cases,
                {"MaxPool",
                 "",
                 {F32({1, 2, 4, 4}).In(-9, -1)},
                 {{"kernel_shape", IntList{3, 3}}, {"auto_pad", Text("SAME_UPPER")}}},
                kNumbers);
  for (const Shape& shape :
       {Shape{2, 3, 4, 5}, Shape{1, 33, 7, 7}, Shape{1, 3, 1, 1}, Shape{0, 3, 4, 4},
        Shape{2, 0, 4, 4}, Shape{2, 3, 9}, Shape{1, 2, 2, 3, 4}}) {
    AddBothLayouts(cases, {"GlobalAveragePool", "", {F32(shape)}, {}}, kFloats);
    AddWithDTypes(cases, {"GlobalMaxPool", "", {F32(shape)}, {}}, kFloats);
  }
}

void AddNormalizationCases(OpCases* cases) {
  for (const Shape& shape :
       {Shape{2, 3, 4, 5}, Shape{1, 17, 1, 3}, Shape{0, 3, 2, 2}, Shape{3, 0, 2, 2}, Shape{2, 5},
        Shape{2, 3, 7}, Shape{4, 33, 14, 14}}) {
    int64_t channels = shape[1];
    Arg parameter = F32({channels});
    OpCase one{"BatchNormalization",
               "",
               {F32(shape), parameter, parameter, parameter, parameter.In(0.1, 2)},
               {{"epsilon", Real(1e-3)}},
               1,
               4};
    AddBothLayouts(cases, one, kFloats);
    if (shape.rank() < 3) continue;
    AddBothLayouts(cases, {"LRN", "", {F32(shape)}, {{"size", Int(5)}}}, kFloats);
    for (double beta : {0.5, 0.6, 1.0}) {
      AddBothLayouts(
          cases,
          {"LRN",
           "",
           {F32(shape)},
           {{"size", Int(2)}, {"alpha", Real(0.5)}, {"beta", Real(beta)}, {"bias", Real(2)}}},
          kFloats);
    }
    AddBothLayouts(cases, {"LRN", "", {F32(shape)}, {{"size", Int(99)}, {"alpha", Real(1)}}}, {});
  }
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    for (const Shape& shape :
         {Shape{1}, Shape{7}, Shape{2, 10}, Shape{16, 10}, Shape{3, 1}, Shape{0, 5}, Shape{2, 0},
          Shape{2, 3, 4}, Shape{5, 1000}, Shape{2, 3, 4, 5}}) {
      AddWithDTypes(cases, {op, "", {F32(shape).In(-8, 8)}, {}}, kFloats);
      for (int64_t axis = 0; axis < static_cast<int64_t>(shape.rank()); ++axis) {
        AddWithDTypes(cases, {op, "", {F32(shape)}, {{"axis", Int(axis)}}}, {DType::kF64});
      }
    }
    AddWithDTypes(cases, {op, "", {Exactly({2, 3}, {1000, 1001, 1002, -1000, -1000, -1000})}, {}},
                  kFloats);
  }
}

}  // namespace midstream::op_cases
