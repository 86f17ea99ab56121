// Robots: what each sends, as images, state and instruction of an OpenPI model, and the model's
// actions as what it is sent back.
//
// These are openpi's transforms of the same names, at its values and in its order. A state is not
// normalised yet, and actions are not any more: normalisation.h is what lies between.
// Threads: any.
#ifndef MIDSTREAM_CORE_POLICY_ROBOT_H_
#define MIDSTREAM_CORE_POLICY_ROBOT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/graph/tensor.h"
#include "core/models/openpi/sizes.h"
#include "core/policy/observation.h"

namespace midstream::policy {

// What one of the model's cameras sees.
struct View {
  std::string camera;  // by the model's name
  Tensor image;        // [height, width, 3] uint8; empty(): black
  bool valid = true;   // false: the model does not see it
};

struct RobotInputs {
  std::vector<View> views;  // in the order in which the model takes them
  std::vector<double> state;
  std::optional<std::string> prompt;
};

struct RobotOptions {
  config::Robot robot = config::Robot::kNone;  // never kAuto
  openpi::Family family = openpi::Family::kPi0;
  bool adapt_to_pi = true;  // of kAloha
};

// Errors: INVALID_ARGUMENT naming the key and what was expected of it.
Result<RobotInputs> ReadRobot(const RobotOptions& options, const Observation& observation);

// Numbers of each action that the robot takes; 0: all that the model has.
int64_t ActionSize(const RobotOptions& options);

// Numbers of the state that it sends; 0: as many as it likes.
int64_t StateSize(config::Robot robot);

// Actions as the robot takes them, in place; each has ActionSize numbers.
void FinishAction(const RobotOptions& options, double* action);

// The cameras of pi0 and pi0.5, in their order.
std::vector<std::string> ModelCameras();

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_ROBOT_H_
