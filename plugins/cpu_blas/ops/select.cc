// Operators that choose elements by value: Gather, Where, OneHot, Not.
#include <cstring>

#include "ops/broadcast.h"
#include "ops/elements.h"
#include "ops/integers.h"
#include "ops/op_table.h"
#include "ops/strided_copy.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

class GatherKernel final : public sdk::Kernel {
 public:
  explicit GatherKernel(int64_t axis) : axis_(axis) {}
  void Run(const KernelArgs& args) const override {
    const TensorView& x = args.inputs[0];
    const uint32_t axis = PositiveAxis(axis_, x.rank);
    auto run = static_cast<int64_t>(sdk::ByteWidth(x.dtype));
    for (uint32_t i = axis + 1; i < x.rank; ++i) run *= x.dim(i);
    int64_t before = 1;
    for (uint32_t i = 0; i < axis; ++i) before *= x.dim(i);
    if (args.outputs[0].count() == 0) return;
    Integers indices(args, 1);
    auto* to = args.outputs[0].as<std::byte>();
    for (int64_t outer = 0; outer < before; ++outer) {
      const std::byte* from = x.as<std::byte>() + outer * x.dim(axis) * run;
      for (int64_t i = 0; i < indices.size(); ++i, to += run) {
        int64_t at = indices[i] < 0 ? indices[i] + x.dim(axis) : indices[i];
        if (at < 0 || at >= x.dim(axis)) {
          throw sdk::Error(MS_INVALID_ARGUMENT, "Gather: index " + std::to_string(indices[i]) +
                                                    " is outside an axis of " +
                                                    std::to_string(x.dim(axis)));
        }
        std::memcpy(to, from + at * run, static_cast<size_t>(run));
      }
    }
  }

 private:
  const int64_t axis_;
};

class WhereKernel final : public sdk::Kernel {
 public:
  void Run(const KernelArgs& args) const override {
    switch (sdk::ByteWidth(args.outputs[0].dtype)) {
      case 1:
        return RunOf<uint8_t>(args);
      case 2:
        return RunOf<uint16_t>(args);
      case 4:
        return RunOf<uint32_t>(args);
      default:
        return RunOf<uint64_t>(args);
    }
  }

 private:
  template <typename T>
  static void RunOf(const KernelArgs& args) {
    const TensorView& out = args.outputs[0];
    if (out.count() == 0) return;
    Broadcast broadcast(out, args.inputs, 3);
    const int64_t n = broadcast.row_length(), rows = broadcast.row_count();
    const bool steps[3] = {broadcast.advances(0), broadcast.advances(1), broadcast.advances(2)};
    ForRange(
        *args.host, static_cast<double>(n * rows) / 2e3, rows, 1, [&](int64_t begin, int64_t end) {
          broadcast.ForRows(begin, end, [&](int64_t at, const auto& offsets) {
            RunRow(args.inputs[0].as<uint8_t>() + offsets[0], args.inputs[1].as<T>() + offsets[1],
                   args.inputs[2].as<T>() + offsets[2], out.as<T>() + at, steps, n);
          });
        });
  }

  // What stands still is read once, so that the loops become vector code.
  template <typename T>
  static void RunRow(const uint8_t* condition, const T* yes, const T* no, T* to, const bool* steps,
                     int64_t n) {
    if (!steps[0]) {
      const bool first = *condition != 0;
      const T* from = first ? yes : no;
      if (steps[first ? 1 : 2]) {
        std::copy_n(from, n, to);
      } else {
        std::fill_n(to, n, *from);
      }
    } else if (steps[1] && steps[2]) {
      for (int64_t i = 0; i < n; ++i) to[i] = condition[i] != 0 ? yes[i] : no[i];
    } else if (steps[1]) {
      const T other = *no;
      for (int64_t i = 0; i < n; ++i) {
        const T value = yes[i];
        to[i] = condition[i] != 0 ? value : other;
      }
    } else if (steps[2]) {
      const T other = *yes;
      for (int64_t i = 0; i < n; ++i) {
        const T value = no[i];
        to[i] = condition[i] != 0 ? other : value;
      }
    } else {
      const T values[2] = {*no, *yes};
      for (int64_t i = 0; i < n; ++i) to[i] = condition[i] != 0 ? values[1] : values[0];
    }
  }
};

// Elements of the output type: all off, then one on for each index that lies in the depth.
class OneHotKernel final : public sdk::Kernel {
 public:
  OneHotKernel(const KernelTable& isa, int64_t axis) : isa_(isa), axis_(axis) {}
  void Run(const KernelArgs& args) const override {
    const TensorView& out = args.outputs[0];
    if (out.count() == 0) return;
    const uint32_t axis = PositiveAxis(axis_, out.rank);
    const int64_t depth = out.dim(axis);
    const size_t width = sdk::ByteWidth(out.dtype);
    const auto* values = args.inputs[2].as<std::byte>();
    auto* to = out.as<std::byte>();
    for (int64_t i = 0; i < out.count(); ++i)
      std::memcpy(to + i * static_cast<int64_t>(width), values, width);
    int64_t inner = 1;
    for (uint32_t i = axis + 1; i < out.rank; ++i) inner *= out.dim(i);
    const TensorView& indices = args.inputs[0];
    for (int64_t i = 0; i < indices.count(); ++i) {
      int64_t at = 0;
      const auto offset = static_cast<uint64_t>(i) * sdk::ByteWidth(indices.dtype);
      ConvertElements(isa_, indices.dtype, indices.as<std::byte>() + offset, sdk::kI64, &at, 1);
      if (at < 0) at += depth;
      if (at < 0 || at >= depth) continue;
      int64_t element = (i / inner * depth + at) * inner + i % inner;
      std::memcpy(to + element * static_cast<int64_t>(width), values + width, width);
    }
  }

 private:
  const KernelTable& isa_;
  const int64_t axis_;
};

class NotKernel final : public sdk::Kernel {
 public:
  void Run(const KernelArgs& args) const override {
    const uint8_t* x = args.inputs[0].as<uint8_t>();
    uint8_t* out = args.outputs[0].as<uint8_t>();
    for (int64_t i = 0; i < args.inputs[0].count(); ++i) out[i] = x[i] == 0;
  }
};

Claim ClaimSelect(const NodeView& node) {
  const ms_dtype dtype = node.output(0).dtype();
  if (!HasCopyWidth(dtype)) return Claim::No(MS_REASON_DTYPE);
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!node.input(i).rank_known() || node.input(i).info().rank > kMaxBroadcastRank) {
      return Claim::No(MS_REASON_SHAPE);
    }
  }
  return Claim::Yes(dtype, dtype);
}

Claim ClaimOneHot(const NodeView& node) {
  if (!ElementTypeOf(node.input(0).dtype())) return Claim::No(MS_REASON_DTYPE);
  return ClaimSelect(node);
}

}  // namespace

void AddSelectOps(OpList* list) {
  using Created = std::unique_ptr<sdk::Kernel>;
  list->push_back({kOnnx, "Gather", ClaimSelect, [](const NodeView& node, const Setup&) {
                     return Created(std::make_unique<GatherKernel>(node.Int("axis", 0)));
                   }});
  list->push_back({kOnnx, "Where", ClaimSelect, [](const NodeView&, const Setup&) {
                     return Created(std::make_unique<WhereKernel>());
                   }});
  list->push_back({kOnnx, "OneHot", ClaimOneHot, [](const NodeView& node, const Setup& setup) {
                     return Created(
                         std::make_unique<OneHotKernel>(setup.isa, node.Int("axis", -1)));
                   }});
  list->push_back({kOnnx, "Not", ClaimSelect, [](const NodeView&, const Setup&) {
                     return Created(std::make_unique<NotKernel>());
                   }});
}

}  // namespace midstream::cpu_blas
