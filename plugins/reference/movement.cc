// Operators that copy elements to other places. Each says, for a place of one tensor, where its
// element comes from.
#include <algorithm>
#include <array>

#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

void CopyElement(const TensorView& from, int64_t i, const TensorView& to, int64_t k) {
  uint64_t width = sdk::ByteWidth(to.dtype);
  std::memcpy(to.as<std::byte>() + static_cast<uint64_t>(k) * width,
              from.as<std::byte>() + static_cast<uint64_t>(i) * width, width);
}

// y[at] = x[start + at * strides].
void CopyStrided(const TensorView& x, const TensorView& y, int64_t start, const Index& strides) {
  ForEach(y.shape(), [&](const Index& at, int64_t i) {
    CopyElement(x, start + Offset(at, strides, y.rank), y, i);
  });
}

KernelPtr Transpose(const NodeView& node) {
  return MakeMove([perm = node.Ints("perm")](const KernelArgs& args) {
    const TensorView& x = args.inputs[0];
    Index own = Strides(x.shape());
    Index strides{};
    for (size_t i = 0; i < x.rank; ++i) {
      strides[i] = own[perm.empty() ? x.rank - 1 - i : static_cast<size_t>(perm[i])];
    }
    CopyStrided(x, args.outputs[0], 0, strides);
  });
}

KernelPtr Expand(const NodeView&) {
  return MakeMove([](const KernelArgs& args) {
    const TensorView& y = args.outputs[0];
    CopyStrided(args.inputs[0], y, 0, BroadcastStrides(args.inputs[0].shape(), y.shape()));
  });
}

KernelPtr Tile(const NodeView&) {
  return MakeMove([](const KernelArgs& args) {
    const TensorView& x = args.inputs[0];
    Index strides = Strides(x.shape());
    ForEach(args.outputs[0].shape(), [&](const Index& at, int64_t i) {
      int64_t from = 0;
      for (size_t axis = 0; axis < x.rank; ++axis) from += at[axis] % x.dim(axis) * strides[axis];
      CopyElement(x, from, args.outputs[0], i);
    });
  });
}

KernelPtr Concat(const NodeView& node) {
  return MakeMove([axis = node.Int("axis", 0)](const KernelArgs& args) {
    const TensorView& y = args.outputs[0];
    size_t along = NormalAxis(axis, y.rank);
    Index strides = Strides(y.shape());
    int64_t start = 0;
    for (uint32_t k = 0; k < args.n_inputs; ++k) {
      const TensorView& x = args.inputs[k];
      ForEach(x.shape(), [&](const Index& at, int64_t i) {
        CopyElement(x, i, y, start + Offset(at, strides, y.rank));
      });
      start += x.dim(along) * strides[along];
    }
  });
}

KernelPtr Split(const NodeView& node) {
  return MakeMove([axis = node.Int("axis", 0)](const KernelArgs& args) {
    const TensorView& x = args.inputs[0];
    size_t along = NormalAxis(axis, x.rank);
    Index strides = Strides(x.shape());
    int64_t start = 0;
    for (uint32_t k = 0; k < args.n_outputs; ++k) {
      CopyStrided(x, args.outputs[k], start, strides);
      start += args.outputs[k].dim(along) * strides[along];
    }
  });
}

// First element of a slice along an axis of `size`.
int64_t SliceStart(int64_t start, int64_t size, int64_t step) {
  if (start < 0) start += size;
  return std::clamp<int64_t>(start, 0, step > 0 ? size : size - 1);
}

KernelPtr Slice(const NodeView&) {
  return MakeMove([](const KernelArgs& args) {
    const TensorView& x = args.inputs[0];
    if (args.outputs[0].count() == 0) return;
    Index strides = Strides(x.shape());
    int64_t first = 0;
    for (int64_t i = 0; i < args.inputs[1].count(); ++i) {
      size_t axis = NormalAxis(HasInput(args, 3) ? IntAt(args.inputs[3], i) : i, x.rank);
      int64_t step = HasInput(args, 4) ? IntAt(args.inputs[4], i) : 1;
      first += SliceStart(IntAt(args.inputs[1], i), x.dim(axis), step) * strides[axis];
      // An axis of which one element is left makes no step, however large.
      strides[axis] = args.outputs[0].dim(axis) > 1 ? strides[axis] * step : 0;
    }
    CopyStrided(x, args.outputs[0], first, strides);
  });
}

KernelPtr Gather(const NodeView& node) {
  return MakeMove([axis = node.Int("axis", 0)](const KernelArgs& args) {
    const TensorView& x = args.inputs[0];
    const TensorView& indices = args.inputs[1];
    size_t along = NormalAxis(axis, x.rank);
    Index strides = Strides(x.shape());
    Index index_strides = Strides(indices.shape());
    int64_t size = x.dim(along);
    ForEach(args.outputs[0].shape(), [&](const Index& at, int64_t i) {
      int64_t from = 0;
      int64_t place = 0;
      for (size_t axis_out = 0; axis_out < args.outputs[0].rank; ++axis_out) {
        if (axis_out < along) {
          from += at[axis_out] * strides[axis_out];
        } else if (axis_out < along + indices.rank) {
          place += at[axis_out] * index_strides[axis_out - along];
        } else {
          from += at[axis_out] * strides[axis_out - indices.rank + 1];
        }
      }
      int64_t idx = IntAt(indices, place);
      if (idx < -size || idx >= size) {
        throw sdk::Error(MS_OUT_OF_RANGE, "Gather: index " + std::to_string(idx) +
                                              " is outside an axis of " + std::to_string(size));
      }
      CopyElement(x, from + (idx < 0 ? idx + size : idx) * strides[along], args.outputs[0], i);
    });
  });
}

enum class PadMode { kConstant, kReflect, kEdge };

// The element that stands at `position` along an axis of `size`, or -1 for the constant.
int64_t PadSource(PadMode mode, int64_t position, int64_t size) {
  if (position >= 0 && position < size) return position;
  if (mode == PadMode::kConstant) return -1;
  if (mode == PadMode::kEdge) return std::clamp<int64_t>(position, 0, size - 1);
  return position < 0 ? -position : 2 * (size - 1) - position;
}

KernelPtr Pad(const NodeView& node) {
  std::string name = node.String("mode", "constant");
  PadMode mode = name == "reflect" ? PadMode::kReflect
                 : name == "edge"  ? PadMode::kEdge
                                   : PadMode::kConstant;
  return MakeMove([mode](const KernelArgs& args) {
    const TensorView& x = args.inputs[0];
    const TensorView& y = args.outputs[0];
    Index begin{};
    int64_t n = args.inputs[1].count() / 2;
    for (int64_t i = 0; i < n; ++i) {
      begin[NormalAxis(HasInput(args, 3) ? IntAt(args.inputs[3], i) : i, x.rank)] =
          IntAt(args.inputs[1], i);
    }
    Index strides = Strides(x.shape());
    ForEach(y.shape(), [&](const Index& at, int64_t i) {
      int64_t from = 0;
      for (size_t axis = 0; axis < x.rank && from >= 0; ++axis) {
        int64_t source = PadSource(mode, at[axis] - begin[axis], x.dim(axis));
        from = source < 0 ? -1 : from + source * strides[axis];
      }
      uint64_t width = sdk::ByteWidth(y.dtype);
      if (from >= 0) {
        CopyElement(x, from, y, i);
      } else if (HasInput(args, 2)) {
        CopyElement(args.inputs[2], 0, y, i);
      } else {
        std::memset(y.as<std::byte>() + static_cast<uint64_t>(i) * width, 0, width);
      }
    });
  });
}

constexpr std::array kTable = {
    KernelEntry{"", "Concat", ClaimAny, Concat}, KernelEntry{"", "Expand", ClaimAny, Expand},
    KernelEntry{"", "Gather", ClaimAny, Gather}, KernelEntry{"", "Pad", ClaimAny, Pad},
    KernelEntry{"", "Slice", ClaimAny, Slice},   KernelEntry{"", "Split", ClaimAny, Split},
    KernelEntry{"", "Tile", ClaimAny, Tile},     KernelEntry{"", "Transpose", ClaimAny, Transpose},
};

}  // namespace

std::span<const KernelEntry> MovementKernels() { return kTable; }

}  // namespace midstream::reference
