#include "ops/product.h"

#include <algorithm>
#include <bit>

#include "ops/elements.h"

namespace midstream::opencl {
namespace {

constexpr int64_t kGroupTile = 64;  // rows and columns that a work-group computes

int64_t Ceil(int64_t value, int64_t step) { return (value + step - 1) / step; }

// How a work-item of kernel variant `tiles` sees a panel: no wider than the matrix needs.
struct Vectors {
  int64_t lanes;
  int64_t count;
};
Vectors VectorsOf(int64_t columns, const Traits& traits) {
  const int64_t native = std::clamp<int64_t>(std::bit_floor(traits.float_lanes), 4, 16);
  int64_t lanes = 4;
  while (lanes < columns && lanes < native) lanes *= 2;
  return {lanes, columns > lanes ? 2 : 1};
}
int64_t PanelWidth(int64_t columns, const Traits& traits) {
  if (!traits.tiles) return kGroupTile;
  const Vectors vectors = VectorsOf(columns, traits);
  return vectors.lanes * vectors.count;
}

ms_dtype Bits(ms_dtype dtype) { return {MS_DTYPE_UINT, dtype.bits, 1}; }

struct Tile {
  int64_t rows;
  int64_t panels;
};

// Tiles with about as many sums as there are vector registers, the likeliest first.
std::vector<Tile> Tiles(int64_t rows, const Vectors& vectors) {
  if (rows <= 2) return {{rows, 2}};
  if (rows <= 4) return {{4, 1}};
  if (vectors.count == 1) return {{8, 1}};
  if (vectors.lanes < 16) return {{4, 1}, {6, 1}};
  if (rows <= 8) return {{8, 1}, {4, 1}};
  return {{8, 1}, {12, 1}, {6, 2}};
}

constexpr int64_t kWorthTuning = int64_t{1} << 22;  // multiplications

}  // namespace

Scalar Factors(double alpha, double beta, const Activation& activation, bool wide) {
  const std::array<double, 4> factors{alpha, beta, activation.p0, activation.p1};
  if (wide) return Scalar::Of(factors);
  std::array<float, 4> narrow;
  std::ranges::transform(factors, narrow.begin(), [](double v) { return static_cast<float>(v); });
  return Scalar::Of(narrow);
}

int32_t Fit(int64_t value) {
  if (value > INT32_MAX)
    throw sdk::Error(MS_UNIMPLEMENTED, "a tensor has more elements than opencl's products take");
  return static_cast<int32_t>(value);
}

PackedMatrix::PackedMatrix(const PackShape& shape, int64_t matrices, ms_dtype dtype,
                           const Traits& traits)
    : shape_(shape), matrices_(matrices), dtype_(dtype), width_(PanelWidth(shape.columns, traits)) {
  shape_.panels = Fit(Ceil(shape.columns, width_));
  shape_.channels = std::max(shape_.channels, 1);
}

int64_t PackedMatrix::matrix_elements() const {
  return int64_t{shape_.panels} * width_ * shape_.depth;
}

Call PackedMatrix::MakeCall(const char* kernel, Operand from, Operand to) const {
  Call call{"pack", kernel, "-DWIDTH=" + std::to_string(width_) + DefineType("TX", Bits(dtype_))};
  call.args = {std::move(from), std::move(to), Scalar::Of(shape_)};
  call.global = {static_cast<size_t>(width_), static_cast<size_t>(shape_.depth),
                 static_cast<size_t>(shape_.panels * matrices_)};
  call.local = {static_cast<size_t>(width_), 8, 1};
  return call;
}

Packing PackedMatrix::AsPacking(const Operand& value) const {
  Packing packing;
  packing.key.assign(reinterpret_cast<const char*>(&shape_), sizeof shape_);
  packing.bytes = static_cast<uint64_t>(elements()) * sdk::ByteWidth(dtype_);
  packing.pack = {
      MakeCall("pack", Packing::From(dtype_, value.shape), Packing::To(dtype_, {elements()}))};
  packing.unpack = {
      MakeCall("unpack", Packing::From(dtype_, {elements()}), Packing::To(dtype_, value.shape))};
  return packing;
}

Operand PackedMatrix::PackInPlan(PlanBuilder& plan, const Operand& b) const {
  Operand packed = plan.Scratch(dtype_, {elements()});
  plan.Launch(MakeCall("pack", b, packed));
  return packed;
}

void LaunchProduct(PlanBuilder& plan, const Product& product) {
  ProductShape shape = product.shape;
  shape.activation = product.activation.code;
  const Traits& traits = plan.traits();
  const bool wide = IsF64(product.a.dtype) || IsF64(product.b.dtype) || IsF64(product.y.dtype);
  std::string defines = DefineType("TA", product.a.dtype) + DefineType("TB", product.b.dtype) +
                        DefineType("TC", product.c.dtype) + DefineType("TY", product.y.dtype) +
                        DefineType("TS", wide ? sdk::kF64 : sdk::kF32);
  const auto n_batches = static_cast<int64_t>(product.batches.size());
  const Operand batches = plan.Constant(sdk::kI64, {n_batches * 4}, product.batches.data());
  Call call{"product", "product_groups", "-DGROUPS" + defines};
  call.args = {product.a,
               product.b,
               product.c,
               product.y,
               batches,
               Scalar::Of(shape),
               Factors(product.alpha, product.beta, product.activation, wide)};
  call.global[2] = static_cast<size_t>(n_batches);
  if (!traits.tiles) {
    call.global[0] = static_cast<size_t>(Ceil(shape.rows, kGroupTile)) * 16;
    call.global[1] = static_cast<size_t>(Ceil(shape.columns, kGroupTile)) * 16;
    call.local = {16, 16, 1};
    call.fixed_local = true;
    return plan.Launch(std::move(call));
  }
  call.kernel = "product_tiles";
  std::vector<Call> calls;
  const Vectors vectors = VectorsOf(shape.columns, traits);
  for (const Tile& tile : Tiles(shape.rows, vectors)) {
    call.defines = "-DTILES -DLANES=" + std::to_string(vectors.lanes) +
                   " -DVECTORS=" + std::to_string(vectors.count) +
                   " -DROWS=" + std::to_string(tile.rows) +
                   " -DPANELS=" + std::to_string(tile.panels) + defines;
    call.global[0] = static_cast<size_t>(Ceil(shape.rows, tile.rows));
    call.global[1] = static_cast<size_t>(
        Ceil(Ceil(shape.columns, PanelWidth(shape.columns, traits)), tile.panels));
    calls.push_back(call);
  }
  const int64_t work = int64_t{shape.rows} * shape.columns * shape.depth * n_batches;
  if (work < kWorthTuning) calls.resize(1);
  plan.LaunchFastest(std::move(calls));
}

}  // namespace midstream::opencl
