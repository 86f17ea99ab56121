// The reference backend: every operator that the core knows, in plain loops with double sums. It is
// the oracle that the other backends are compared with, and the last fallback. Clear before fast.
#include "midstream/backend.hpp"
#include "plugins/reference/kernels.h"

namespace midstream::reference {
namespace {

struct Reference {
  static constexpr const char* kName = "reference";
  static constexpr const char* kVersion = "1.0";
  static constexpr uint32_t kLayout = MS_LAYOUT_NCHW;

  Reference(const sdk::Host&, std::span<const ms_kv> options) {
    if (options.empty()) return;
    throw sdk::Error(MS_INVALID_ARGUMENT, "the reference backend has no option '" +
                                              std::string(sdk::View(options[0].key)) + "'");
  }
  std::string device_name() const { return "reference"; }
  std::string isa() const { return "generic"; }
  sdk::Claim ClaimNode(const NodeView& node) const {
    return sdk::ClaimFromTable(KernelTable(), node);
  }
  std::vector<sdk::KernelUse> Kernels(const sdk::GraphView& graph,
                                      const sdk::ModuleOptions&) const {
    return sdk::UsesFromTable(KernelTable(), graph);
  }
};

}  // namespace

}  // namespace midstream::reference

MS_BACKEND_NOTE("reference");
MS_DEFINE_HOST_BACKEND(midstream::reference::Reference)
