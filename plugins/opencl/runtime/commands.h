// A list of commands that can be enqueued again and again with other memory: what a plan executes
// and what packs a weight.
//
// Threads: any. cl_kernel objects keep their arguments and may not be shared by two threads, so
// Enqueue takes a set of them for itself and puts it back; OpenCL has copied the arguments by then.
#ifndef MIDSTREAM_PLUGINS_OPENCL_RUNTIME_COMMANDS_H_
#define MIDSTREAM_PLUGINS_OPENCL_RUNTIME_COMMANDS_H_

#include <map>
#include <memory>

#include "runtime/device.h"
#include "runtime/queue.h"

namespace midstream::opencl {

struct CopyCommand {
  Operand from;
  Operand to;
};

struct Command {
  uint32_t node = MS_NONE;  // for profiles
  std::variant<Call, CopyCommand> what;
};

// Memory for one run of a list. Memory of kFixed places is in the places themselves.
class Bindings {
 public:
  struct Range {
    cl_mem mem = nullptr;
    uint64_t offset = 0;
  };
  virtual ~Bindings() = default;
  // Throws Error(MS_INTERNAL) for a place that has no memory.
  Range Resolve(const Place& place) const;

 protected:
  virtual Range Find(const Place& place) const = 0;
};

// Input 0 and output 0: for packing.
class PairBindings final : public Bindings {
 public:
  PairBindings(const Mem& input, const Mem& output) : input_(input.get()), output_(output.get()) {}

 private:
  Range Find(const Place& place) const override {
    return {place.where == Where::kInput ? input_ : output_, 0};
  }
  cl_mem input_;
  cl_mem output_;
};

class CommandList {
 public:
  // Builds the programs. Commands without work (no work-item, no byte) are left out.
  CommandList(Device* device, std::vector<Command> commands);
  ~CommandList();
  CommandList(const CommandList&) = delete;
  CommandList& operator=(const CommandList&) = delete;

  bool empty() const { return steps_.empty(); }
  // plan: null, or that whose work it is, for profiles.
  void Enqueue(Queue* queue, const Bindings& bindings, ms_plan* plan = nullptr);

  // Runs once, on memory of its own, the launches that no one has made before, so that the driver
  // compiles them now.
  void Warm();

 private:
  friend class DummyMemory;
  struct Patch {  // an operand whose buffer is known only when the list runs
    uint32_t arg;
    uint32_t width;  // bytes of an element
    Place place;
  };
  struct Step {
    Command command;
    std::vector<Patch> patches;
  };
  struct Instance {
    std::vector<KernelObject> kernels;  // by step; empty for copies
  };
  class Borrowed;

  Step MakeStep(Command command) const;
  std::unique_ptr<Instance> MakeInstance() const;
  KernelObject MakeKernel(const Call& call) const;
  static void EnqueueCall(Queue* queue, const Step& step, cl_kernel kernel,
                          const Bindings& bindings, ms_plan* plan);
  static void EnqueueCopy(Queue* queue, const Command& command, const Bindings& bindings,
                          ms_plan* plan);

  Device* device_;
  std::vector<Step> steps_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Instance>> idle_;
};

// Memory for running a list for nothing: all inputs and weights share one buffer of zeroes; outputs
// and scratch have parts of their own of another, so that no operand overlaps what is written.
class DummyMemory final : public Bindings {
 public:
  DummyMemory(Device* device, const CommandList& list);

 private:
  using Region = std::pair<Where, uint32_t>;
  static bool IsRead(const Place& place);
  static Region RegionOf(const Place& place);
  Range Find(const Place& place) const override;

  Mem read_;
  Mem written_;
  std::map<Region, uint64_t> regions_;  // where each output, and the scratch, begins in written_
};

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_RUNTIME_COMMANDS_H_
