// The plugin: options, claims, and the list of kernels for a segment with its fusions.
#include "midstream/backend.hpp"

#include <cstdio>

#include "bf16_arithmetic.h"
#include "cpu_features.h"
#include "isa.h"
#include "ops/conv.h"
#include "ops/op_table.h"

namespace midstream::cpu_blas {
namespace {

// Which nodes read each value, as far as fusing needs to know.
struct Readers {
  uint32_t count = 0;
  uint32_t node = 0;
};

std::vector<Readers> CountReaders(const sdk::GraphView& graph) {
  std::vector<Readers> readers(graph.value_count());
  for (uint32_t id = 0; id < graph.node_count(); ++id) {
    for (uint32_t value : graph.node(id).inputs()) {
      if (value == MS_NONE) continue;
      ++readers[value].count;
      readers[value].node = id;
    }
  }
  for (uint32_t value : graph.outputs()) ++readers[value].count;
  return readers;
}

class CpuBlas {
 public:
  static constexpr const char* kName = "cpu_blas";
  static constexpr const char* kVersion = "0.1";
  static constexpr uint32_t kLayout = MS_LAYOUT_NHWC;

  CpuBlas(const sdk::Host& host, std::span<const ms_kv> options) : host_(host) {
    for (const ms_kv& option : options) SetOption(sdk::View(option.key), sdk::View(option.value));
    if (const BF16Arithmetic* bf16 = MeasuredBF16Arithmetic()) {
      bool used = UsefulBF16Arithmetic(*isa_) != nullptr;
      char text[128];
      std::snprintf(text, sizeof text,
                    "cpu_blas: bfloat16 arithmetic measured at %.2f times the rate of float32, %s",
                    bf16->speedup, used ? "used" : "not used");
      host.Log(MS_LOG_INFO, text);
    }
  }

  std::string device_name() const {
    return ThisCpu().name.empty() ? std::string("CPU") : ThisCpu().name;
  }
  std::string isa() const {
    return std::string(isa_->name) + (UsefulBF16Arithmetic(*isa_) != nullptr ? "+bf16" : "");
  }

  sdk::Claim ClaimNode(const sdk::NodeView& node) const {
    const OpEntry* entry = FindOp(node);
    return entry != nullptr ? entry->claim(node) : sdk::Claim::No(MS_REASON_OP);
  }

  std::vector<sdk::KernelUse> Kernels(const sdk::GraphView& graph,
                                      const sdk::ModuleOptions& options) const {
    const Setup setup{*isa_, host_, blas_, options.deterministic};
    std::vector<Readers> readers = CountReaders(graph);
    std::vector<bool> done(graph.node_count(), false);
    std::vector<sdk::KernelUse> uses;
    for (uint32_t id = 0; id < graph.node_count(); ++id) {
      if (done[id]) continue;
      sdk::NodeView node = graph.node(id);
      sdk::KernelUse use{std::string(node.name()),
                         nullptr,
                         {node.inputs().begin(), node.inputs().end()},
                         {node.outputs().begin(), node.outputs().end()}};
      const Readers& reader = readers[node.outputs()[0]];
      if (node.op() == "Conv" && reader.count == 1 && reader.node != id &&
          CanPoolInside(node, graph.node(reader.node))) {
        sdk::NodeView pool = graph.node(reader.node);
        done[reader.node] = true;
        use.kernel = CreateConvWithPool(node, setup);
        use.outputs.assign(pool.outputs().begin(), pool.outputs().end());
      } else {
        use.kernel = Create(node, setup);
      }
      uses.push_back(std::move(use));
    }
    return uses;
  }

 private:
  void SetOption(std::string_view key, std::string_view value) {
    if (key == "isa") {
      isa_ = ChooseIsa(value);
      if (isa_ == nullptr) throw BadValue(key, value, "auto" + Names());
    } else if (key == "openblas") {
      if (value != "auto" && value != "always" && value != "never") {
        throw BadValue(key, value, "auto, always or never");
      }
      blas_ = value == "auto"     ? BlasUse::kAuto
              : value == "always" ? BlasUse::kAlways
                                  : BlasUse::kNever;
    } else {
      throw sdk::Error(MS_INVALID_ARGUMENT, "cpu_blas has no option '" + std::string(key) +
                                                "'; it knows isa and openblas");
    }
  }

  static sdk::Error BadValue(std::string_view key, std::string_view value,
                             const std::string& known) {
    return {MS_INVALID_ARGUMENT, "option " + std::string(key) + " of cpu_blas is '" +
                                     std::string(value) + "'; expected " + known};
  }

  static std::unique_ptr<sdk::Kernel> Create(const sdk::NodeView& node, const Setup& setup) {
    const OpEntry* entry = FindOp(node);
    if (entry == nullptr) {
      throw sdk::Error(MS_UNIMPLEMENTED, "cpu_blas has no kernel for " + std::string(node.op()) +
                                             " '" + std::string(node.name()) + "'");
    }
    return entry->create(node, setup);
  }

  static std::string Names() {
    std::string names;
    for (const KernelTable* table : AvailableIsas()) names += std::string(", ") + table->name;
    return names;
  }

  const sdk::Host host_;
  const KernelTable* isa_ = ChooseIsa("auto");
  BlasUse blas_ = BlasUse::kAuto;
};

}  // namespace
}  // namespace midstream::cpu_blas

MS_BACKEND_NOTE("cpu_blas");
MS_DEFINE_HOST_BACKEND(midstream::cpu_blas::CpuBlas)
