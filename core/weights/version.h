// Version: one immutable set of all weights of a model, for every program that runs on it.
//
// A version shares with the one it was based on whatever did not change: the host tensors, and
// inside each weight set the packed slots. It is never written after the commit that publishes it.
// Requests pin it by holding a shared_ptr; the last one to let go hands it to the reaper.
#ifndef MIDSTREAM_CORE_WEIGHTS_VERSION_H_
#define MIDSTREAM_CORE_WEIGHTS_VERSION_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/plan/executor.h"
#include "core/weights/ledger.h"

namespace midstream::weights {

class AttachedProgram;

struct WeightDecl {
  DType dtype = DType::kInvalid;
  Shape shape;
  bool needed = false;  // by the model's outputs: an update of all weights must hold it
  bool stored = true;   // in the model's checkpoints; others are never missed
};

// What the slots of one segment cost, by slot.
using SegmentCharges = std::vector<std::shared_ptr<const Charge>>;

// The weights of one program.
struct ProgramSets {
  std::shared_ptr<const plan::ProgramWeights> sets;
  std::vector<std::shared_ptr<const SegmentCharges>> charges;  // by segment
  // Where each weight lies in the sets: a pin can be read when its session is gone.
  std::shared_ptr<const AttachedProgram> index;
};

// A value kept on the host.
struct HostValue {
  Tensor value;
  std::shared_ptr<const Charge> charge;
};

struct Version {
  uint64_t model = 0;  // number of its store, unlike every other one's in the process
  uint64_t id = 0;     // 1 for the values that the model came with, rising by one a commit
  // By the program's number in the store; without sets where the program was detached, or attached
  // after this version was replaced.
  std::vector<ProgramSets> programs;
  // Values kept on the host: those that were updated and that no packed set can give back (sources
  // of recipes, weights that no program reads).
  std::map<std::string, HostValue> host;
  // Names whose value is not the one that the model came with. Shared, as it rarely grows.
  std::shared_ptr<const std::set<std::string>> updated = std::make_shared<std::set<std::string>>();
  std::chrono::steady_clock::time_point committed;

  bool Has(size_t program) const {
    return program < programs.size() && programs[program].sets != nullptr;
  }
  uint64_t Bytes() const;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_VERSION_H_
