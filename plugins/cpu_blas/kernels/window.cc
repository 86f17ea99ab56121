// Windows over channels-last images: pooling and depthwise convolution, one output cell a call.
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace midstream::cpu_blas::MS_ISA {

void MaxWindow(const WindowArgs& args) {
  for (int64_t c = 0; c < args.channels; c += kLanes) {
    int64_t count = args.channels - c;
    Vec best = LoadUpTo(args.cells + c, count);
    for (int64_t y = 0; y < args.rows; ++y) {
      const float* cell = args.cells + y * args.row_step + c;
      for (int64_t x = 0; x < args.columns; ++x, cell += args.column_step) {
        best = Max(best, LoadUpTo(cell, count));
      }
    }
    StoreUpTo(args.out + c, best, count);
  }
}

void SumWindow(const WindowArgs& args, float scale) {
  for (int64_t c = 0; c < args.channels; c += kLanes) {
    int64_t count = args.channels - c;
    Vec sum = Set(0.0f);
    for (int64_t y = 0; y < args.rows; ++y) {
      const float* cell = args.cells + y * args.row_step + c;
      for (int64_t x = 0; x < args.columns; ++x, cell += args.column_step) {
        sum = sum + LoadUpTo(cell, count);
      }
    }
    StoreUpTo(args.out + c, sum * Set(scale), count);
  }
}

void Depthwise(const DepthwiseArgs& args) {
  const WindowArgs& window = args.window;
  for (int64_t c = 0; c < window.channels; c += kLanes) {
    int64_t count = window.channels - c;
    Vec sum = args.bias != nullptr ? LoadUpTo(args.bias + c, count) : Set(0.0f);
    for (int64_t y = 0; y < window.rows; ++y) {
      const float* cell = window.cells + y * window.row_step + c;
      const float* weight = args.weights + y * args.weight_row_step + c;
      for (int64_t x = 0; x < window.columns; ++x) {
        sum = Fma(LoadUpTo(cell, count), LoadUpTo(weight, count), sum);
        cell += window.column_step;
        weight += args.weight_column_step;
      }
    }
    if (args.clip) sum = Clip(sum, Set(args.low), Set(args.high));
    StoreUpTo(window.out + c, sum, count);
  }
}

}  // namespace midstream::cpu_blas::MS_ISA
