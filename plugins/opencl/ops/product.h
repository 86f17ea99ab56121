// Products with a packed matrix: what matrix products and convolutions have in common.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_PRODUCT_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_PRODUCT_H_

#include "kernel.h"
#include "ops/activation.h"

namespace midstream::opencl {

// Mirrors product_t of kernels/product.cl; see there.
struct ProductShape {
  int32_t rows = 0, columns = 0, depth = 0;
  int32_t width = 1, height = 1;
  int32_t image_step = 0, y_step = 0, x_step = 0, depth_step = 1;
  int32_t segments_across = 1, segment_depth = 1, down_step = 0, across_step = 0;
  int32_t y_row_step = 0;
  int32_t c_row_step = 0, c_column_step = 0;
  int32_t activation = 0;
  int32_t has_c = 0;
};

// Mirrors pack_t of kernels/pack.cl; see there.
struct PackShape {
  int32_t depth = 0, columns = 0, panels = 0;
  int32_t across = 1, channels = 1;
  int32_t y_step = 0, x_step = 0, channel_step = 0, column_step = 0;
  int32_t matrix_step = 0;
};

// The first element of each operand, for one of several products of equal shape.
struct Batch {
  int64_t a = 0, b = 0, y = 0, c = 0;
};

// `matrices` matrices of this shape; panels is filled in here.
class PackedMatrix {
 public:
  PackedMatrix(const PackShape& shape, int64_t matrices, ms_dtype dtype, const Traits& traits);

  int64_t width() const { return width_; }  // of a panel
  int32_t panels() const { return shape_.panels; }
  int64_t elements() const { return matrices_ * matrix_elements(); }
  int64_t matrix_elements() const;
  // As the form of a weight with this shape.
  Packing AsPacking(const Operand& value) const;
  // Packs while the plan runs.
  Operand PackInPlan(PlanBuilder& plan, const Operand& b) const;

 private:
  Call MakeCall(const char* kernel, Operand from, Operand to) const;

  PackShape shape_;
  int64_t matrices_;
  ms_dtype dtype_;
  int64_t width_;
};

struct Product {
  Operand a, b, c, y;  // b packed; c: any operand when there is none
  ProductShape shape;
  Activation activation;
  double alpha = 1, beta = 1;
  std::vector<Batch> batches;
};

// {alpha, beta, p0, p1} in the type of the sums: float64 when `wide`.
Scalar Factors(double alpha, double beta, const Activation& activation, bool wide);

void LaunchProduct(PlanBuilder& plan, const Product& product);

// int32 for the kernels' index arithmetic. Throws Error(MS_UNIMPLEMENTED) when it does not fit.
int32_t Fit(int64_t value);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_PRODUCT_H_
