// A backend of one operator; everything else falls back to the next backend of the placement order.
#include <algorithm>

#include "midstream/backend.hpp"

namespace {

namespace sdk = midstream::sdk;

constexpr ms_dtype kFloat32 = {MS_DTYPE_FLOAT, 32, 1};

class Relu : public sdk::Kernel {
 public:
  void Run(const sdk::KernelArgs& args) const override {
    const auto* in = reinterpret_cast<const float*>(args.inputs[0].data);
    auto* out = reinterpret_cast<float*>(args.outputs[0].data);
    const uint64_t count = args.inputs[0].bytes() / sizeof(float);
    std::transform(in, in + count, out, [](float x) { return std::max(x, 0.0f); });
  }
};

constexpr sdk::KernelEntry kTable[] = {{"", "Relu",
                                        [](const sdk::NodeView& node) {
                                          return sdk::Same(node.input(0).dtype(), kFloat32)
                                                     ? sdk::Claim::Yes(kFloat32, kFloat32)
                                                     : sdk::Claim::No(MS_REASON_DTYPE);
                                        },
                                        [](const sdk::NodeView&) -> std::unique_ptr<sdk::Kernel> {
                                          return std::make_unique<Relu>();
                                        }}};

struct ReluOnly {
  static constexpr const char* kName = "relu_only";
  static constexpr const char* kVersion = "0.1";
  static constexpr uint32_t kLayout = MS_LAYOUT_NCHW;

  ReluOnly(const sdk::Host&, std::span<const ms_kv>) {}
  std::string device_name() const { return "one operator"; }
  std::string isa() const { return "generic"; }
  sdk::Claim ClaimNode(const sdk::NodeView& node) const {
    return sdk::ClaimFromTable(kTable, node);
  }
  std::vector<sdk::KernelUse> Kernels(const sdk::GraphView& graph,
                                      const sdk::ModuleOptions&) const {
    return sdk::UsesFromTable(kTable, graph);
  }
};

}  // namespace

MS_BACKEND_NOTE("relu_only");
MS_DEFINE_HOST_BACKEND(ReluOnly)
