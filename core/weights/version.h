// Version: one immutable set of all weights of a model, for every program that runs on it.
//
// A version shares with the one it was based on whatever did not change: the host tensors, and
// inside each weight set the packed slots. It is never written after the commit that publishes it.
// Requests pin it by holding a shared_ptr; the last one to let go hands it to the reaper.
#ifndef MIDSTREAM_CORE_WEIGHTS_VERSION_H_
#define MIDSTREAM_CORE_WEIGHTS_VERSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/plan/executor.h"

namespace midstream::weights {

struct WeightDecl {
  DType dtype = DType::kInvalid;
  Shape shape;
};

struct Version {
  uint64_t id = 0;  // 1 for the values that the model came with, rising by one a commit
  // The sets of each program, by its number in the store; null where a program was detached.
  std::vector<std::shared_ptr<const plan::ProgramWeights>> programs;
  // Values kept on the host: those that were updated and that no packed set can give back (sources
  // of recipes, weights that no program reads).
  std::map<std::string, Tensor> host;
  // Names whose value is not the one that the model came with.
  std::set<std::string> updated;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_VERSION_H_
