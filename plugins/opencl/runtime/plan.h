// A module at concrete shapes: where every value lies, and the flat list of commands to enqueue.
//
// Views share the memory of what they view; nodes whose values the shapes determine do not run.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PLAN_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PLAN_H_

#include "runtime/module.h"

namespace midstream::opencl {

class Plan {
 public:
  Plan(const Module* module, const sdk::GraphView& graph);

  uint64_t scratch_bytes() const { return scratch_bytes_; }
  // Enqueues everything and submits it as exec.signal.
  void Execute(const ms_exec& exec, Queue* queue);

 private:
  void Check(const ms_exec& exec) const;

  const Module* module_;
  uint64_t scratch_bytes_ = 0;
  std::unique_ptr<CommandList> commands_;
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_PLAN_H_
