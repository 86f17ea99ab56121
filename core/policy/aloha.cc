#include "core/policy/aloha.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace midstream::policy {
namespace {

constexpr std::array<double, kAlohaSize> kSigns = {1, -1, -1, 1, 1, 1, 1, 1, -1, -1, 1, 1, 1, 1};
constexpr std::array kGrippers = {6, 13};

// Metres between the fingers of a closed and of an open gripper, and of its linkage.
constexpr double kFingersClosed = 0.01844;
constexpr double kFingersOpen = 0.05800;
constexpr double kArm = 0.036;
constexpr double kHorn = 0.022;
// Radians of the motor as the base models were trained with it.
constexpr double kPiClosed = 0.5476;
constexpr double kPiOpen = 1.6296;
// Radians that ALOHA is commanded with.
constexpr double kCommandClosed = -0.6213;
constexpr double kCommandOpen = 1.4910;

void Flip(double* joints) {
  for (size_t i = 0; i < kSigns.size(); ++i) joints[i] *= kSigns[i];
}

}  // namespace

void AlohaStateToPi(double* state) {
  Flip(state);
  for (const int gripper : kGrippers) {
    const double fingers = state[gripper] * (kFingersOpen - kFingersClosed) + kFingersClosed;
    const double sine = (kHorn * kHorn + fingers * fingers - kArm * kArm) / (2 * kHorn * fingers);
    const double angle = std::asin(std::clamp(sine, -1.0, 1.0));
    state[gripper] = (angle - kPiClosed) / (kPiOpen - kPiClosed);
  }
}

void AlohaActionFromPi(double* action) {
  Flip(action);
  for (const int gripper : kGrippers) {
    action[gripper] =
        (action[gripper] + kPiClosed - kCommandClosed) / (kCommandOpen - kCommandClosed);
  }
}

}  // namespace midstream::policy
