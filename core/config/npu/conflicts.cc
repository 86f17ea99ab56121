#include "core/config/npu/conflicts.h"

#include <fmt/format.h>

namespace midstream::config {
namespace {

class Finder {
 public:
  using Add = std::function<void(std::string_view, std::string)>;
  Finder(const NpuValues& values, const Add& add) : values_(values), add_(add) {}

  void Run() {
    Excludes("precision_mode_v2", "precision_mode");
    Mixlist();
    Implementations();
    Profiles();
    Excludes("enable_dump_debug", "enable_dump");
    Excludes("compress_weight_conf", "enable_compress_weight");
    if (Is("variable_placement", "Host") && !IsGiven(values_, "mix_compile_mode")) {
      add_("variable_placement", "\"Host\" needs mix_compile_mode = true");
    }
    if (IsGiven(values_, "shape_generalization_mode") &&
        !Is("shape_generalization_mode", "STRICT") && !Is("jit_compile", "true")) {
      add_("shape_generalization_mode", "\"FULL\" and \"ADAPTIVE\" need jit_compile = \"true\"");
    }
    if ((Number("static_memory_policy") == 2 || Number("static_memory_policy") == 4) &&
        Number("graph_max_parallel_model_num") > 1) {
      add_("static_memory_policy",
           "2 and 4 share memory between graphs: not with graph_max_parallel_model_num above 1");
    }
    if (IsGiven(values_, "mix_compile_mode") && Number("iterations_per_loop") > 1) {
      add_("mix_compile_mode", "not with iterations_per_loop above 1");
    }
    for (const char* option : {"enable_dump", "enable_dump_debug"}) {
      if (IsGiven(values_, option) && !IsGiven(values_, "dump_path")) {
        add_(option, "needs dump_path");
      }
    }
    if (Number("graph_run_mode") == 1) {
      add_("graph_run_mode", "1 is training, and Midstream runs inference: expected 0");
    }
  }

 private:
  bool Is(std::string_view option, std::string_view text) const {
    const auto found = values_.find(option);
    return found != values_.end() && found->second == NpuValue(std::string(text));
  }

  int64_t Number(std::string_view option) const {
    const auto found = values_.find(option);
    const int64_t* number = found == values_.end() ? nullptr : std::get_if<int64_t>(&found->second);
    return number == nullptr ? -1 : *number;
  }

  void Excludes(std::string_view a, std::string_view b) {
    if (IsGiven(values_, a) && IsGiven(values_, b)) {
      add_(a, fmt::format("not with {}: expected one of both", b));
    }
  }

  void Mixlist() {
    const std::string_view mode = PrecisionModeOf(values_);
    const bool mixed = mode.starts_with("allow_mix_precision") || mode.starts_with("mixed_");
    if (!IsGiven(values_, "modify_mixlist") || mixed) return;
    add_("modify_mixlist",
         mode.empty() ? "needs precision_mode or precision_mode_v2 with a mixed mode"
                      : fmt::format("needs a mixed mode, but precision_mode or precision_mode_v2 "
                                    "is \"{}\"",
                                    mode));
  }

  void Implementations() {
    if (!IsGiven(values_, "optypelist_for_implmode")) return;
    if (!IsGiven(values_, "op_select_implmode")) {
      add_("optypelist_for_implmode", "needs op_select_implmode");
    } else if (Is("op_select_implmode", "high_precision_for_all") ||
               Is("op_select_implmode", "high_performance_for_all")) {
      add_("optypelist_for_implmode", "not with an op_select_implmode that is for all");
    }
  }

  void Profiles() {
    const char* const kParts[] = {"input_shape", "dynamic_dims", "dynamic_node_type"};
    std::string given;
    std::string missing;
    std::string_view first;
    for (const char* part : kParts) {
      std::string& list = IsGiven(values_, part) ? given : missing;
      list += (list.empty() ? "" : ", ") + std::string(part);
      if (IsGiven(values_, part) && first.empty()) first = part;
    }
    if (!given.empty() && !missing.empty()) {
      add_(first, fmt::format("shape profiles need {} too", missing));
    }
    if (Number("dynamic_node_type") == 0) {
      add_("dynamic_node_type",
           "0 is the inputs of a dataset; a session here is fed: expected 1, with the names of "
           "placeholders in input_shape");
    }
    if (Number("compile_hybrid_mode") == 1 &&
        (!missing.empty() || Number("dynamic_node_type") != 1)) {
      add_("compile_hybrid_mode", "1 needs input_shape, dynamic_dims and dynamic_node_type = 1");
    }
    if (given.empty()) return;
    for (const char* other :
         {"compile_dynamic_mode", "mix_compile_mode", "dynamic_inputs_shape_range"}) {
      Excludes(other, first);
    }
  }

  const NpuValues& values_;
  const Add& add_;
};

}  // namespace

bool IsGiven(const NpuValues& values, std::string_view option) {
  const auto found = values.find(option);
  if (found == values.end()) return false;
  if (const auto* flag = std::get_if<bool>(&found->second)) return *flag;
  if (const auto* number = std::get_if<int64_t>(&found->second)) return *number >= 0;
  return !std::get<std::string>(found->second).empty();
}

std::string_view PrecisionModeOf(const NpuValues& values) {
  for (const char* option : {"precision_mode", "precision_mode_v2"}) {
    const auto found = values.find(option);
    if (found != values.end()) return std::get<std::string>(found->second);
  }
  return "";
}

void FindNpuConflicts(const NpuValues& values,
                      const std::function<void(std::string_view, std::string)>& add) {
  Finder(values, add).Run();
}

}  // namespace midstream::config
