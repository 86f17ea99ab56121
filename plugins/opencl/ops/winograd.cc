#include "ops/winograd.h"

namespace midstream::opencl {
namespace {

PackedMatrix MatrixOf(const WinogradShape& shape, const Traits& traits) {
  PackShape matrix;
  matrix.depth = matrix.channels = shape.channels;
  matrix.columns = shape.outputs;
  return {matrix, kWinogradPlaces, sdk::kF32, traits};
}

Call FilterCall(WinogradShape shape, const PackedMatrix& matrix, Operand from, Operand to) {
  shape.panels = matrix.panels();
  Call call{"winograd", "winograd_filter", "-DWIDTH=" + std::to_string(matrix.width())};
  call.args = {std::move(from), std::move(to), Scalar::Of(shape)};
  call.global = {static_cast<size_t>(shape.panels) * static_cast<size_t>(matrix.width()),
                 static_cast<size_t>(shape.channels), 1};
  call.local = {32, 1, 1};
  return call;
}

// A work-item for each of `across` by tile.
Call TileCall(const char* kernel, const WinogradShape& shape, int32_t across) {
  Call call{"winograd", kernel, ""};
  call.global = {static_cast<size_t>(across), static_cast<size_t>(shape.tiles_across),
                 static_cast<size_t>(shape.tiles_down) * static_cast<size_t>(shape.images)};
  call.local = {32, 1, 1};
  return call;
}

}  // namespace

Packing WinogradPacking(WinogradShape shape, const Operand& filters, const Traits& traits) {
  const PackedMatrix matrix = MatrixOf(shape, traits);
  Packing packing;
  packing.key = "winograd ";
  packing.key.append(reinterpret_cast<const char*>(&shape), sizeof shape);
  packing.bytes = static_cast<uint64_t>(matrix.elements()) * sizeof(float);
  packing.pack = {FilterCall(shape, matrix, Packing::From(sdk::kF32, filters.shape),
                             Packing::To(sdk::kF32, {matrix.elements()}))};
  return packing;
}

void LaunchWinograd(PlanBuilder& plan, const Winograd& conv) {
  WinogradShape shape = conv.shape;
  shape.activation = conv.activation.code;
  const PackedMatrix matrix = MatrixOf(shape, plan.traits());
  const int64_t tiles =
      int64_t{shape.tiles_across} * int64_t{shape.tiles_down} * int64_t{shape.images};
  Operand filters;
  if (plan.IsPacked(1)) {
    filters = plan.packed(1, sdk::kF32, {matrix.elements()});
  } else {
    filters = plan.Scratch(sdk::kF32, {matrix.elements()});
    plan.Launch(FilterCall(shape, matrix, conv.filters, filters));
  }
  const Operand v = plan.Scratch(sdk::kF32, {kWinogradPlaces, tiles, shape.channels});
  const Operand m = plan.Scratch(sdk::kF32, {kWinogradPlaces, tiles, shape.outputs});
  Call input = TileCall("winograd_input", shape, shape.channels);
  input.args = {conv.x, v, Scalar::Of(shape)};
  plan.Launch(std::move(input));

  Product product{v, filters, v, m, {}, {}, 1, 1, {}};
  ProductShape& s = product.shape;
  s.rows = s.width = Fit(tiles);
  s.columns = s.y_row_step = shape.outputs;
  s.depth = s.segment_depth = s.x_step = shape.channels;
  for (int64_t i = 0; i < kWinogradPlaces; ++i) {
    product.batches.push_back(
        {i * tiles * shape.channels, i * matrix.matrix_elements(), i * tiles * shape.outputs, 0});
  }
  LaunchProduct(plan, product);

  Call output = TileCall("winograd_output", shape, shape.outputs);
  output.args = {m, conv.c, conv.y, Scalar::Of(shape), Factors(1, 1, conv.activation, false)};
  plan.Launch(std::move(output));
}

}  // namespace midstream::opencl
