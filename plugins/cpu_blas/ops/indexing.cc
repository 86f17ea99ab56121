// Operators that pick or place elements by computed positions (GatherND, ScatterND, TopK,
// ReverseSequence), and running sums (CumSum).
#include <algorithm>
#include <cstring>
#include <numeric>

#include "ops/floats.h"
#include "ops/integers.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

int64_t CountFrom(const TensorView& x, uint32_t axis) {
  int64_t count = 1;
  for (uint32_t i = axis; i < x.rank; ++i) count *= x.dim(i);
  return count;
}
int64_t CountBefore(const TensorView& x, uint32_t axis) {
  int64_t count = 1;
  for (uint32_t i = 0; i < axis; ++i) count *= x.dim(i);
  return count;
}

// Where tuple `row` of indices [..., depth] points into the axes of x from `first` on.
int64_t TupleOffset(const char* op, const TensorView& indices, int64_t row, const TensorView& x,
                    uint32_t first) {
  const auto depth = static_cast<uint32_t>(indices.dim(indices.rank - 1));
  const int64_t* tuple = indices.as<int64_t>() + row * depth;
  int64_t offset = 0;
  for (uint32_t k = 0; k < depth; ++k) {
    const int64_t size = x.dim(first + k);
    const int64_t idx = tuple[k] < 0 ? tuple[k] + size : tuple[k];
    if (idx < 0 || idx >= size) {
      throw sdk::Error(MS_OUT_OF_RANGE, std::string(op) + ": index " + std::to_string(tuple[k]) +
                                            " is outside an axis of " + std::to_string(size));
    }
    offset = offset * size + idx;
  }
  return offset * CountFrom(x, first + depth);
}

class GatherNDKernel final : public sdk::Kernel {
 public:
  explicit GatherNDKernel(int64_t batch) : batch_(static_cast<uint32_t>(batch)) {}
  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &indices = args.inputs[1];
    if (args.outputs[0].count() == 0) return;
    const auto depth = static_cast<uint32_t>(indices.dim(indices.rank - 1));
    const auto width = static_cast<int64_t>(sdk::ByteWidth(x.dtype));
    const int64_t bytes = CountFrom(x, batch_ + depth) * width;
    const int64_t rows = CountBefore(indices, indices.rank - 1);
    const int64_t rows_each = rows / CountBefore(x, batch_), step = CountFrom(x, batch_);
    auto* to = args.outputs[0].as<std::byte>();
    for (int64_t row = 0; row < rows; ++row, to += bytes) {
      int64_t from = row / rows_each * step + TupleOffset("GatherND", indices, row, x, batch_);
      std::memcpy(to, x.as<std::byte>() + from * width, static_cast<size_t>(bytes));
    }
  }

 private:
  const uint32_t batch_;
};

enum class Join { kReplace, kAdd, kMax, kMin };

class ScatterNDKernel final : public sdk::Kernel {
 public:
  explicit ScatterNDKernel(Join join) : join_(join) {}
  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    const auto width = static_cast<size_t>(sdk::ByteWidth(x.dtype));
    std::memcpy(out.data, x.data, static_cast<size_t>(x.count()) * width);
    if (join_ == Join::kReplace) return Replace(args, width);
    if (sdk::Same(x.dtype, sdk::kF32)) return Combine<float>(args);
    if (sdk::Same(x.dtype, sdk::kI32)) return Combine<int32_t>(args);
    Combine<int64_t>(args);
  }

 private:
  template <typename Body>
  static void ForRows(const KernelArgs& args, Body&& body) {
    const TensorView &x = args.inputs[0], &indices = args.inputs[1];
    const auto depth = static_cast<uint32_t>(indices.dim(indices.rank - 1));
    const int64_t run = CountFrom(x, depth), rows = CountBefore(indices, indices.rank - 1);
    if (run == 0) return;
    for (int64_t row = 0; row < rows; ++row) {
      body(TupleOffset("ScatterND", indices, row, x, 0), row * run, run);
    }
  }

  static void Replace(const KernelArgs& args, size_t width) {
    auto* out = args.outputs[0].as<std::byte>();
    const auto* updates = args.inputs[2].as<std::byte>();
    ForRows(args, [&](int64_t to, int64_t from, int64_t run) {
      std::memcpy(out + static_cast<size_t>(to) * width,
                  updates + static_cast<size_t>(from) * width, static_cast<size_t>(run) * width);
    });
  }

  template <typename T>
  void Combine(const KernelArgs& args) const {
    T* out = args.outputs[0].as<T>();
    const T* updates = args.inputs[2].as<T>();
    ForRows(args, [&](int64_t to, int64_t from, int64_t run) {
      for (int64_t i = 0; i < run; ++i) out[to + i] = Joined(out[to + i], updates[from + i]);
    });
  }

  template <typename T>
  T Joined(T held, T update) const {
    if (join_ == Join::kMax) return update > held || update != update ? update : held;
    if (join_ == Join::kMin) return update < held || update != update ? update : held;
    if constexpr (std::is_integral_v<T>) {
      using Unsigned = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<Unsigned>(held) + static_cast<Unsigned>(update));
    } else {
      return held + update;
    }
  }

  const Join join_;
};

// Lines along an axis: `size` elements, `inner` apart.
struct Lines {
  Lines(const TensorView& x, uint32_t axis)
      : size(x.dim(axis)), inner(CountFrom(x, axis + 1)), count(CountBefore(x, axis) * inner) {}
  int64_t Start(int64_t line, int64_t length) const {
    return line / inner * length * inner + line % inner;
  }
  int64_t size, inner, count;
};

class TopKKernel final : public sdk::Kernel {
 public:
  TopKKernel(int64_t axis, bool largest) : axis_(axis), largest_(largest) {}
  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    const TensorView& x = shapes.inputs[0];
    return static_cast<uint64_t>(x.dim(PositiveAxis(axis_, x.rank))) * sizeof(int64_t);
  }
  void Run(const KernelArgs& args) const override {
    if (sdk::Same(args.inputs[0].dtype, sdk::kF32)) return RunOf<float>(args);
    if (sdk::Same(args.inputs[0].dtype, sdk::kI32)) return RunOf<int32_t>(args);
    RunOf<int64_t>(args);
  }

 private:
  template <typename T>
  void RunOf(const KernelArgs& args) const {
    const TensorView& x = args.inputs[0];
    const uint32_t axis = PositiveAxis(axis_, x.rank);
    const Lines lines(x, axis);
    const int64_t count = args.outputs[0].dim(axis);
    auto* order = reinterpret_cast<int64_t*>(args.scratch);
    for (int64_t line = 0; line < lines.count; ++line) {
      const T* from = x.as<T>() + lines.Start(line, lines.size);
      auto above = [](T a, T b) { return a > b || (a != a && b == b); };
      auto before = [&](int64_t a, int64_t b) {
        T p = from[a * lines.inner], q = from[b * lines.inner];
        if (largest_ ? above(p, q) : above(q, p)) return true;
        return !(largest_ ? above(q, p) : above(p, q)) && a < b;
      };
      std::iota(order, order + lines.size, int64_t{0});
      std::partial_sort(order, order + count, order + lines.size, before);
      const int64_t to = lines.Start(line, count);
      for (int64_t k = 0; k < count; ++k) {
        args.outputs[0].as<T>()[to + k * lines.inner] = from[order[k] * lines.inner];
        args.outputs[1].as<int64_t>()[to + k * lines.inner] = order[k];
      }
    }
  }

  const int64_t axis_;
  const bool largest_;
};

class ReverseSequenceKernel final : public sdk::Kernel {
 public:
  ReverseSequenceKernel(int64_t batch, int64_t time) : batch_(batch), time_(time) {}
  void Run(const KernelArgs& args) const override {
    const TensorView &x = args.inputs[0], &out = args.outputs[0];
    if (out.count() == 0) return;
    const uint32_t batch = PositiveAxis(batch_, x.rank), time = PositiveAxis(time_, x.rank);
    const auto width = static_cast<int64_t>(sdk::ByteWidth(x.dtype));
    const uint32_t inner_axis = std::max(batch, time) + 1;
    const int64_t bytes = CountFrom(x, inner_axis) * width;
    const int64_t time_step = CountFrom(x, time + 1) * width;
    const int64_t batch_run = CountFrom(x, batch + 1), time_run = CountFrom(x, time + 1);
    const int64_t runs = CountBefore(x, inner_axis), run = CountFrom(x, inner_axis);
    for (int64_t i = 0; i < runs; ++i) {
      const int64_t at = i * run / time_run % x.dim(time);
      const int64_t length = args.inputs[1].as<int64_t>()[i * run / batch_run % x.dim(batch)];
      if (length < 0 || length > x.dim(time)) {
        throw sdk::Error(MS_OUT_OF_RANGE, "ReverseSequence: the length " + std::to_string(length) +
                                              " is outside [0," + std::to_string(x.dim(time)) +
                                              "]");
      }
      const int64_t from = at < length ? length - 1 - at : at;
      std::memcpy(out.as<std::byte>() + i * bytes,
                  x.as<std::byte>() + i * bytes + (from - at) * time_step,
                  static_cast<size_t>(bytes));
    }
  }

 private:
  const int64_t batch_, time_;
};

class CumSumKernel final : public sdk::Kernel {
 public:
  CumSumKernel(bool exclusive, bool reverse) : exclusive_(exclusive), reverse_(reverse) {}
  void Run(const KernelArgs& args) const override {
    if (sdk::Same(args.inputs[0].dtype, sdk::kF32)) return RunOf<float, double>(args);
    if (sdk::Same(args.inputs[0].dtype, sdk::kF64)) return RunOf<double, double>(args);
    if (sdk::Same(args.inputs[0].dtype, sdk::kI32)) return RunOf<int32_t, uint32_t>(args);
    RunOf<int64_t, uint64_t>(args);
  }

 private:
  template <typename T, typename Sum>
  void RunOf(const KernelArgs& args) const {
    const TensorView& x = args.inputs[0];
    const Lines lines(x, PositiveAxis(Integers(args, 1)[0], x.rank));
    for (int64_t line = 0; line < lines.count; ++line) {
      const int64_t start = lines.Start(line, lines.size);
      Sum sum{0};
      for (int64_t k = 0; k < lines.size; ++k) {
        const int64_t at = start + (reverse_ ? lines.size - 1 - k : k) * lines.inner;
        const Sum next = sum + static_cast<Sum>(x.as<T>()[at]);
        args.outputs[0].as<T>()[at] = static_cast<T>(exclusive_ ? sum : next);
        sum = next;
      }
    }
  }

  const bool exclusive_, reverse_;
};

bool IsAnyOf(ms_dtype dtype, std::initializer_list<ms_dtype> allowed) {
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](ms_dtype d) { return sdk::Same(d, dtype); });
}

Claim ClaimMove(const NodeView& node) {
  const ms_dtype dtype = node.output(0).dtype();
  return dtype.bits % 8 == 0 ? Claim::Yes(dtype, dtype) : Claim::No(MS_REASON_DTYPE);
}

Claim ClaimScatter(const NodeView& node) {
  const ms_dtype dtype = node.output(0).dtype();
  const std::string reduction = node.String("reduction", "none");
  if (reduction == "none") return ClaimMove(node);
  if (reduction == "mul") return Claim::No(MS_REASON_ATTRIBUTE);
  if (!IsAnyOf(dtype, {sdk::kF32, sdk::kI32, sdk::kI64})) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(dtype, dtype);
}

Claim ClaimTopK(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!IsAnyOf(dtype, {sdk::kF32, sdk::kI32, sdk::kI64})) return Claim::No(MS_REASON_DTYPE);
  return Claim::Yes(dtype, dtype);
}

Claim ClaimCumSum(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (!IsAnyOf(dtype, {sdk::kF32, sdk::kF64, sdk::kI32, sdk::kI64})) {
    return Claim::No(MS_REASON_DTYPE);
  }
  return Claim::Yes(dtype, sdk::Same(dtype, sdk::kF32) ? sdk::kF64 : dtype);
}

Join JoinOf(const NodeView& node) {
  const std::string reduction = node.String("reduction", "none");
  if (reduction == "add") return Join::kAdd;
  if (reduction == "max") return Join::kMax;
  return reduction == "min" ? Join::kMin : Join::kReplace;
}

}  // namespace

void AddIndexingOps(OpList* list) {
  using Created = std::unique_ptr<sdk::Kernel>;
  list->push_back({kOnnx, "GatherND", ClaimMove, [](const NodeView& node, const Setup&) {
                     return Created(std::make_unique<GatherNDKernel>(node.Int("batch_dims", 0)));
                   }});
  list->push_back({kOnnx, "ScatterND", ClaimScatter, [](const NodeView& node, const Setup&) {
                     return Created(std::make_unique<ScatterNDKernel>(JoinOf(node)));
                   }});
  list->push_back({kOnnx, "TopK", ClaimTopK, [](const NodeView& node, const Setup&) {
                     return Created(std::make_unique<TopKKernel>(node.Int("axis", -1),
                                                                 node.Int("largest", 1) != 0));
                   }});
  list->push_back({kOnnx, "ReverseSequence", ClaimMove, [](const NodeView& node, const Setup&) {
                     return Created(std::make_unique<ReverseSequenceKernel>(
                         node.Int("batch_axis", 1), node.Int("time_axis", 0)));
                   }});
  list->push_back({kOnnx, "CumSum", ClaimCumSum, [](const NodeView& node, const Setup&) {
                     return Created(std::make_unique<CumSumKernel>(node.Int("exclusive", 0) != 0,
                                                                   node.Int("reverse", 0) != 0));
                   }});
}

}  // namespace midstream::cpu_blas
