// Config: what a configuration file and its overrides say, as plain typed values.
//
// Every value here belongs to one row of the table in keys.cc, which gives its key, its legal
// values and its documentation; the initialisers below are the defaults. A Config that LoadConfig
// returned is complete and checked: code that uses it never looks at text again and never changes
// it. Threads: a const Config may be read by any number of threads.
#ifndef MIDSTREAM_CORE_CONFIG_CONFIG_H_
#define MIDSTREAM_CORE_CONFIG_CONFIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/export.h"
#include "core/base/status.h"

namespace midstream::config {

enum class RunMode { kInference };

// One value per policy; several spellings may stand for one policy (see keys.cc).
enum class PrecisionMode {
  kOrigin,             // every operator in the dtype that the model gives it
  kForceFp32,          // as kCubeFp16InFp32Out: the NPU gives the two names one meaning
  kForceFp16,          // float16 wherever the operator exists in it
  kAllowFp32ToFp16,    // float32 stays where the operator exists in it, else float16
  kAllowFp32ToBf16,    // float32 stays where the operator exists in it, else bfloat16
  kCubeFp16InFp32Out,  // matrix operators read float16 and write float32
  kMixedFp16,          // float16 by operator list
  kMixedBf16,          // bfloat16 by operator list
};

enum class Fallback { kError, kWarn, kAllow };
enum class ProbeMode { kAlways, kCached, kOff };
enum class DropoutPolicy { kRemove, kKeep, kError };

enum class OnUnsupported { kUpcast, kError };
enum class ComputeType { kAuto, kFloat64, kFloat32, kFloat16, kBFloat16 };
enum class Implementation { kAuto, kHighPrecision, kHighPerformance };

// What is said of one node or of one type of operator; kAuto where nothing is.
struct NodePrecision {
  ComputeType dtype = ComputeType::kAuto;
  ComputeType output_dtype = ComputeType::kAuto;
  Implementation impl = Implementation::kAuto;
};

// A node's own entry beats that of its type, which beats the mode and its lists.
struct PrecisionConfig {
  PrecisionMode mode = PrecisionMode::kOrigin;
  std::vector<std::string> keep;
  OnUnsupported on_unsupported = OnUnsupported::kUpcast;
  // Types of operators moved onto a list of a mixed mode; empty in every other mode.
  std::vector<std::string> white;
  std::vector<std::string> black;
  std::vector<std::string> gray;
  std::map<std::string, NodePrecision, std::less<>> op;    // by type of operator
  std::map<std::string, NodePrecision, std::less<>> node;  // by name of node
};

struct ExecutionConfig {
  int64_t streams = 1;
  int64_t instances = 1;
  int64_t threads = 0;
  bool deterministic = false;
  int64_t seed = 0;
};

struct QueueConfig {
  int64_t max_requests = 1024;
  int64_t max_bytes = int64_t{256} << 20;
};

struct BatchingConfig {
  int64_t max_size = 1;
  int64_t max_delay_us = 0;
};

// A pass runs when its switch is on and the level reaches it (keys.cc says which needs which).
struct PassesConfig {
  bool fold = true;
  bool simplify = true;
  bool sink = true;
  bool layout = true;
};

struct OptimizerConfig {
  int64_t level = 3;
  bool fuse = true;
  bool remapping = true;
  PassesConfig passes;
};

// What `midstream compare` sets side by side; nothing else reads it.
struct CompareConfig {
  std::vector<std::string> arms;
  std::string baseline;  // empty: the first arm
  std::string model;
};

// What is said of one input of the model. Everything is as long as `shape` where both are given;
// `buckets` holds one row per profile, and in it a value for each -1 of `shape`.
struct InputConfig {
  std::vector<int64_t> shape;               // -1: any size; empty: as the model says
  std::vector<std::vector<int64_t>> range;  // [least, most] per dimension; most -1: no limit
  std::vector<std::vector<int64_t>> buckets;
};

enum class OutsideBuckets { kDynamic, kError };

struct ShapesConfig {
  OutsideBuckets outside_buckets = OutsideBuckets::kDynamic;
  int64_t cached_plans = 16;
};

struct DeviceConfig {
  int64_t id = 0;
  int64_t timeout_ms = 600000;
};

// What is said of one node (or those that a pattern matches) or of one type of operator.
struct NodePlacement {
  std::string backend;
};

struct PlacementConfig {
  std::vector<std::string> order;  // "NAME" or "NAME:INDEX"
  Fallback fallback = Fallback::kWarn;
  std::map<std::string, NodePlacement, std::less<>> op;    // by type of operator
  std::map<std::string, NodePlacement, std::less<>> node;  // by name or pattern
};

// "NAME" or "NAME:INDEX" as `backend`, `placement.order` and its rules have it.
struct BackendName {
  std::string plugin;
  int64_t index = -1;  // of the device; -1: not said
};
// Requires: text as the configuration accepts it.
MS_API BackendName ParseBackendName(std::string_view text);

struct PluginsConfig {
  std::string dir;
  std::vector<std::string> list = {"cpu_blas", "reference"};
  ProbeMode probe = ProbeMode::kAlways;
  int64_t probe_timeout_ms = 10000;
};

struct CacheConfig {
  bool enabled = true;
  std::string path;  // empty: $XDG_CACHE_HOME/midstream, or ~/.cache/midstream
};

struct WeightsConfig {
  bool verify_checksums = true;
  bool live_update = true;
  int64_t keep_versions = 2;
  int64_t memory_limit_percent = 200;
  int64_t memory_wait_ms = 1000;
  bool require_finite = false;
  bool accept_float64 = false;
};

struct WatchConfig {
  int64_t settle_ms = 50;
};

struct GraphConfig {
  DropoutPolicy dropout = DropoutPolicy::kRemove;
};

enum class Robot { kAuto, kNone, kLibero, kAloha, kDroid };
enum class Normalization { kAuto, kZScore, kQuantile };
enum class OnOff { kAuto, kOn, kOff };

// What a checkpoint of OpenPI does not say of itself; `midstream policy` and `midstream check` read
// it. What is left at its default ("auto", empty or 0) is as the preset says.
struct PolicyConfig {
  std::string preset;
  Robot robot = Robot::kAuto;
  int64_t horizon = 0;
  int64_t max_token_len = 0;
  int64_t steps = 10;
  std::string tokenizer;
  std::string fast_tokenizer;
  std::string asset_id;
  std::string norm_stats;
  std::string default_prompt;
  Normalization normalization = Normalization::kAuto;
  OnOff discrete_state_input = OnOff::kAuto;
  OnOff adapt_to_pi = OnOff::kAuto;
  std::vector<int64_t> delta_mask;  // runs: n > 0 deltas, n < 0 absolute
  int64_t vision_heads = 0;
};

// Where a value came from.
struct MS_API Origin {
  enum class Source { kDefault, kFile, kSet };
  Source source = Source::kDefault;
  std::string file;  // kFile
  uint32_t line = 0;
  uint32_t column = 0;
  std::string written;  // the spelling used for a value that has several

  // "default", "file:line:column" or "--set".
  std::string ToString() const;
};

// Options of one backend, in the order of their keys; the plugin checks them when it opens a
// device.
using BackendOptions = std::map<std::string, std::string, std::less<>>;

struct MS_API Config {
  std::string backend = "cpu_blas";
  RunMode mode = RunMode::kInference;
  PrecisionConfig precision;
  ExecutionConfig execution;
  QueueConfig queue;
  BatchingConfig batching;
  OptimizerConfig optimizer;
  DeviceConfig device;
  PlacementConfig placement;
  PluginsConfig plugins;
  CacheConfig cache;
  WeightsConfig weights;
  WatchConfig watch;
  GraphConfig graph;
  ShapesConfig shapes;
  CompareConfig compare;
  PolicyConfig policy;
  std::map<std::string, InputConfig, std::less<>> inputs;  // by name, without ":0"
  std::map<std::string, BackendOptions, std::less<>> backends;

  // By full key ("precision.mode", "precision.op.Softmax.dtype", "backends.cpu_blas.isa"; a name
  // that is no bare key of TOML in quotes); a key that is absent has its default.
  std::map<std::string, Origin, std::less<>> origins;

  // Requires: nothing; a key that nobody set gives the default's origin.
  const Origin& origin(std::string_view key) const;
};

// One thing that is wrong with a configuration.
struct MS_API Problem {
  std::string file;   // "--set" for an override
  uint32_t line = 0;  // 0 for an override
  uint32_t column = 0;
  std::string key;      // may be empty: the text is not TOML
  std::string message;  // what is wrong and what was expected

  // "file:line:column: key: message"
  std::string ToString() const;
};

// "section.key" and the text after "=": a TOML value, or a bare word that is read as a string.
struct Override {
  std::string key;
  std::string value;
};
// Errors: INVALID_ARGUMENT when text is not of the form key=value.
MS_API Result<Override> ParseOverride(std::string_view text);

// Every value at its default.
MS_API const Config& DefaultConfig();

// The defaults, then the text, then the overrides, in this order; a backend among the overrides comes
// first in the text's placement.order. name is how messages call the text. All problems are found at once: the status lists one per line, and *problems, when given,
// receives them too. Errors: INVALID_ARGUMENT.
MS_API Result<Config> ParseConfig(std::string_view text, const std::string& name,
                                  const std::vector<Override>& overrides = {},
                                  std::vector<Problem>* problems = nullptr);

// ParseConfig of a file; an empty path means no file. Errors: as ReadFile and ParseConfig.
MS_API Result<Config> LoadConfig(const std::string& path,
                                 const std::vector<Override>& overrides = {},
                                 std::vector<Problem>* problems = nullptr);

}  // namespace midstream::config

namespace midstream {
using config::Config;
}  // namespace midstream

#endif  // MIDSTREAM_CORE_CONFIG_CONFIG_H_
