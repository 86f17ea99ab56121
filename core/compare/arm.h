// Arm: one side of a comparison, a model opened and compiled as one configuration asks.
//
// Threads: one at a time, each arm.
#ifndef MIDSTREAM_CORE_COMPARE_ARM_H_
#define MIDSTREAM_CORE_COMPARE_ARM_H_

#include <string>
#include <vector>

#include "core/engine/engine.h"

namespace midstream::compare {

struct ArmSpec {
  std::string name;  // unique among the arms
  std::string from;  // what it was given as: the name of a backend, or a configuration file
  Config config;
};

struct ModelSpec {
  std::string path;
  std::string signature;
  std::vector<std::string> inputs;   // as SessionOptions
  std::vector<std::string> outputs;  // as SessionOptions
};

// What it cost to get an arm ready.
struct OpeningCost {
  double open_ms = 0;          // plugins and devices
  double compile_ms = 0;       // reading the model, passes, modules, first weights
  double first_run_ms = 0;     // plans for the shapes of the inputs, and one inference
  uint64_t backend_bytes = 0;  // by the engine's account, what backends hold for this arm
  uint64_t peak_bytes = 0;     // resident memory of the process at its peak, less start_bytes
  uint64_t start_bytes = 0;    // resident memory of the process before
};

struct Arm {
  ArmSpec spec;
  Engine engine;
  Model model;
  Session session;
  OpeningCost cost;
};

// The three steps of one arm follow each other; nothing else is opened or run between them, so that
// memory is counted for the right one.

// Loads plugins and opens devices. Errors: those of Engine::Open.
Status OpenArm(const ArmSpec& spec, Arm* arm);
// Reads and compiles the model. Errors: those of Engine::Load and Model::CreateSession.
Status LoadArm(const ModelSpec& model, Arm* arm);
// A placement that goes on without the backend that the arm asks for would compare another one in its
// place. config: with that backend. Errors: UNAVAILABLE, why it cannot be used.
Status CheckBackend(const Config& config, const Session& session);
// The first run; completes arm->cost. Errors: those of Session::Run.
Result<RunResult> FirstRun(const std::vector<NamedTensor>& inputs, Arm* arm);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_ARM_H_
