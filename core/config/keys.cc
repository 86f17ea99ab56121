#include "core/config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/config/policy_keys.h"
#include "core/config/rows.h"

namespace midstream::config {
namespace {

// ---- Names of choices
// ----------------------------------------------------------------------------

constexpr std::array kRunModes = {Name("inference", RunMode::kInference)};

// The names of precision_mode and precision_mode_v2 of the Ascend TensorFlow adapter.
constexpr std::array kPrecisionModes = {
    Name("origin", PrecisionMode::kOrigin),
    Name("must_keep_origin_dtype", PrecisionMode::kOrigin),
    Name("force_fp32", PrecisionMode::kForceFp32),
    Name("force_fp16", PrecisionMode::kForceFp16),
    Name("fp16", PrecisionMode::kForceFp16),
    Name("allow_fp32_to_fp16", PrecisionMode::kAllowFp32ToFp16),
    Name("allow_fp32_to_bf16", PrecisionMode::kAllowFp32ToBf16),
    Name("cube_fp16in_fp32out", PrecisionMode::kCubeFp16InFp32Out),
    Name("mixed_float16", PrecisionMode::kMixedFp16),
    Name("allow_mix_precision", PrecisionMode::kMixedFp16),
    Name("allow_mix_precision_fp16", PrecisionMode::kMixedFp16),
    Name("mixed_bfloat16", PrecisionMode::kMixedBf16),
    Name("allow_mix_precision_bf16", PrecisionMode::kMixedBf16),
    Refused("cube_hif8",
            "is not available on any backend here; the nearest mode is cube_fp16in_fp32out"),
    Refused("mixed_hif8",
            "is not available on any backend here; the nearest mode is mixed_bfloat16"),
};

constexpr std::array kOnUnsupported = {Name("upcast", OnUnsupported::kUpcast),
                                       Name("error", OnUnsupported::kError)};

constexpr std::array kComputeTypes = {
    Name("auto", ComputeType::kAuto), Name("float64", ComputeType::kFloat64),
    Name("float32", ComputeType::kFloat32), Name("float16", ComputeType::kFloat16),
    Name("bfloat16", ComputeType::kBFloat16)};

constexpr std::array kImplementations = {
    Name("auto", Implementation::kAuto), Name("high_precision", Implementation::kHighPrecision),
    Name("high_performance", Implementation::kHighPerformance)};

constexpr std::array kFallbacks = {Name("error", Fallback::kError), Name("warn", Fallback::kWarn),
                                   Name("allow", Fallback::kAllow)};

constexpr std::array kProbeModes = {Name("always", ProbeMode::kAlways),
                                    Name("cached", ProbeMode::kCached),
                                    Name("off", ProbeMode::kOff)};

constexpr std::array kOutsideBuckets = {Name("dynamic", OutsideBuckets::kDynamic),
                                        Name("error", OutsideBuckets::kError)};

constexpr std::array kDropoutPolicies = {Name("remove", DropoutPolicy::kRemove),
                                         Name("keep", DropoutPolicy::kKeep),
                                         Name("error", DropoutPolicy::kError)};

// ---- Rules for text
// ------------------------------------------------------------------------------

bool IsAbsolutePath(std::string_view text) {
  return text.starts_with('/') && text.find('\0') == std::string_view::npos;
}

// "NAME" or "NAME:INDEX".
bool IsBackendName(std::string_view text) {
  const size_t colon = text.find(':');
  if (!IsPluginName(text.substr(0, colon))) return false;
  if (colon == std::string_view::npos) return true;
  const std::string_view index = text.substr(colon + 1);
  return !index.empty() && index.size() <= 4 &&
         std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr TextRule kBackendName = {
    IsBackendName,
    "\"auto\" or the name of a plugin (a-z, 0-9, _; at most 64), as NAME or NAME:DEVICE"};
constexpr TextRule kOrderedName = {
    IsBackendName, "the name of a plugin (a-z, 0-9, _; at most 64), as NAME or NAME:DEVICE"};
constexpr TextRule kPlugin = {
    [](std::string_view text) { return IsPluginName(text) || IsAbsolutePath(text); },
    "the name of a plugin (a-z, 0-9, _; at most 64) or the absolute path of its file"};
constexpr TextRule kFolder = {
    [](std::string_view text) { return text.empty() || IsAbsolutePath(text); },
    "an absolute path, or nothing"};
constexpr TextRule kNotEmpty = {[](std::string_view text) { return !text.empty(); },
                                "a name that is not empty"};

// "AIcoreEngine:4" or "DNN_VM_AICPU:10,AIcoreEngine:1": the count of AIcoreEngine.
std::optional<int64_t> StreamsOfEngines(std::string_view text) {
  std::optional<int64_t> streams;
  while (true) {
    const std::string_view item = text.substr(0, text.find(','));
    const size_t colon = item.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view engine = item.substr(0, colon);
    const std::string_view digits = item.substr(colon + 1);
    int64_t count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (engine == "AIcoreEngine")
      streams = count;
    else if (engine != "DNN_VM_AICPU")
      return std::nullopt;
    if (item.size() == text.size()) return streams;
    text.remove_prefix(item.size() + 1);
  }
}
// "O0" to "O3".
std::optional<int64_t> LevelOfName(std::string_view text) {
  if (text.size() != 2 || text[0] != 'O' || text[1] < '0' || text[1] > '3') return std::nullopt;
  return text[1] - '0';
}
constexpr IntegerSpelling kLevelNames = {LevelOfName, "text like \"O3\""};

constexpr IntegerSpelling kEngineStreams = {StreamsOfEngines, "text like \"AIcoreEngine:4\""};

// ---- The table
// -----------------------------------------------------------------------------------

constexpr std::array kSections = {
    SectionRow{"", "Which backend runs the model, and how."},
    SectionRow{"precision", "The dtype that operators compute in."},
    SectionRow{"precision.op.*",
               "One type of operator, by its ONNX name; it comes before precision.mode and the "
               "lists."},
    SectionRow{"precision.node.*", "One node, by its name; it comes before its type's section."},
    SectionRow{"execution", "Threads and parallel requests."},
    SectionRow{"queue",
               "Requests that wait: what a session holds of them before it refuses more "
               "(docs/requests.md)."},
    SectionRow{"batching", "Requests executed together (docs/requests.md)."},
    SectionRow{"optimizer", "Rewrites of the graph; results stay the same up to rounding."},
    SectionRow{"optimizer.passes",
               "Switches of single passes (docs/passes.md); with optimizer.fuse and "
               "optimizer.remapping they are all that can be left out. NPU option "
               "fusion_switch_file."},
    SectionRow{"shapes", "Inputs whose shapes vary."},
    SectionRow{"inputs.*",
               "One input of the model, by its name without \":0\". NPU options input_shape, "
               "dynamic_dims and dynamic_inputs_shape_range."},
    SectionRow{"device", "The device of the backend."},
    SectionRow{"placement", "Which backend gets which operator."},
    SectionRow{"placement.op.*",
               "One type of operator, by its ONNX name (Conv, Softmax, MatMul ...)."},
    SectionRow{"placement.node.*",
               "Nodes by their name, in which * stands for any text and ? for any one character; "
               "they come before their type's section, and of several that match the longest "
               "does."},
    SectionRow{"plugins", "Where backends come from."},
    SectionRow{"cache", "What backends keep between runs, such as compiled kernels."},
    SectionRow{"weights", "Reading weights, and the versions that updates make."},
    SectionRow{"watch", "Following a trainer that saves into a folder."},
    SectionRow{"graph", "Reading graphs."},
    SectionRow{"compare",
               "What `midstream compare` sets side by side (docs/compare.md); nothing else reads "
               "it."},
    SectionRow{"policy",
               "What a checkpoint of OpenPI does not say of itself (docs/openpi.md); `midstream "
               "policy` reads it."},
};

constexpr int64_t kMaxSize = int64_t{1} << 40;
constexpr size_t kMaxRank = 16;
using Inputs = Plain<&Config::inputs>;
using OpPrecision = Plain<&Config::precision, &PrecisionConfig::op>;
using NodesPrecision = Plain<&Config::precision, &PrecisionConfig::node>;
using OpPlacement = Plain<&Config::placement, &PlacementConfig::op>;
using NodesPlacement = Plain<&Config::placement, &PlacementConfig::node>;

constexpr std::string_view kDtypeDoc =
    "The dtype to compute in; \"auto\" leaves it to precision.mode. NPU option customize_dtypes.";
constexpr std::string_view kOutputDtypeDoc =
    "The dtype of the results; \"auto\" leaves it to dtype and precision.mode. NPU option "
    "customize_dtypes.";
constexpr std::string_view kImplDoc =
    "Which kernel to prefer where a backend has several. NPU options op_precision_mode and "
    "op_select_implmode.";

constexpr std::string_view kPlacementDoc =
    "The backend of the order that is asked first; where it refuses, the others are asked as "
    "placement.fallback allows. Empty: none in particular.";
constexpr TextRule kOrderedNameOrNothing = {
    [](std::string_view text) { return text.empty() || IsBackendName(text); },
    "the name of a plugin of placement.order, as NAME or NAME:DEVICE, or nothing"};

constexpr std::array kOtherKeys = {
    String<&Config::backend>(
        "backend", kBackendName,
        "The plugin that runs the model: \"cpu_blas\" (fast, any CPU), \"reference\" (slow, exact, "
        "every operator), any other plugin, or \"auto\": the first of placement.order or "
        "plugins.list that loads. Where placement.order is set, that is asked in its order; but a "
        "backend that is given beside the file (--backend, --set) comes first in it. "
        "NPU option use_off_line: true names the NPU's plugin, false the CPU's."),
    Choice<kRunModes, &Config::mode>(
        "mode", "What the session does with the model. NPU option graph_run_mode = 0."),

    Choice<kPrecisionModes, &Config::precision, &PrecisionConfig::mode>(
        "precision.mode",
        "The precision policy of the whole graph. The names are those of the NPU options "
        "precision_mode and precision_mode_v2; cube_hif8 and mixed_hif8 are not available on any "
        "backend here."),
    List<&Config::precision, &PrecisionConfig::keep>(
        "precision.keep", kNotEmpty,
        "Nodes that keep the dtype of the model whatever precision.mode says. NPU function "
        "keep_dtype_scope."),

    Choice<kOnUnsupported, &Config::precision, &PrecisionConfig::on_unsupported>(
        "precision.on_unsupported",
        "When no backend of the placement has an operator in the dtype that the policy asks for: "
        "\"upcast\" computes it in the next higher dtype and reports that, \"error\" refuses the "
        "model."),
    List<&Config::precision, &PrecisionConfig::white>(
        "precision.white", kNotEmpty,
        "Types of operators to move onto the white list of a mixed mode: they compute in half "
        "precision. NPU option modify_mixlist."),
    List<&Config::precision, &PrecisionConfig::black>(
        "precision.black", kNotEmpty,
        "Types of operators to move onto the black list of a mixed mode: they compute in the dtype "
        "of the model. NPU option modify_mixlist."),
    List<&Config::precision, &PrecisionConfig::gray>(
        "precision.gray", kNotEmpty,
        "Types of operators to take off both lists of a mixed mode: they follow their operands. "
        "NPU option modify_mixlist."),

    Choice<kComputeTypes, Entry<OpPrecision, &NodePrecision::dtype>>("precision.op.*.dtype",
                                                                     kDtypeDoc),
    Choice<kComputeTypes, Entry<OpPrecision, &NodePrecision::output_dtype>>(
        "precision.op.*.output_dtype", kOutputDtypeDoc),
    Choice<kImplementations, Entry<OpPrecision, &NodePrecision::impl>>("precision.op.*.impl",
                                                                       kImplDoc),
    Choice<kComputeTypes, Entry<NodesPrecision, &NodePrecision::dtype>>("precision.node.*.dtype",
                                                                        kDtypeDoc),
    Choice<kComputeTypes, Entry<NodesPrecision, &NodePrecision::output_dtype>>(
        "precision.node.*.output_dtype", kOutputDtypeDoc),
    Choice<kImplementations, Entry<NodesPrecision, &NodePrecision::impl>>("precision.node.*.impl",
                                                                          kImplDoc),

    Integer<&Config::execution, &ExecutionConfig::streams>(
        "execution.streams", 1, 1024,
        "Requests (or batches) that each instance of a session keeps executing at the same time, "
        "each with a queue of the device, memory and a worker thread of its own. instances x "
        "streams of them execute at once; further ones wait. NPU option stream_max_parallel_num; "
        "its spelling is accepted too, and AIcoreEngine's count is taken.",
        &kEngineStreams),
    Integer<&Config::execution, &ExecutionConfig::instances>(
        "execution.instances", 1, 1024,
        "Instances of a session; each executes as many requests at the same time as "
        "execution.streams says. NPU option graph_max_parallel_model_num."),
    Integer<&Config::execution, &ExecutionConfig::threads>(
        "execution.threads", 0, 4096,
        "Threads that compute, the calling thread included; 0 means one per core."),
    Bool<&Config::execution, &ExecutionConfig::deterministic>(
        "execution.deterministic",
        "Equal bits whatever the number of threads and the split of a batch; may be slower. NPU "
        "option deterministic."),
    Integer<&Config::execution, &ExecutionConfig::seed>(
        "execution.seed", 0, INT64_MAX,
        "What random numbers of a model start from: the same seed and order of requests give the "
        "same numbers."),

    Integer<&Config::queue, &QueueConfig::max_requests>(
        "queue.max_requests", 1, 1 << 24,
        "Requests of one session that may wait; further ones are refused with "
        "RESOURCE_EXHAUSTED."),
    Integer<&Config::queue, &QueueConfig::max_bytes>(
        "queue.max_bytes", 1, kMaxSize,
        "Bytes of inputs that waiting requests of one session may hold; further ones are refused "
        "with RESOURCE_EXHAUSTED. An empty queue takes a request of any size."),

    Integer<&Config::batching, &BatchingConfig::max_size>(
        "batching.max_size", 1, 4096,
        "The most rows (axis 0) of a batch that is made of several requests; 1 makes none. Needs a "
        "model whose inputs and outputs all have a free first dimension and whose rows do not "
        "depend on each other. As many more shapes as this are kept compiled."),
    Integer<&Config::batching, &BatchingConfig::max_delay_us>(
        "batching.max_delay_us", 0, 10'000'000,
        "Microseconds that a waiting request gives others to join its batch, when the batch is not "
        "full."),

    Integer<&Config::optimizer, &OptimizerConfig::level>(
        "optimizer.level", 0, 3,
        "0: only what is needed to run; 1: and the passes fold and simplify; 2: and sink and "
        "layout; 3: and fuse and remapping. A pass runs when its own switch is on too. NPU option "
        "oo_level; its spelling is accepted too.",
        &kLevelNames),
    Bool<&Config::optimizer, &OptimizerConfig::fuse>(
        "optimizer.fuse",
        "Join a convolution or matrix product with the bias and activation that follow it."),
    Bool<&Config::optimizer, &OptimizerConfig::remapping>(
        "optimizer.remapping",
        "Replace operators by cheaper ones, for example batch normalisation by scaled convolution "
        "weights. TensorFlow option rewrite_options.remapping, which NPU sessions turn off."),

    Bool<&Config::optimizer, &OptimizerConfig::passes, &PassesConfig::fold>(
        "optimizer.passes.fold",
        "Compute what follows from constants and shapes once. NPU option oo_constant_folding."),
    Bool<&Config::optimizer, &OptimizerConfig::passes, &PassesConfig::simplify>(
        "optimizer.passes.simplify", "Remove nodes that only pass a value on or undo each other."),
    Bool<&Config::optimizer, &OptimizerConfig::passes, &PassesConfig::sink>(
        "optimizer.passes.sink",
        "Move transposes through other operators until they meet their inverse."),
    Bool<&Config::optimizer, &OptimizerConfig::passes, &PassesConfig::layout>(
        "optimizer.passes.layout", "Use the memory layout of images that the backend prefers."),

    Choice<kOutsideBuckets, &Config::shapes, &ShapesConfig::outside_buckets>(
        "shapes.outside_buckets",
        "A request whose shapes are no profile of inputs.NAME.buckets: \"dynamic\" compiles for "
        "them when it comes, \"error\" refuses it. NPU option compile_hybrid_mode."),
    Integer<&Config::shapes, &ShapesConfig::cached_plans>(
        "shapes.cached_plans", 1, 4096,
        "Shapes, beside the profiles, for which a session keeps what it compiled; the least "
        "recently used goes first."),

    Integers<Entry<Inputs, &InputConfig::shape>>(
        "inputs.*.shape", -1, kMaxSize, kMaxRank,
        "The shape, which the model must accept; -1 is any size. Empty means as the model says. "
        "NPU option input_shape."),
    Integers<Entry<Inputs, &InputConfig::range>>(
        "inputs.*.range", -1, kMaxSize, kMaxRank,
        "The least and the most size of each dimension, as in [[1, 8], [40, -1]]; -1 is no limit. "
        "Requests outside are refused. NPU option dynamic_inputs_shape_range."),
    Integers<Entry<Inputs, &InputConfig::buckets>>(
        "inputs.*.buckets", 0, kMaxSize, 256,
        "Profiles of shapes, 2 to 256, compiled when the session is created: each holds a size for "
        "each -1 of shape. All inputs with a -1 need the same number; profile i takes the i-th of "
        "every input. NPU option dynamic_dims."),

    Integer<&Config::device, &DeviceConfig::id>(
        "device.id", 0, 1023,
        "The device of the first backend of the order, counted from 0; NAME:DEVICE beats it. NPU "
        "option session_device_id."),
    Integer<&Config::device, &DeviceConfig::timeout_ms>(
        "device.timeout_ms", 1, 86400000,
        "Milliseconds after which a device that has not finished a request, or taken new weights, "
        "is given up: that request or update fails."),

    List<&Config::placement, &PlacementConfig::order>(
        "placement.order", kOrderedName,
        "Backends in the order in which they may claim operators, NAME or, for another device than "
        "its first, NAME:DEVICE; empty means backend, then \"reference\"."),
    Choice<kFallbacks, &Config::placement, &PlacementConfig::fallback>(
        "placement.fallback",
        "When an operator does not go to the first backend of the order, or to the one that a rule "
        "names, or a backend cannot be used here at all: \"error\" refuses the model, \"warn\" "
        "logs "
        "it, \"allow\" says nothing. NPU option mix_compile_mode = true is \"allow\", false is "
        "\"error\"."),
    Text<Entry<OpPlacement, &NodePlacement::backend>>("placement.op.*.backend",
                                                      kOrderedNameOrNothing, kPlacementDoc),
    Text<Entry<NodesPlacement, &NodePlacement::backend>>("placement.node.*.backend",
                                                         kOrderedNameOrNothing, kPlacementDoc),

    String<&Config::plugins, &PluginsConfig::dir>(
        "plugins.dir", kFolder,
        "The folder that plugins listed by name are in; empty means the one installed with "
        "Midstream. No other place is searched."),
    List<&Config::plugins, &PluginsConfig::list>(
        "plugins.list", kPlugin,
        "Plugins to load, by name or by the absolute path of the file. backend and "
        "placement.order name further ones."),
    Choice<kProbeModes, &Config::plugins, &PluginsConfig::probe>(
        "plugins.probe",
        "Try each plugin in a child process before it is loaded: \"always\", \"cached\" (again "
        "only when the file changed), or \"off\"."),
    Integer<&Config::plugins, &PluginsConfig::probe_timeout_ms>(
        "plugins.probe_timeout_ms", 1, 600000,
        "Milliseconds after which a plugin under probe is refused."),

    Bool<&Config::cache, &CacheConfig::enabled>(
        "cache.enabled",
        "Whether backends that compile keep what they made for the next start. A damaged file is "
        "noticed and made again."),
    String<&Config::cache, &CacheConfig::path>(
        "cache.path", kFolder,
        "The folder for it; empty means $XDG_CACHE_HOME/midstream, or ~/.cache/midstream."),

    Bool<&Config::weights, &WeightsConfig::verify_checksums>(
        "weights.verify_checksums", "Verify the checksum of every tensor that is read."),
    Bool<&Config::weights, &WeightsConfig::live_update>(
        "weights.live_update",
        "Whether a loaded model takes new weights; false refuses every update. NPU option "
        "frozen_variable = true."),
    Integer<&Config::weights, &WeightsConfig::keep_versions>(
        "weights.keep_versions", 1, 1000,
        "Versions that a model keeps to roll back to, the current one included. Fewer are kept "
        "where weights.memory_limit_percent does not allow as many."),
    Integer<&Config::weights, &WeightsConfig::memory_limit_percent>(
        "weights.memory_limit_percent", 0, 100000,
        "What all versions of a model may hold together, in percent of its weights; 64 MiB are "
        "always allowed, and 0 means no limit. An update that needs more gives up kept versions, "
        "then waits for pinned ones, then is refused."),
    Integer<&Config::weights, &WeightsConfig::memory_wait_ms>(
        "weights.memory_wait_ms", 0, 3600000,
        "Milliseconds that an update waits for pinned versions to be let go before it is refused "
        "for lack of memory."),
    Bool<&Config::weights, &WeightsConfig::require_finite>(
        "weights.require_finite", "Refuse every update that holds NaN or infinity."),
    Bool<&Config::weights, &WeightsConfig::accept_float64>(
        "weights.accept_float64",
        "Convert values of an update that come as float64; float32, float16 and bfloat16 always "
        "are "
        "converted to a weight's dtype."),

    Integer<&Config::watch, &WatchConfig::settle_ms>(
        "watch.settle_ms", 0, 3600000,
        "Milliseconds for which the files of new weights must have been left alone before they are "
        "taken."),

    Choice<kDropoutPolicies, &Config::graph, &GraphConfig::dropout>(
        "graph.dropout",
        "Dropout in a graph made for training: \"remove\" it exactly, \"keep\" it and compute it "
        "with "
        "the probability that is fed, or refuse the graph with an \"error\"."),

    List<&Config::compare, &CompareConfig::arms>(
        "compare.arms", kNotEmpty,
        "What to compare: names of backends, each run as backend and first in placement.order, "
        "with "
        "the rest of this configuration; or configuration files (*.toml), their paths seen from "
        "this file."),
    String<&Config::compare, &CompareConfig::baseline>(
        "compare.baseline", kAnyText,
        "The arm that the others are compared with; empty means the first."),
    String<&Config::compare, &CompareConfig::model>(
        "compare.model", kAnyText,
        "The model, its path seen from this file; empty means that the command line names it."),
};

// One table of two.
constexpr auto kKeys = [] {
  std::array<KeyRow, kOtherKeys.size() + kPolicyKeys.size()> keys{};
  std::copy(kPolicyKeys.begin(), kPolicyKeys.end(),
            std::copy(kOtherKeys.begin(), kOtherKeys.end(), keys.begin()));
  return keys;
}();

}  // namespace

std::string_view KeyRow::section() const {
  const size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

std::span<const KeyRow> KeyTable() { return kKeys; }
std::span<const SectionRow> SectionTable() { return kSections; }

const KeyRow* FindKey(std::string_view key) {
  const auto* row = std::find_if(kKeys.begin(), kKeys.end(),
                                 [&](const KeyRow& candidate) { return candidate.key == key; });
  return row == kKeys.end() ? nullptr : row;
}

bool IsSection(std::string_view name) {
  return std::any_of(kKeys.begin(), kKeys.end(), [&](const KeyRow& row) {
    return row.key.size() > name.size() && row.key.starts_with(name) && row.key[name.size()] == '.';
  });
}

bool HoldsFreeNames(std::string_view name) {
  return !name.empty() && IsSection(std::string(name) + ".*");
}

std::string WithName(std::string_view key, std::string_view name) {
  std::string full(key);
  const size_t star = full.find('*');
  return star == std::string::npos ? full : full.replace(star, 1, name);
}

std::string QuotedKey(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? std::string(name) : Quoted(name);
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

BackendName ParseBackendName(std::string_view text) {
  BackendName name{std::string(text.substr(0, text.find(':'))), -1};
  if (name.plugin.size() < text.size()) {
    std::from_chars(text.data() + name.plugin.size() + 1, text.data() + text.size(), name.index);
  }
  return name;
}

bool IsPluginName(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string Expected(const KeyRow& row) {
  switch (row.type) {
    case KeyType::kBool:
      return "true or false";
    case KeyType::kInteger: {
      std::string text =
          "an integer from " + std::to_string(row.min) + " to " + std::to_string(row.max);
      if (row.spelling != nullptr) text += ", or " + std::string(row.spelling->expected);
      return text;
    }
    case KeyType::kString:
      return std::string(row.rule->expected);
    case KeyType::kList:
      return "an array of strings, each " + std::string(row.rule->expected);
    case KeyType::kIntegers:
      return fmt::format("an array of at most {} integers from {} to {}", row.max_items, row.min,
                         row.max);
    case KeyType::kTable:
      return fmt::format("an array of at most {} arrays of integers from {} to {}", row.max_items,
                         row.min, row.max);
    case KeyType::kChoice: {
      std::string text = row.choices.size() == 1 ? "" : "one of ";
      for (const ChoiceName& choice : row.choices) {
        if (!choice.refusal.empty()) continue;
        if (&choice != row.choices.data()) text += ", ";
        text += fmt::format("\"{}\"", choice.name);
      }
      return text;
    }
  }
  return "";
}

}  // namespace midstream::config
