// Convolution of 3x3 filters by transformed tiles (kernels/winograd.cl): 16 products instead of 36
// multiplications for each 2x2 outputs.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_WINOGRAD_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_WINOGRAD_H_

#include "ops/product.h"

namespace midstream::opencl {

// Mirrors winograd_t of kernels/winograd.cl; see there.
struct WinogradShape {
  int32_t channels = 0, outputs = 0;
  int32_t tiles_across = 0, tiles_down = 0, images = 0;
  int32_t width = 0, height = 0;
  int32_t line = 0, image_step = 0;
  int32_t w_y = 0, w_x = 0, w_in = 0, w_out = 0;
  int32_t panels = 0;
  int32_t activation = 0, has_c = 0;
};

constexpr int64_t kWinogradTile = 4;
constexpr int64_t kWinogradPlaces = kWinogradTile * kWinogradTile;

// Filters, of which the channels, outputs and steps are set, as the form of a weight. There is no
// way back from it.
Packing WinogradPacking(WinogradShape shape, const Operand& filters, const Traits& traits);

struct Winograd {
  Operand x;        // padded, channels last: at least two pixels more than twice the tiles
  Operand filters;  // as they are; read where they are not packed
  Operand c, y;     // c: any operand when there is none; y: channels last
  WinogradShape shape;
  Activation activation;
};
// filters are input 1 of the node.
void LaunchWinograd(PlanBuilder& plan, const Winograd& conv);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_WINOGRAD_H_
