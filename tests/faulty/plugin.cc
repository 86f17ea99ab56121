// The reference's kernels, and a fault in one place: the backend that `midstream compare --layers` is
// tested with. It prefers channels last, so its graphs are laid out and fused otherwise than those of
// the reference.
//
// Options: node = a name, or op = an operator ("Conv", "midstream.Conv"): where the fault is; without
// both there is none. fault = what it does to the first result: "element" moves one element by half of
// the largest magnitude, "shift" every element, "nan" sets one element to NaN, "fail" reports an error.
// What is no float has its last bit flipped in one element. Each time it strikes it logs that.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "midstream/backend.hpp"
#include "plugins/reference/element.h"
#include "plugins/reference/kernels.h"

namespace midstream::faulty {
namespace {

using sdk::KernelArgs;
using sdk::TensorView;

enum class Fault { kElement, kShift, kNan, kFail };

void SpoilReals(const TensorView& tensor, Fault fault) {
  std::vector<double> values(static_cast<size_t>(tensor.count()));
  reference::Widen(tensor, values.data());
  double largest = 1;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  }
  const size_t one = values.size() / 2;
  for (size_t i = 0; i < values.size(); ++i) {
    if (fault != Fault::kShift && i != one) continue;
    values[i] = fault == Fault::kNan ? std::nan("") : values[i] + largest / 2;
  }
  reference::Narrow(values.data(), tensor);
}

void Spoil(const TensorView& tensor, Fault fault) {
  if (tensor.count() == 0) return;
  if (reference::WideOf(tensor.dtype) == reference::Wide::kReal) return SpoilReals(tensor, fault);
  const auto width = tensor.bytes() / static_cast<size_t>(tensor.count());
  auto* bytes = static_cast<std::byte*>(tensor.data);
  bytes[width * static_cast<size_t>(tensor.count() / 2)] ^= std::byte{1};
}

class FaultyKernel : public sdk::Kernel {
 public:
  FaultyKernel(std::unique_ptr<sdk::Kernel> right, Fault fault)
      : right_(std::move(right)), fault_(fault) {}
  uint64_t ScratchBytes(const KernelArgs& shapes) const override {
    return right_->IsView() ? 0 : right_->ScratchBytes(shapes);
  }
  void Run(const KernelArgs& args) const override {
    if (args.outputs[0].count() > 0) args.host->Log(MS_LOG_INFO, "fault injected");
    if (fault_ == Fault::kFail) throw sdk::Error(MS_INTERNAL, "the faulty kernel fails");
    if (!right_->IsView()) {
      right_->Run(args);
    } else if (args.outputs[0].bytes() > 0) {
      std::memcpy(args.outputs[0].data, args.inputs[0].data, args.outputs[0].bytes());
    }
    Spoil(args.outputs[0], fault_);
  }

 private:
  std::unique_ptr<sdk::Kernel> right_;
  Fault fault_;
};

Fault ParseFault(std::string_view text) {
  if (text == "element") return Fault::kElement;
  if (text == "shift") return Fault::kShift;
  if (text == "nan") return Fault::kNan;
  if (text == "fail") return Fault::kFail;
  throw sdk::Error(MS_INVALID_ARGUMENT, "fault is element, shift, nan or fail");
}

struct Faulty {
  static constexpr const char* kName = "faulty";
  static constexpr const char* kVersion = "1.0";
  static constexpr uint32_t kLayout = MS_LAYOUT_NHWC;

  Faulty(const sdk::Host&, std::span<const ms_kv> options) {
    for (const ms_kv& option : options) {
      const std::string_view key = sdk::View(option.key);
      const std::string value(sdk::View(option.value));
      if (key == "node") {
        node_ = value;
      } else if (key == "op") {
        op_ = value;
      } else if (key == "fault") {
        fault_ = ParseFault(value);
      } else {
        throw sdk::Error(MS_INVALID_ARGUMENT, "the faulty backend has no such option");
      }
    }
  }
  std::string device_name() const { return "faulty"; }
  std::string isa() const { return "generic"; }
  sdk::Claim ClaimNode(const sdk::NodeView& node) const {
    return sdk::ClaimFromTable(reference::KernelTable(), node);
  }
  std::vector<sdk::KernelUse> Kernels(const sdk::GraphView& graph,
                                      const sdk::ModuleOptions&) const {
    std::vector<sdk::KernelUse> uses = sdk::UsesFromTable(reference::KernelTable(), graph);
    for (uint32_t id = 0; id < graph.node_count(); ++id) {
      const sdk::NodeView node = graph.node(id);
      const std::string domain(node.domain());
      const std::string op = (domain.empty() ? "" : domain + ".") + std::string(node.op());
      if (node.name() != node_ && op != op_) continue;
      uses[id].kernel = std::make_unique<FaultyKernel>(std::move(uses[id].kernel), fault_);
    }
    return uses;
  }

 private:
  std::string node_, op_;
  Fault fault_ = Fault::kElement;
};

}  // namespace
}  // namespace midstream::faulty

MS_BACKEND_NOTE("faulty");
MS_DEFINE_HOST_BACKEND(midstream::faulty::Faulty)
