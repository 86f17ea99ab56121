// Runs one node on one plugin through the plugin's C table, for tests that look at a backend alone.
//
// The node's inputs reach the plugin as inputs, weights or constants, as the test says. Outputs and
// scratch are filled with two different patterns in two runs, which must agree: so a plugin that
// leaves a byte unwritten, reads stale scratch or writes past the end is found. On a device without
// host memory all of them lie in one buffer, one behind the other, as the core lays them out.
#ifndef MIDSTREAM_TESTS_PLUGINS_PLUGIN_RUNNER_H_
#define MIDSTREAM_TESTS_PLUGINS_PLUGIN_RUNNER_H_

#include <dlfcn.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/handles.h"
#include "core/backend/host.h"
#include "core/graph/shape_inference.h"

namespace midstream::plugin_testing {

enum class Via { kInput, kWeight, kConstant };

struct NodeInput {
  Tensor value;  // empty: absent
  Via via = Via::kInput;
};

struct NodeCase {
  std::string op;
  std::string domain;
  Attributes attrs;
  std::vector<NodeInput> inputs;
  size_t n_outputs = 1;
  bool dynamic = false;  // the module is made with every dimension of the inputs unknown
};

// A plugin, loaded and started once per process. Errors: the file or the plugin refuses.
inline Result<const ms_plugin*> LoadPlugin(const std::string& path) {
  static std::map<std::string, const ms_plugin*> plugins;
  if (auto it = plugins.find(path); it != plugins.end()) return it->second;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return NotFound(std::string(dlerror()));
  auto query = reinterpret_cast<const ms_plugin* (*)(uint16_t, uint16_t)>(
      dlsym(library, "midstream_backend_query"));
  if (query == nullptr) return NotFound(path + " has no midstream_backend_query");
  const ms_plugin* plugin = query(MS_ABI_MAJOR, MS_ABI_MINOR);
  if (plugin == nullptr) return Unimplemented(path + " does not serve this ABI");
  ms_error error{};
  error.struct_size = sizeof error;
  ms_code code = plugin->startup(backend::ProcessHost(), &error);
  MS_RETURN_IF_ERROR(backend::FromAbi(code, error, path, "startup"));
  return plugins[path] = plugin;
}

// A device of a plugin of the build.
inline Result<std::shared_ptr<backend::Device>> OpenPlugin(const std::string& name,
                                                           const backend::DeviceOptions& options) {
  MS_ASSIGN_OR_RETURN(const ms_plugin* plugin,
                      LoadPlugin(std::string(MS_PLUGIN_DIR) + "/" + name + ".so"));
  return backend::Device::Open(plugin, options);
}

// Its first device, opened once per process.
inline Result<std::shared_ptr<backend::Device>> OpenPlugin(const std::string& name) {
  static std::map<std::string, std::shared_ptr<backend::Device>> devices;
  if (auto it = devices.find(name); it != devices.end()) return it->second;
  MS_ASSIGN_OR_RETURN(auto device, OpenPlugin(name, {}));
  return devices[name] = device;
}

// A node as a graph with every shape known.
class BuiltNode {
 public:
  static Result<BuiltNode> Build(const NodeCase& node) {
    BuiltNode built;
    std::vector<ValueId> ids;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      ids.push_back(built.AddInput(node.inputs[i], "in" + std::to_string(i)));
    }
    NodeId id = built.graph.AddNode(node.op, "node", ids, node.attrs, node.n_outputs, node.domain);
    for (ValueId out : built.graph.node(id).outputs) {
      built.graph.AddOutput(out, built.graph.value(out).name);
    }
    MS_RETURN_IF_ERROR(built.graph.Compact());
    MS_RETURN_IF_ERROR(InferShapes(built.graph, nullptr));
    MS_RETURN_IF_ERROR(Verify(built.graph));
    for (ValueId out : built.graph.outputs()) {
      if (!built.graph.value(out).shape.IsFullyKnown()) {
        return InvalidArgument("the shapes of the case do not determine its output");
      }
      built.graph.value(out).constant = Tensor();  // also Shape and Size are to be computed
    }
    return built;
  }

  // The same graph with the inputs' dimensions unknown.
  Result<Graph> Dynamic() const {
    Graph open = graph;
    for (ValueId id : open.inputs()) {
      for (int64_t& dim : open.value(id).shape.mutable_dims()) dim = kUnknownDim;
    }
    MS_RETURN_IF_ERROR(InferShapes(open, nullptr));
    return open;
  }

  Graph graph;
  std::vector<Tensor> inputs;   // in the order of graph.inputs()
  std::vector<Tensor> weights;  // by slot

 private:
  ValueId AddInput(const NodeInput& input, const std::string& name) {
    const Tensor& value = input.value;
    if (value.empty()) return kNoValue;
    if (input.via == Via::kConstant) return graph.AddConstant(name, value);
    if (input.via == Via::kWeight) {
      weights.push_back(value);
      return graph.AddWeight(name, value.dtype(), value.shape());
    }
    inputs.push_back(value);
    return graph.AddInput(name, value.dtype(), value.shape());
  }
};

// A plan with what it takes to execute it.
class NodeRunner {
 public:
  static Result<NodeRunner> Create(std::shared_ptr<backend::Device> device, BuiltNode node,
                                   bool dynamic) {
    NodeRunner runner;
    runner.device_ = device;
    MS_ASSIGN_OR_RETURN(Graph open, dynamic ? node.Dynamic() : Result<Graph>(node.graph));
    MS_ASSIGN_OR_RETURN(runner.module_, backend::Module::Create(device, open, true));
    MS_ASSIGN_OR_RETURN(runner.plan_, backend::Plan::Create(runner.module_, node.graph));
    MS_ASSIGN_OR_RETURN(runner.queue_, backend::Queue::Open(device, false));
    runner.node_ = std::move(node);
    return runner;
  }

  // A new set with these values for the slots, based on `base` (or on nothing).
  Result<std::shared_ptr<backend::WeightSet>> Stage(const std::vector<Tensor>& values,
                                                    const backend::WeightSet* base,
                                                    bool adopt = false) {
    MS_ASSIGN_OR_RETURN(auto set, backend::WeightSet::Begin(module_, base));
    for (size_t i = 0; i < values.size(); ++i) {
      MS_RETURN_IF_ERROR(set->Put(*queue_, static_cast<uint32_t>(i), values[i], adopt));
    }
    MS_RETURN_IF_ERROR(set->Seal(*queue_));
    return set;
  }

  Result<std::vector<Tensor>> Run(const backend::WeightSet* weights) {
    MS_ASSIGN_OR_RETURN(std::vector<Tensor> first, RunOver(weights, 0xA5));
    MS_ASSIGN_OR_RETURN(std::vector<Tensor> second, RunOver(weights, 0x5A));
    for (size_t i = 0; i < first.size(); ++i) {
      if (!BitEqual(first[i], second[i])) {
        return Internal("two runs over different old memory differ in output " + std::to_string(i));
      }
    }
    return first;
  }

  const BuiltNode& node() const { return node_; }

 private:
  static constexpr int64_t kGuard = 64;
  static constexpr uint64_t kTimeoutNs = uint64_t{60} * 1'000'000'000;

  // `bytes` of memory and a guard, all filled with the pattern.
  static Result<Tensor> Guarded(size_t bytes, uint8_t pattern) {
    MS_ASSIGN_OR_RETURN(Tensor memory,
                        Tensor::Allocate(DType::kU8, {static_cast<int64_t>(bytes) + kGuard}));
    std::memset(memory.mutable_data(), pattern, memory.byte_size());
    return memory;
  }
  static bool GuardIntact(const Tensor& memory, uint8_t pattern) {
    auto bytes = memory.as<uint8_t>().last(kGuard);
    return std::all_of(bytes.begin(), bytes.end(), [&](uint8_t b) { return b == pattern; });
  }

  Result<std::vector<Tensor>> RunOver(const backend::WeightSet* weights, uint8_t pattern) {
    if ((device_->info().flags & MS_DEVICE_HOST_MEMORY) == 0) return RunInBuffer(weights, pattern);
    std::vector<Tensor> memory, outputs;
    for (ValueId id : node_.graph.outputs()) {
      const Value& value = node_.graph.value(id);
      MS_ASSIGN_OR_RETURN(size_t bytes, ByteSize(value.dtype, value.shape));
      MS_ASSIGN_OR_RETURN(Tensor guarded, Guarded(bytes, pattern));
      outputs.push_back(Tensor::Wrap(value.dtype, value.shape, guarded.data(),
                                     std::make_shared<Tensor>(guarded)));
      memory.push_back(guarded);
    }
    MS_ASSIGN_OR_RETURN(Tensor scratch, Guarded(plan_->scratch_bytes(), pattern));
    std::vector<ms_tensor> in, out;
    for (const Tensor& tensor : node_.inputs) in.push_back(backend::HostTensor(tensor));
    for (const Tensor& tensor : outputs) out.push_back(backend::HostTensor(tensor));
    MS_RETURN_IF_ERROR(Execute(weights, in, out, backend::HostTensor(scratch)));
    memory.push_back(scratch);
    for (const Tensor& block : memory) {
      if (!GuardIntact(block, pattern))
        return Internal("wrote past the end of an output or scratch");
    }
    return outputs;
  }

  // Tensors in one stretch of memory, each followed by a guard.
  class Image {
   public:
    // The place of `bytes` bytes, where `from` is copied unless it is null.
    uint64_t Add(size_t bytes, const void* from) {
      pieces_.push_back({size_, bytes, from});
      size_ = (size_ + bytes + kGuard + 63) / 64 * 64;
      return pieces_.back().offset;
    }
    Result<Tensor> Make(uint8_t pattern) const {
      MS_ASSIGN_OR_RETURN(Tensor memory, Guarded(size_, pattern));
      auto* base = static_cast<uint8_t*>(memory.mutable_data());
      for (const Piece& piece : pieces_) {
        if (piece.from != nullptr) std::memcpy(base + piece.offset, piece.from, piece.bytes);
      }
      return memory;
    }
    // Nothing changed outside the pieces, and nothing inside those that were given.
    bool Intact(const Tensor& memory, const Tensor& before) const {
      auto now = memory.as<uint8_t>(), then = before.as<uint8_t>();
      size_t at = 0;
      for (const Piece& piece : pieces_) {
        const size_t end = piece.from != nullptr ? piece.offset + piece.bytes : piece.offset;
        if (!std::equal(now.begin() + at, now.begin() + end, then.begin() + at)) return false;
        at = piece.offset + piece.bytes;
      }
      return std::equal(now.begin() + at, now.end(), then.begin() + at);
    }

   private:
    struct Piece {
      uint64_t offset;
      size_t bytes;
      const void* from;
    };
    std::vector<Piece> pieces_;
    uint64_t size_ = 0;
  };

  Result<std::vector<Tensor>> RunInBuffer(const backend::WeightSet* weights, uint8_t pattern) {
    Image image;
    std::vector<ms_tensor> in, out;
    for (const Tensor& tensor : node_.inputs) {
      in.push_back(backend::HostTensor(tensor));
      in.back().byte_offset = image.Add(tensor.byte_size(), tensor.data());
    }
    for (ValueId id : node_.graph.outputs()) {
      const Value& value = node_.graph.value(id);
      MS_ASSIGN_OR_RETURN(size_t bytes, ByteSize(value.dtype, value.shape));
      out.push_back(backend::HostTensor(value.dtype, value.shape, nullptr));
      out.back().byte_offset = image.Add(bytes, nullptr);
    }
    const Shape scratch_shape{static_cast<int64_t>(plan_->scratch_bytes())};
    ms_tensor scratch = backend::HostTensor(DType::kU8, scratch_shape, nullptr);
    scratch.byte_offset = image.Add(plan_->scratch_bytes(), nullptr);
    MS_ASSIGN_OR_RETURN(const Tensor before, image.Make(pattern));
    MS_ASSIGN_OR_RETURN(Tensor after, image.Make(pattern));

    ms_buffer* buffer = nullptr;
    ms_error error{};
    error.struct_size = sizeof error;
    ms_code code =
        device_->table().buffer_alloc(device_->handle(), before.byte_size(), &buffer, &error);
    MS_RETURN_IF_ERROR(backend::FromAbi(code, error, device_->plugin_name(), "buffer_alloc"));
    const std::unique_ptr<ms_buffer, void (*)(ms_buffer*)> owner(buffer,
                                                                 device_->table().buffer_release);
    for (auto* tensors : {&in, &out}) {
      for (ms_tensor& tensor : *tensors) {
        tensor.buffer = buffer;
        tensor.data = nullptr;
      }
    }
    scratch.buffer = buffer;
    ms_tensor all = backend::HostTensor(before);
    all.buffer = buffer;
    all.data = nullptr;
    MS_RETURN_IF_ERROR(Copy(backend::HostTensor(before), all));
    MS_RETURN_IF_ERROR(Execute(weights, in, out, scratch));
    MS_RETURN_IF_ERROR(Copy(all, backend::HostTensor(after)));
    if (!image.Intact(after, before)) return Internal("wrote outside its outputs and scratch");
    std::vector<Tensor> outputs;
    for (size_t i = 0; i < out.size(); ++i) {
      const Value& value = node_.graph.value(node_.graph.outputs()[i]);
      outputs.push_back(Tensor::Wrap(value.dtype, value.shape,
                                     after.as<uint8_t>().data() + out[i].byte_offset,
                                     std::make_shared<Tensor>(after)));
    }
    return outputs;
  }

  Status Copy(const ms_tensor& from, const ms_tensor& to) {
    ms_error error{};
    error.struct_size = sizeof error;
    ms_code code =
        device_->table().queue_copy(queue_->handle(), &from, &to, queue_->NextSignal(), &error);
    MS_RETURN_IF_ERROR(backend::FromAbi(code, error, device_->plugin_name(), "queue_copy"));
    return queue_->Wait(kTimeoutNs);
  }

  Status Execute(const backend::WeightSet* weights, const std::vector<ms_tensor>& in,
                 const std::vector<ms_tensor>& out, const ms_tensor& scratch) {
    ms_exec exec{};
    exec.struct_size = sizeof exec;
    exec.weights = weights == nullptr ? nullptr : weights->handle();
    exec.inputs = in.data();
    exec.n_inputs = static_cast<uint32_t>(in.size());
    exec.outputs = out.data();
    exec.n_outputs = static_cast<uint32_t>(out.size());
    exec.scratch = &scratch;
    exec.signal = queue_->NextSignal();
    ms_error error{};
    error.struct_size = sizeof error;
    ms_code code = device_->table().execute(plan_->handle(), queue_->handle(), &exec, &error);
    MS_RETURN_IF_ERROR(backend::FromAbi(code, error, device_->plugin_name(), "execute"));
    return queue_->Wait(kTimeoutNs);
  }

  std::shared_ptr<backend::Device> device_;
  std::shared_ptr<backend::Module> module_;
  std::shared_ptr<backend::Plan> plan_;
  std::unique_ptr<backend::Queue> queue_;
  BuiltNode node_;
};

// The node's outputs. Errors: UNIMPLEMENTED when the plugin does not claim the node; else what it
// or the core says.
inline Result<std::vector<Tensor>> RunNode(const std::shared_ptr<backend::Device>& device,
                                           const NodeCase& node) {
  MS_ASSIGN_OR_RETURN(BuiltNode built, BuiltNode::Build(node));
  MS_ASSIGN_OR_RETURN(auto claims, device->Claim(built.graph));
  if (!claims[0].mine) {
    return Unimplemented("not claimed, reason " + std::to_string(claims[0].reason));
  }
  MS_ASSIGN_OR_RETURN(NodeRunner runner, NodeRunner::Create(device, built, node.dynamic));
  std::shared_ptr<backend::WeightSet> weights;
  if (!built.weights.empty()) {
    MS_ASSIGN_OR_RETURN(weights, runner.Stage(built.weights, nullptr));
  }
  return runner.Run(weights.get());
}

}  // namespace midstream::plugin_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_PLUGIN_RUNNER_H_
