// The public C++ API: Engine -> Model -> Session, and Update.
//
//   Engine   the backends and threads of one configuration
//   Model    a checkpoint opened in place: one weight layout, the current weight version
//   Session  the model compiled for a set of inputs and outputs; run it from any thread
//   Update   new weights by name; one Commit makes them current for every session of the model,
//            or changes nothing
//   VersionPin  holds one version of the weights for as long as it lives
//   Source   what brings new weights from outside: source.h
//
// All are handles: copies refer to the same object, and each keeps what it depends on alive.
// Every method may be called from any thread unless it says otherwise. Nothing throws. Requires: a
// program built with the same compiler and standard library as the engine; for others there is the
// C API, midstream/midstream.h.
#ifndef MIDSTREAM_CORE_ENGINE_ENGINE_H_
#define MIDSTREAM_CORE_ENGINE_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/export.h"
#include "core/base/status.h"
#include "core/config/config.h"
#include "core/engine/source.h"
#include "core/graph/named_tensor.h"
#include "core/graph/placement_report.h"
#include "core/graph/precision_report.h"
#include "core/session/node_profile.h"
#include "core/session/response.h"
#include "core/session/stats.h"
#include "core/weights/stats.h"
#include "core/weights/update_options.h"
#include "core/weights/version_pin.h"

namespace midstream {

namespace formats {
class ModelSource;
}
namespace weights {
struct Version;
}

// What became of one plugin of the configuration.
struct MS_API PluginReport {
  struct Device {
    std::string name;
    std::string isa;
    uint64_t memory_bytes = 0;
  };
  std::string name;  // as the configuration names it
  std::string path;
  std::string version;
  std::string abi;  // "1.0"
  Status status;    // why it is not usable
  std::vector<Device> devices;
  std::vector<std::string>
      operators;  // "Conv", "midstream.Conv", ... that it claims in their plainest form
};

// Counters of the process. Updating weights moves none of the first two once as many versions live
// as will ever live at the same time.
struct MS_API EngineStats {
  uint64_t compiles = 0;            // modules and plans made
  uint64_t system_allocations = 0;  // requests of backends for memory that reached the system
  uint64_t backend_bytes = 0;       // memory that backends hold now
};

// A node of a compiled graph.
struct MS_API CompiledNode {
  std::string name;     // that of the model's node which it, or the main part of it, was
  std::string op;       // "Conv", "midstream.Conv"
  std::string backend;  // that runs it
  std::vector<std::string> inputs;  // values by name; absent optional ones are left out
  std::vector<TensorSpec> outputs;
};

struct MS_API CompiledGraph {
  std::vector<CompiledNode> nodes;   // in an order in which they can run
  std::vector<std::string> outputs;  // values, in the order of Session::outputs()
};

struct MS_API SessionOptions {
  // Tensors that runs will feed; empty: the placeholders that the outputs need. Any tensor of the
  // model may be named.
  std::vector<std::string> inputs;
  // Tensors to compute; empty: the model's own outputs. Any tensor of the model may be named.
  std::vector<std::string> outputs;
  // Placeholders that are the same in every run, by name.
  std::map<std::string, Tensor> bound;
};

// Dropping the last handle cancels requests that wait and waits for those that execute.
class MS_API Session {
 public:
  const std::vector<TensorSpec>& inputs() const;
  const std::vector<TensorSpec>& outputs() const;

  // Runs on this thread and the engine's pool when a lane is free (execution.instances x streams)
  // and nothing waits; else waits in the queue, as Submit does. Errors: INVALID_ARGUMENT listing
  // every input that is missing, unknown, or of another dtype or shape; those of backends; those of
  // Submit.
  Result<RunResult> Run(const std::vector<NamedTensor>& inputs, const RequestOptions& options = {});
  // For callers that count: inputs in the order of inputs(); output tensors of the right dtype and
  // shape that are passed in and whose bytes no other tensor shares are overwritten, others are
  // allocated. version may be null.
  Status Run(const std::vector<Tensor>& inputs, std::vector<Tensor>* outputs, uint64_t* version);

  // Queues a request and returns at once. Tensors that borrow their memory must keep it until the
  // request is done. Errors: INVALID_ARGUMENT as for Run; RESOURCE_EXHAUSTED when the queue is full
  // (queue.max_requests, queue.max_bytes); UNAVAILABLE while the session drains;
  // FAILED_PRECONDITION when it is closed, or when it has no weights of the version asked for. What
  // happens to the request later is in its response.
  Result<Response> Submit(const std::vector<NamedTensor>& inputs,
                          const RequestOptions& options = {});

  // Refuses new requests from now on and waits until those that there are have completed. Errors:
  // DEADLINE_EXCEEDED with what is still there; draining then goes on. FAILED_PRECONDITION in a
  // callback of the session, or when it is closed.
  Status Drain(std::optional<std::chrono::nanoseconds> timeout = {});
  // Drains, then releases memory, program and weights while handles may live on. Later requests
  // fail with FAILED_PRECONDITION. Errors: FAILED_PRECONDITION in a callback of the session.
  Status Close();

  SessionStats stats() const;

  // "Conv 'c' runs on reference: ..." for every node that is not on the first backend of the
  // placement order.
  const std::vector<std::string>& fallbacks() const;
  // In which dtypes each node computes and why, off the compiled graph.
  const PrecisionReport& precision() const;
  // Which backend runs each node, why others did not take it, and what crosses between memories.
  const PlacementReport& placement() const;

  // From the next request on, every backend (does not) time its nodes; on forgets earlier times.
  // Timed requests may be slower. While a trace is on (--trace) each timed node is an event of it.
  // Errors: UNIMPLEMENTED naming a backend of the session that cannot; FAILED_PRECONDITION when the
  // session is closed.
  Status EnableProfile(bool on);
  // What has been timed, in the order of execution.
  std::vector<NodeProfile> profile() const;

  // The optimised graph, one node a line; empty when the session is closed.
  std::string DescribeGraph() const;
  // The same as data.
  CompiledGraph compiled_graph() const;

 private:
  friend class Model;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Weights on their way to become a version. One thread at a time.
class MS_API Update {
 public:
  // `name` with or without ":0". The tensor's bytes are read until Stage or Commit returns. What
  // does not fit (unknown name, other dtype or shape) is reported by these, all problems at once.
  void Assign(std::string_view name, Tensor value);
  // The same, and hands the bytes over: where nothing has to be converted or packed they are used
  // where they lie, until no version needs them. They must never change; the tensor's owner
  // (Tensor::Wrap) is let go when they are not needed any more, on any thread.
  // Letting it go must neither call the library nor wait for a thread that may be in it.
  void Adopt(std::string_view name, Tensor value);
  // Rows from row `begin` of axis 0 on; the other rows keep their value.
  void AssignRows(std::string_view name, int64_t begin, Tensor rows);

  // Checks and packs the new values on every backend beside running requests, so that what is left
  // to Commit takes a few microseconds whatever the size of the model. Errors: INVALID_ARGUMENT
  // listing every problem; ABORTED when UpdateOptions::base is not current; RESOURCE_EXHAUSTED over
  // weights.memory_limit; those of backends; in every case nothing has changed and the update is
  // empty.
  Status Stage();
  // Stages what is not staged, then swaps one pointer: runs that start from now on use the new
  // values, runs under way keep theirs. Returns the new version. Errors: as Stage; ABORTED when the
  // model got another version since Stage; FAILED_PRECONDITION when nothing was assigned. The
  // update is empty afterwards and may be filled again.
  Result<uint64_t> Commit();
  // Forgets what was assigned and staged.
  void Abort();

 private:
  friend class Model;
  friend class Engine;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class MS_API Model {
 public:
  // What the model holds: inputs, outputs, weights, operators.
  const formats::ModelSource& source() const;
  // Errors: NOT_FOUND for a tensor that the model does not have; UNIMPLEMENTED listing every
  // unsupported node.
  Result<Session> CreateSession(const SessionOptions& options);

  // For who looks for the node at fault: computes `values` (CompiledNode: results, or weights that
  // nodes read) of the graph that `of` compiled, node for node as it was optimised there, with this
  // model's weights on this model's backends. `of` is a session of this model, or of one that another
  // engine opened from the same files. Takes the inputs of `of`. Errors: NOT_FOUND for a value that
  // the graph does not have; FAILED_PRECONDITION when `of` is closed; those of CreateSession.
  Result<Session> CreateProbe(const Session& of, const std::vector<std::string>& values);

  Update BeginUpdate(const UpdateOptions& options = {});
  // Every weight of another checkpoint of the same model, or of a .safetensors or .npz file with the
  // model's names, as one update. Values are read as they are packed, so the file is never in memory
  // as a whole. Errors: as Update::Commit; those of reading.
  Result<uint64_t> UpdateFrom(const std::string& checkpoint);
  Result<uint64_t> UpdateFrom(const std::string& checkpoint, const UpdateOptions& options);
  // Makes a version current again that is still kept (weights.keep_versions): runs that start from
  // now on use it, under its old number. Errors: NOT_FOUND naming those that are kept.
  Status Rollback(uint64_t version);
  // Takes weights that other processes send over a Unix socket, as `midstream push` does
  // (docs/sources.md). The socket file is made for the owner alone. Every version made and every push
  // refused is an event. Errors: ALREADY_EXISTS when somebody listens there or what is there is no
  // socket; what the system says about the path.
  Result<Source> Listen(const std::string& socket, const ListenOptions& options,
                        SourceCallback callback);
  // Follows a trainer that saves into a folder: whatever is newest there becomes the current version,
  // as UpdateFrom would make it, as soon as it is complete (docs/sources.md). Every version made and
  // every source refused is an event. Errors: NOT_FOUND, INVALID_ARGUMENT when it is no folder,
  // RESOURCE_EXHAUSTED when the system has no more watches.
  Result<Source> Watch(const std::string& folder, const WatchOptions& options,
                       SourceCallback callback);

  uint64_t version() const;
  VersionPin Pin() const;
  // Errors: NOT_FOUND naming the versions that are in memory.
  Result<VersionPin> Pin(uint64_t version) const;
  // The exact current value, or that of a pinned version. Errors: NOT_FOUND.
  Result<Tensor> ReadWeight(const std::string& name);
  Result<Tensor> ReadWeight(const std::string& name, const VersionPin& version);
  // SHA-256 over names, dtypes, shapes and bytes of the weights that checkpoints store, by
  // docs/weights.md: what `midstream weights show --digest` prints for an export of the version.
  Result<std::string> Digest(const VersionPin& version);
  ModelStats stats() const;
  // Closes the sessions of the model, frees its versions and closes its files. Versions that are
  // pinned go with their pins. Every later call that can fail does: FAILED_PRECONDITION.
  void Unload();

 private:
  friend class Engine;
  friend class Session;
  friend class Update;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class MS_API Engine {
 public:
  // Loads the plugins of the configuration and opens their devices. Errors: the plugins of the
  // placement order that cannot be used, and why.
  static Result<Engine> Open(const Config& config);
  // A configuration file ("" = defaults) and "key=value" overrides.
  static Result<Engine> Open(const std::string& config_path,
                             const std::vector<std::string>& overrides = {});

  // A TensorFlow checkpoint (prefix, .meta file, or directory with a `checkpoint` file) or
  // SavedModel, or a checkpoint of OpenPI (docs/openpi.md). weights: another checkpoint, a .safetensors or a .npz file to take the values from;
  // empty: the model's own. signature: of a SavedModel; empty: its default. Errors: those of
  // reading, naming the file; NOT_FOUND listing the signatures.
  Result<Model> Load(const std::string& path, const std::string& weights = "",
                     const std::string& signature = "");

  // Commits updates of several models (actor and critic) at one moment: whoever pins these models
  // together gets all of the new versions or none. Returns them in order. Errors: as Update::Stage
  // and Commit of any of them; INVALID_ARGUMENT when two are of one model; in every case no model
  // has changed. All updates are empty afterwards.
  static Result<std::vector<uint64_t>> CommitTogether(const std::vector<Update*>& updates);
  static std::vector<VersionPin> PinTogether(const std::vector<Model>& models);

  const Config& config() const;
  // Every plugin that a configuration lists, usable or not; needs no engine.
  static std::vector<PluginReport> InspectPlugins(const Config& config);
  static EngineStats stats();

 private:
  struct Impl;
  friend class Model;
  std::shared_ptr<Impl> impl_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_ENGINE_ENGINE_H_
