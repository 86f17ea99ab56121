#include "core/config/npu/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "core/config/keys.h"

namespace midstream::config {
namespace {

constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

// ---- Rows by type and fate
// -----------------------------------------------------------------------

using ToToml = std::string (*)(const NpuValue& value);

constexpr NpuOption Flag(std::string_view name) {
  return {.name = name, .type = NpuType::kBool, .example = "true"};
}
constexpr NpuOption Number(std::string_view name, int64_t least, int64_t most,
                           std::string_view example) {
  return {
      .name = name, .type = NpuType::kInteger, .least = least, .most = most, .example = example};
}
constexpr NpuOption OneOf(std::string_view name, std::string_view choices,
                          std::string_view example) {
  return {.name = name, .type = NpuType::kText, .choices = choices, .example = example};
}
constexpr NpuOption Text(std::string_view name, std::string_view form, std::string_view example) {
  return {.name = name, .type = NpuType::kText, .form = form, .example = example};
}
constexpr NpuOption NumberOrText(std::string_view name, std::string_view form,
                                 std::string_view example) {
  return {.name = name,
          .type = NpuType::kIntegerOrText,
          .least = -1,
          .most = kAny,
          .form = form,
          .example = example};
}

constexpr NpuOption Mapped(NpuOption option, std::string_view key, std::string_view reason,
                           ToToml to_toml = nullptr) {
  option.fate = NpuFate::kMapped;
  option.key = key;
  option.reason = reason;
  option.to_toml = to_toml;
  return option;
}
constexpr NpuOption Kept(NpuOption option, std::string_view reason) {
  option.fate = NpuFate::kKept;
  option.reason = reason;
  return option;
}
constexpr NpuOption Ignored(NpuOption option, std::string_view reason) {
  option.reason = reason;
  return option;
}

// ---- Values
// --------------------------------------------------------------------------------------

std::string TextAsIs(const NpuValue& value) { return Quoted(std::get<std::string>(value)); }
std::string NumberAsIs(const NpuValue& value) { return std::to_string(std::get<int64_t>(value)); }
std::string FlagAsIs(const NpuValue& value) { return std::get<bool>(value) ? "true" : "false"; }
std::string NumberAsFlag(const NpuValue& value) {
  return std::get<int64_t>(value) != 0 ? "true" : "false";
}
std::string Negated(const NpuValue& value) { return std::get<bool>(value) ? "false" : "true"; }
std::string BackendOf(const NpuValue& value) {
  return std::get<bool>(value) ? "\"auto\"" : "\"cpu_blas\"";
}
std::string Inference(const NpuValue&) { return "\"inference\""; }
std::string DeviceId(const NpuValue& value) {
  return std::get<int64_t>(value) < 0 ? "" : NumberAsIs(value);
}
std::string FallbackOf(const NpuValue& value) {
  return std::get<bool>(value) ? "\"allow\"" : "\"error\"";
}
std::string CachedPlans(const NpuValue& value) {
  return std::get<std::string>(value) == "lazy_recompile" ? "10" : "";
}

// ---- Reasons that several rows share
// -------------------------------------------------------------

constexpr std::string_view kTraining = "only training uses it, and Midstream runs inference";
constexpr std::string_view kCluster = "describes a cluster for training";
constexpr std::string_view kTuning = "tunes the NPU's own kernels offline";
constexpr std::string_view kNpuKernels = "chooses how the NPU's compiler makes its kernels";
constexpr std::string_view kNpuMemory = "manages the NPU's memory";
constexpr std::string_view kNoDump = "Midstream has no dump of tensors yet";
constexpr std::string_view kNoProfile = "Midstream has no profiler of its own yet";
constexpr std::string_view kNoTimeouts = "Midstream has no timeouts to set yet";
constexpr std::string_view kNoCache = "Midstream has no cache of compiled kernels yet";
constexpr std::string_view kNoTransfer = "Midstream has no transfers to a device yet";
constexpr std::string_view kProfiles =
    "shape profiles; input_shape, dynamic_dims and dynamic_node_type are given together or not at "
    "all";
constexpr std::string_view kVaryAnyway =
    "here a dimension that the model leaves open may always vary";

// ---- The table, in the order of the adapter's documentation
// --------------------------------------

constexpr std::array kOptions = {
    // Where and how the graph runs.
    Mapped(Flag("use_off_line"), "backend",
           "true is \"auto\" (name the accelerator's plugin in plugins.list), false \"cpu_blas\"",
           BackendOf),
    Mapped(OneOf("precision_mode",
                 "force_fp32 cube_fp16in_fp32out force_fp16 allow_fp32_to_fp16 "
                 "must_keep_origin_dtype allow_mix_precision allow_mix_precision_fp16 "
                 "allow_mix_precision_bf16 allow_fp32_to_bf16",
                 "\"allow_mix_precision\""),
           "precision.mode", "the same name; not with precision_mode_v2", TextAsIs),
    Mapped(Number("graph_run_mode", 0, 1, "0"), "mode",
           "0 is \"inference\"; 1, training, is an error", Inference),
    Mapped(Text("stream_max_parallel_num", "a count for each engine", "\"AIcoreEngine:4\""),
           "execution.streams", "the count of AIcoreEngine", TextAsIs),
    Mapped(Number("graph_max_parallel_model_num", 1, 1024, "2"), "execution.instances",
           "the same count", NumberAsIs),
    Mapped(Number("session_device_id", -1, 1023, "0"), "device.id",
           "the same number; -1 asks for nothing", DeviceId),

    // Precision.
    Mapped(OneOf("precision_mode_v2",
                 "fp16 origin cube_fp16in_fp32out mixed_float16 mixed_bfloat16 cube_hif8 "
                 "mixed_hif8",
                 "\"mixed_float16\""),
           "precision.mode",
           "the same name; not with precision_mode. The two of hif8 are errors: no backend here "
           "has it",
           TextAsIs),
    Mapped(Text("modify_mixlist", "a JSON file", "\"mixlist.json\""),
           "precision.white, precision.black, precision.gray",
           "the lists of the file, its types under their ONNX names; needs a mixed mode"),
    Mapped(OneOf("op_select_implmode",
                 "high_precision high_performance high_precision_for_all high_performance_for_all",
                 "\"high_precision\""),
           "precision.op.NAME.impl",
           "for the types of optypelist_for_implmode; without them it chooses among the NPU's own "
           "kernels and is kept in [backends.ascend]"),
    Mapped(Text("optypelist_for_implmode", "types, with commas", "\"SoftmaxV2,LRN\""),
           "precision.op.NAME.impl", "the types that op_select_implmode, which it needs, is for"),
    Mapped(Text("op_precision_mode", "an .ini file", "\"op_precision.ini\""),
           "precision.op.NAME.impl, precision.node.NAME.impl",
           "the lines of the file, types under their ONNX names; comes before op_select_implmode"),
    Mapped(Text("customize_dtypes", "a file", "\"dtypes.cfg\""),
           "precision.op.NAME.dtype, precision.node.NAME.dtype, output_dtype of both",
           "the lines of the file, types under their ONNX names; nothing when the mode is origin, "
           "as on the NPU"),
    Mapped(Number("deterministic", 0, 1, "1"), "execution.deterministic", "1 is true, 0 false",
           NumberAsFlag),

    // Shapes.
    Mapped(Text("input_shape", "name:sizes;name:sizes", "\"data:1,1,40,-1;label:1,-1\""),
           "inputs.NAME.shape", kProfiles),
    Mapped(Text("dynamic_dims", "sizes;sizes, a size for each -1", "\"20,20;40,40;80,60\""),
           "inputs.NAME.buckets", kProfiles),
    Mapped(Number("dynamic_node_type", -1, 1, "1"), "inputs.NAME",
           "1, placeholders, are what inputs are here; 0, datasets, is an error; -1 asks for "
           "nothing"),
    Mapped(Number("compile_hybrid_mode", 0, 1, "1"), "shapes.outside_buckets",
           "1 is \"dynamic\", 0 with profiles \"error\"; 1 needs profiles of placeholders"),
    Ignored(Flag("compile_dynamic_mode"), kVaryAnyway),
    Ignored(Flag("dynamic_input"), kVaryAnyway),
    Mapped(
        OneOf("dynamic_graph_execute_mode", "dynamic_execute lazy_recompile", "\"lazy_recompile\""),
        "shapes.cached_plans",
        "lazy_recompile keeps 10 compiled shapes; dynamic_execute asks for nothing", CachedPlans),
    Mapped(Text("dynamic_inputs_shape_range", "name:[sizes and ranges];...",
                "\"tokens:[128,3~5,-1]\""),
           "inputs.NAME.range", "the same ranges; not with dynamic_dims"),
    Kept(OneOf("jit_compile", "auto true false", "\"true\""), kNpuKernels),
    Kept(OneOf("shape_generalization_mode", "STRICT FULL ADAPTIVE", "\"FULL\""), kNpuKernels),
    Kept(OneOf("ac_parallel_enable", "0 1", "\"1\""), "schedules the NPU's own engines"),
    Kept(Flag("all_tensor_not_empty"), kNpuKernels),
    Kept(Number("input_fusion_size", 0, kAny, "131072"), kNoTransfer),
    Kept(Flag("input_batch_cpy"), kNoTransfer),

    // Memory, variables, weights.
    Ignored(Flag("variable_format_optimize"),
            "weights are always packed as the operators that read them like it"),
    Mapped(Flag("frozen_variable"), "weights.live_update",
           "true is false: the model takes no new weights", Negated),
    Kept(OneOf("variable_placement", "Device Host", "\"Device\""),
         "places variables in the NPU's memory or the host's"),
    Kept(Flag("external_weight"), "is about the files of the NPU's compiler"),
    Kept(Number("variable_use_1g_huge_page", 0, 2, "2"), kNpuMemory),
    Kept(Number("static_memory_policy", 0, 4, "0"), kNpuMemory),
    Kept(Number("atomic_clean_policy", 0, 1, "0"), kNpuMemory),
    Kept(Text("memory_optimization_policy", "a policy", "\"MemoryPriority\""), kNpuMemory),
    Ignored(Text("graph_memory_max_size", "bytes", "\"1073741824\""),
            "has no effect on the NPU either"),
    Ignored(Text("variable_memory_max_size", "bytes", "\"1073741824\""),
            "has no effect on the NPU either"),
    Kept(Flag("enable_compress_weight"), "compresses weights for the NPU"),
    Kept(Text("compress_weight_conf", "a file", "\"compress.cfg\""),
         "compresses weights for the NPU"),
    Kept(OneOf("buffer_optimize", "l2_optimize off_optimize", "\"off_optimize\""), kNpuMemory),
    Ignored(Number("enable_small_channel", 0, 1, "1"),
            "convolutions of few channels need no switch here"),

    // Mixed execution, compilation, tuning, caches.
    Mapped(Flag("mix_compile_mode"), "placement.fallback",
           "true is \"allow\", false \"error\"; not with profiles", FallbackOf),
    Kept(Flag("in_out_pair_flag"), "Midstream places operators one by one, not by regions"),
    Kept(Text("in_out_pair", "nodes", "\"[[['in'],['out']]]\""),
         "Midstream places operators one by one, not by regions"),
    Ignored(Number("iterations_per_loop", 1, kAny, "1"), kTraining),
    Ignored(Flag("enable_data_pre_proc"), kTraining),
    Ignored(Flag("lower_functional_ops"), "functions are always inlined"),
    Kept(OneOf("op_compiler_cache_mode", "enable disable force", "\"enable\""), kNoCache),
    Kept(Text("op_compiler_cache_dir", "a folder", "\"/var/cache/npu\""), kNoCache),
    Kept(Text("graph_compiler_cache_dir", "a folder", "\"/var/cache/npu\""), kNoCache),
    Mapped(Text("fusion_switch_file", "a JSON file", "\"fusion.json\""),
           "optimizer.fuse, optimizer.remapping, optimizer.passes",
           "what the file switches off of the passes that exist here"),
    Ignored(Text("enable_scope_fusion_passes", "names, with commas", "\"ScopeLayerNormPass\""),
            "no pass here looks at name scopes"),
    Mapped(OneOf("oo_level", "O0 O1 O2 O3", "\"O3\""), "optimizer.level", "the same level",
           TextAsIs),
    Kept(Text("optimization_switch", "pass:on or off;...", "\"ConstantFolding:off\""),
         "switches passes of the NPU's compiler"),
    Mapped(Flag("oo_constant_folding"), "optimizer.passes.fold", "the same", FlagAsIs),
    Ignored(Number("export_compile_stat", 0, 2, "1"),
            "Midstream has no file of compile statistics yet"),
    Kept(Text("aicore_num", "cores of both kinds", "\"24|48\""), "schedules the NPU's own engines"),
    Kept(Text("auto_multistream_parallel_mode", "cv, LoadBalance:n or MainStream:n", "\"cv\""),
         "schedules the NPU's own engines"),
    Kept(Number("topo_sorting_mode", 0, kAny, "0"), "schedules the NPU's own engines"),
    Kept(Text("insert_op_file", "a file", "\"aipp.cfg\""),
         "configures the NPU's image preprocessing"),
    Kept(Text("soc_config", "a chip", "\"soc\""), "describes the NPU"),
    Kept(Text("device_type", "a device", "\"default_device_type\""), "describes the NPU"),
    Kept(Text("resource_config_path", "a file", "\"resources.json\""), "describes the NPU"),
    Kept(Text("const_input", "inputs", "\"\""), kNpuKernels),
    Kept(Text("graph_slice", "a mode", "\"\""), kNpuKernels),
    Ignored(OneOf("aoe_mode", "1 2 4", "\"2\""), kTuning),
    Ignored(Text("work_path", "a folder", "\"./\""), kTuning),
    Ignored(Text("aoe_config_file", "a file", "\"aoe.json\""), kTuning),
    Ignored(Text("distribute_config", "a file", "\"distribute.json\""), kTuning),
    Ignored(Text("auto_tune_mode", "GA, RL or both", "\"RL,GA\""), kTuning),
    Ignored(OneOf("mstune_mode", "1 2 3 4", "\"1\""), kTuning),

    // Debugging, dumps, profiles, timeouts.
    Kept(Flag("enable_dump"), kNoDump),
    Kept(Text("dump_path", "a folder", "\"/tmp/dump\""), kNoDump),
    Kept(Text("dump_step", "steps and ranges of them, with bars", "\"0|5|10-20\""), kNoDump),
    Kept(OneOf("dump_mode", "input output all", "\"all\""), kNoDump),
    Kept(OneOf("dump_data", "tensor stats", "\"stats\""), kNoDump),
    Kept(Text("dump_layer", "nodes, with spaces", "\"conv1 conv2\""), kNoDump),
    Kept(Flag("enable_dump_debug"), kNoDump),
    Kept(OneOf("dump_debug_mode", "aicore_overflow atomic_overflow all", "\"all\""), kNoDump),
    Kept(Number("enable_exception_dump", 0, 2, "2"), kNoDump),
    Kept(OneOf("quant_dumpable", "0 1", "\"0\""), kNoDump),
    Kept(Text("op_debug_config", "a file", "\"debug.cfg\""), "debugs the NPU's kernels"),
    Kept(Number("op_debug_level", 0, 4, "0"), "debugs the NPU's kernels"),
    Kept(Text("debug_dir", "a folder", "\"/tmp/debug\""), "debugs the NPU's kernels"),
    Kept(Flag("profiling_mode"), kNoProfile),
    Kept(Text("profiling_options", "JSON", R"("{\"output\":\"/tmp/p\",\"task_trace\":\"on\"}")"),
         kNoProfile),
    Kept(NumberOrText("op_wait_timeout", "seconds", "120"), kNoTimeouts),
    Kept(NumberOrText("op_execute_timeout", "seconds", "\"90\""), kNoTimeouts),
    Kept(Number("stream_sync_timeout", -1, kAny, "600000"), kNoTimeouts),
    Kept(Number("event_sync_timeout", -1, kAny, "600000"), kNoTimeouts),
    Kept(Number("graph_exec_timeout", -1, kAny, "600000"), kNoTimeouts),

    // Clusters and training.
    Ignored(Flag("hcom_parallel"), kCluster),
    Ignored(Text("hcom_multi_mode", "a mode", "\"\""), kCluster),
    Ignored(NumberOrText("hccl_timeout", "seconds", "\"1836\""), kCluster),
    Ignored(Text("HCCL_algorithm", "an algorithm", "\"level0:ring\""), kCluster),
    Ignored(Flag("is_tailing_optimization"), kTraining),
    Ignored(Flag("horovod_mode"), kCluster),
    Ignored(Number("local_rank_id", -1, 7, "0"), kCluster),
    Ignored(Text("local_device_list", "devices, with commas", "\"0,1\""), kCluster),
    Ignored(Text("job", "a name", "\"localhost\""), kCluster),
    Ignored(Number("task_index", 0, kAny, "0"), kCluster),
    Ignored(Text("experimental_accelerate_train_mode", "speed|when|share", "\"fast|step|0.9\""),
            kTraining),
    Ignored(NumberOrText("experimental_logical_device_*", "anything", "\"0\""), kCluster),
    Ignored(NumberOrText("experimental_model_deploy_*", "anything", "\"0\""), kCluster),
    Ignored(Flag("enable_graph_parallel"), kCluster),
    Ignored(Text("graph_parallel_option_path", "a file", "\"parallel.json\""), kCluster),
    Ignored(Flag("enable_reduce_precision"), kTraining),
    Ignored(NumberOrText("save_*", "anything", "100"), kTraining),
};

std::string_view TypeName(NpuType type) {
  switch (type) {
    case NpuType::kBool:
      return "b";
    case NpuType::kInteger:
      return "i";
    case NpuType::kText:
      return "s";
    case NpuType::kIntegerOrText:
      break;
  }
  return "i or s";
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    words.push_back(text.substr(0, text.find(' ')));
    text.remove_prefix(std::min(text.size(), words.back().size() + 1));
  }
  return words;
}

std::string Range(const NpuOption& option) {
  if (option.most == kAny) return fmt::format("an integer of at least {}", option.least);
  return fmt::format("an integer from {} to {}", option.least, option.most);
}

std::string Escaped(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

}  // namespace

std::span<const NpuOption> NpuOptions() { return kOptions; }

const NpuOption* FindNpuOption(std::string_view name) {
  const auto* found = std::find_if(kOptions.begin(), kOptions.end(), [&](const NpuOption& option) {
    if (!option.name.ends_with('*')) return option.name == name;
    const std::string_view family = option.name.substr(0, option.name.size() - 1);
    return name.size() > family.size() && name.starts_with(family);
  });
  return found == kOptions.end() ? nullptr : found;
}

std::string Expected(const NpuOption& option) {
  switch (option.type) {
    case NpuType::kBool:
      return "true or false";
    case NpuType::kInteger:
      return Range(option);
    case NpuType::kText:
      break;
    case NpuType::kIntegerOrText:
      return fmt::format("{} or text ({})", Range(option), option.form);
  }
  if (option.choices.empty()) return fmt::format("text ({})", option.form);
  std::string text;
  for (const std::string_view word : Words(option.choices)) {
    text += fmt::format("{}\"{}\"", text.empty() ? "one of " : ", ", word);
  }
  return text;
}

bool Accepts(const NpuOption& option, const NpuValue& value) {
  if (std::holds_alternative<bool>(value)) return option.type == NpuType::kBool;
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    const bool typed = option.type == NpuType::kInteger || option.type == NpuType::kIntegerOrText;
    return typed && *integer >= option.least && *integer <= option.most;
  }
  if (option.type == NpuType::kIntegerOrText) return true;
  if (option.type != NpuType::kText) return false;
  const auto words = Words(option.choices);
  return words.empty() ||
         std::find(words.begin(), words.end(), std::get<std::string>(value)) != words.end();
}

std::string_view FateName(NpuFate fate) {
  switch (fate) {
    case NpuFate::kMapped:
      return "mapped";
    case NpuFate::kKept:
      return "kept";
    case NpuFate::kIgnored:
      break;
  }
  return "ignored";
}

std::string NpuMarkdown() {
  const auto families = std::count_if(kOptions.begin(), kOptions.end(),
                                      [](const NpuOption& o) { return o.name.ends_with('*'); });
  std::string text = fmt::format(
      "# Options of the NPU's sessions\n\n"
      "`midstream config import-npu FILE.json` turns the parameter map of the Ascend TensorFlow "
      "adapter's\nNpuOptimizer into a configuration of Midstream. The file is an object from "
      "option to value; a value is a\nboolean, an integer or a string, also as the map's protobuf "
      "spells it: `{{\"b\": true}}`, `{{\"i\": 1}}`, `{{\"s\": \"x\"}}`.\nThe configuration goes "
      "to stdout, and what became of each option, and why, to stderr.\n\n"
      "- *mapped*: it is a key of the configuration (docs/configuration.md).\n"
      "- *kept*: it stands as it is in `[backends.ascend]`, for a plugin of that name. (A section "
      "`[backend.ascend]`\n  cannot be: `backend` is the key that names the backend.)\n"
      "- *ignored*: it has nothing to do here.\n\n"
      "An unknown option, a value that is not legal, and options that exclude each other are "
      "errors, all listed at\nonce. Files that options name are read, relative to FILE.json, and "
      "translated; what of them has no\ncounterpart is listed. An option that is not given gives "
      "no key: where the NPU's default differs from\nMidstream's (inference on the NPU runs in "
      "`force_fp16`), write the key.\n\n"
      "The {} rows below are the adapter's {} options and {} open families. This page is made from "
      "the table in\n`core/config/npu/options.cc`.\n\n"
      "| option | type | legal values | fate | key | what it does here, or why nothing |\n"
      "|---|---|---|---|---|---|\n",
      kOptions.size(), kOptions.size() - static_cast<size_t>(families), families);
  for (const NpuOption& option : kOptions) {
    text += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", option.name, TypeName(option.type),
                        Escaped(Expected(option)), FateName(option.fate), option.key,
                        Escaped(std::string(option.reason)));
  }
  return text;
}

}  // namespace midstream::config
