// Circular and hyperbolic functions, log(1 + x), exp(x) - 1 and 1 - erf(x): the C library's, element by element,
// spread over the threads.
#include <array>
#include <cmath>

#include "ops/floats.h"
#include "ops/op_table.h"
#include "parallel.h"

namespace midstream::cpu_blas {
namespace {

using sdk::Claim;
using sdk::KernelArgs;
using sdk::NodeView;
using sdk::TensorView;

struct Function {
  std::string_view domain;
  std::string_view op;
  float (*single)(float);
  double (*wide)(double);
};
constexpr Function kFunctions[] = {
    {kOnnx, "Acos", std::acos, std::acos},      {kOnnx, "Acosh", std::acosh, std::acosh},
    {kOnnx, "Asin", std::asin, std::asin},      {kOnnx, "Asinh", std::asinh, std::asinh},
    {kOnnx, "Atan", std::atan, std::atan},      {kOnnx, "Atanh", std::atanh, std::atanh},
    {kOnnx, "Cos", std::cos, std::cos},         {kOnnx, "Cosh", std::cosh, std::cosh},
    {kOnnx, "Sin", std::sin, std::sin},         {kOnnx, "Sinh", std::sinh, std::sinh},
    {kOnnx, "Tan", std::tan, std::tan},         {kMidstream, "Expm1", std::expm1, std::expm1},
    {kMidstream, "Erfc", std::erfc, std::erfc}, {kMidstream, "Log1p", std::log1p, std::log1p},
};

class FunctionKernel final : public sdk::Kernel {
 public:
  FunctionKernel(const KernelTable& isa, const Function& function)
      : isa_(isa), function_(function) {}

  void Run(const KernelArgs& args) const override {
    constexpr double kElementsPerMicrosecond = 100;
    const int64_t n = args.inputs[0].count();
    ForRange(
        *args.host, static_cast<double>(n) / kElementsPerMicrosecond, n, kBlock,
        [&](int64_t begin, int64_t end) { RunPart(args.inputs[0], args.outputs[0], begin, end); });
  }

 private:
  static constexpr int64_t kBlock = 512;

  void RunPart(const TensorView& x, const TensorView& out, int64_t begin, int64_t end) const {
    if (sdk::Same(x.dtype, sdk::kF64)) {
      for (int64_t i = begin; i < end; ++i) out.as<double>()[i] = function_.wide(x.as<double>()[i]);
      return;
    }
    if (sdk::Same(x.dtype, sdk::kF32)) {
      for (int64_t i = begin; i < end; ++i) out.as<float>()[i] = function_.single(x.as<float>()[i]);
      return;
    }
    for (int64_t at = begin; at < end; at += kBlock) {
      float block[kBlock];
      const int64_t n = std::min(kBlock, end - at);
      isa_.widen(StorageOf(x.dtype), x.as<uint16_t>() + at, block, n);
      for (int64_t i = 0; i < n; ++i) block[i] = function_.single(block[i]);
      isa_.narrow(StorageOf(x.dtype), block, out.as<uint16_t>() + at, n);
    }
  }

  const KernelTable& isa_;
  const Function& function_;
};

Claim ClaimFunction(const NodeView& node) {
  const ms_dtype dtype = node.input(0).dtype();
  if (sdk::Same(dtype, sdk::kF64)) return Claim::Yes(dtype, dtype);
  if (IsFloatStorage(dtype)) return Claim::Yes(sdk::kF32, sdk::kF32);
  return Claim::No(MS_REASON_DTYPE);
}

std::unique_ptr<sdk::Kernel> CreateFunction(const NodeView& node, const Setup& setup) {
  const Function* function = kFunctions;
  while (function->op != node.op()) ++function;
  return std::make_unique<FunctionKernel>(setup.isa, *function);
}

}  // namespace

void AddTrigonometryOps(OpList* list) {
  for (const Function& function : kFunctions) {
    list->push_back({function.domain, function.op, ClaimFunction, CreateFunction});
  }
}

}  // namespace midstream::cpu_blas
