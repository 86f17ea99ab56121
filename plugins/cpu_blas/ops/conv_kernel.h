// Convolution as a kernel: fused bias, activation and, on request, a 2x2 maximum pooling.
//
// Ways, by weight shape and image: a plain matrix product (1x1), Winograd (3x3 and 5x5 with stride
// 1), a direct product over filter rows of a padded image, and one output cell at a time for
// depthwise filters. Images that are not channels last or not float32 are brought into that form
// in scratch memory.
#ifndef MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_KERNEL_H_
#define MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_KERNEL_H_

#include "ops/activation.h"
#include "ops/floats.h"
#include "ops/geometry.h"

namespace midstream::cpu_blas {

struct ConvOptions {
  WindowSpec window;
  bool weights_hwio = false;
  bool weights_packed = false;  // they are a weight or a constant
  int64_t group = 1;
  Activation activation;
  bool max_pool = false;  // 2x2, stride 2, after the activation; channels last only
};

class ConvKernel final : public sdk::Kernel {
 public:
  ConvKernel(const KernelTable& isa, ConvOptions options)
      : isa_(isa), options_(std::move(options)) {}

  uint64_t PackedBytes(uint32_t input, const sdk::TensorView& value) const override;
  void Pack(uint32_t input, const sdk::TensorView& value, std::byte* packed,
            const sdk::Host& host) const override;
  void Unpack(uint32_t input, const std::byte* packed, const sdk::TensorView& value) const override;
  uint64_t ScratchBytes(const sdk::KernelArgs& shapes) const override;
  void Run(const sdk::KernelArgs& args) const override;

 private:
  // Sizes and element steps of the filters.
  struct Filters {
    int64_t height, width, in, out;  // in: of one group; out: of all groups
    int64_t y_step, x_step, in_step, out_step;
    Storage storage;
  };
  // One call: shapes, the chosen way and where everything lies.
  struct Job {
    ImageShape in, out;  // out: before pooling
    Filters filters;
    WindowAxis y, x;
    bool depthwise = false, pointwise = false, winograd = false;
    bool pool_in_winograd = false;
    bool copy_image = false;  // else the caller's image is read as it is
    bool via_rows = false;    // results pass through rows in scratch memory
    int64_t m = 1;            // output rows and columns of a Winograd tile
    int64_t tiles_x = 0, tile_block = 0;
    int64_t row_step = 0;  // floats between two rows of the image or its copy
    int64_t rows_per_unit = 0, units_per_image = 0;
    uint32_t tasks = 1, slots = 1;
    const float* image = nullptr;
    const float* bias = nullptr;
    float* result = nullptr;  // float32, in the layout of the output
    const std::byte* packed = nullptr;
    std::byte* packed_here = nullptr;          // when the filters are packed on each run
    const float* depthwise_weights = nullptr;  // [filter cells][channels]
    float* depthwise_here = nullptr;
    int64_t* segments = nullptr;
    int64_t n_segments = 0, segment_length = 0;
    std::byte* slot_base = nullptr;
    uint64_t slot_bytes = 0;
  };
  // The scratch memory of one task.
  struct Slot {
    float* image;
    float* rows;
    float* inputs;    // Winograd: [36][tiles][in]
    float* products;  // Winograd: [36][tiles][out]
  };
  // Output rows [begin, end) of one image.
  struct Rows {
    int64_t image, begin, end;
    int64_t count() const { return end - begin; }
  };

  Filters FiltersOf(const sdk::TensorView& weights) const;
  bool WinogradFits(const Filters& filters) const;
  PackShape GroupShape(const Filters& filters) const;
  int64_t GroupElements(const Filters& filters) const;
  uint64_t ProductBytes(const Filters& filters) const;
  void PackGroups(const Filters& filters, const void* weights, std::byte* packed,
                  const sdk::Host& host) const;

  Job Prepare(const sdk::KernelArgs& args, ScratchCutter* scratch) const;
  void ChooseWay(const sdk::KernelArgs& args, Job* job) const;
  void PlanUnits(const sdk::Host& host, Job* job) const;
  void PlaceWeights(const sdk::KernelArgs& args, ScratchCutter* scratch, Job* job) const;
  Slot CutSlot(const Job& job, ScratchCutter* scratch) const;
  void PrepareWeights(const sdk::KernelArgs& args, Job* job) const;
  void FillSegments(Job* job) const;

  void RunPointwise(const Job& job, const sdk::Host& host) const;
  void RunUnits(const Job& job, const sdk::Host& host) const;
  void RunUnit(const Job& job, const Slot& slot, const Rows& rows) const;
  const float* ImageRows(const Job& job, const Slot& slot, const Rows& rows) const;
  void CopyImageRow(const Job& job, int64_t image, int64_t y, float* out) const;
  void RunDirect(const Job& job, const float* image, const Rows& rows, float* out) const;
  void RunDepthwise(const Job& job, const float* image, const Rows& rows, float* out) const;
  void RunWinograd(const Job& job, const Slot& slot, const float* image, const Rows& rows,
                   float* out) const;
  void Deliver(const Job& job, const float* from, const Rows& rows) const;

  const KernelTable& isa_;
  const ConvOptions options_;
};

}  // namespace midstream::cpu_blas

#endif  // MIDSTREAM_PLUGINS_CPU_BLAS_OPS_CONV_KERNEL_H_
