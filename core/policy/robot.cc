#include "core/policy/robot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "core/formats/file.h"
#include "core/policy/aloha.h"
#include "core/policy/image.h"

namespace midstream::policy {
namespace {

using config::Robot;
using formats::Quoted;
using openpi::Family;

constexpr std::string_view kBase = "base_0_rgb";
constexpr std::string_view kLeftWrist = "left_wrist_0_rgb";
constexpr std::string_view kRightWrist = "right_wrist_0_rgb";

constexpr int64_t kLiberoAction = 7;
constexpr int64_t kDroidAction = 8;
constexpr int64_t kDroidJoints = 7;

Result<View> ReadView(std::string_view camera, const Observation& observation, std::string_view key,
                      Channels channels) {
  MS_ASSIGN_OR_RETURN(const Tensor array, FindArray(observation, key));
  Result<Tensor> image = ToBytes(array, channels);
  if (!image.ok()) return image.status().WithContext("observation " + Quoted(key));
  return View{std::string(camera), *std::move(image), true};
}

// A camera that the robot does not have. pi0-FAST was trained to see it as black.
View Missing(std::string_view camera, Family family) {
  return {std::string(camera), {}, family == Family::kPi0Fast};
}

Result<RobotInputs> ReadLibero(Family family, const Observation& observation) {
  RobotInputs inputs;
  MS_ASSIGN_OR_RETURN(inputs.state, ReadVector(observation, "observation/state"));
  MS_ASSIGN_OR_RETURN(View base,
                      ReadView(kBase, observation, "observation/image", Channels::kFirstOfThree));
  MS_ASSIGN_OR_RETURN(View wrist, ReadView(kLeftWrist, observation, "observation/wrist_image",
                                           Channels::kFirstOfThree));
  inputs.views = {std::move(base), std::move(wrist), Missing(kRightWrist, family)};
  return inputs;
}

Result<RobotInputs> ReadDroid(Family family, const Observation& observation) {
  const bool fast = family == Family::kPi0Fast;
  RobotInputs inputs;
  MS_ASSIGN_OR_RETURN(inputs.state,
                      ReadVector(observation, "observation/joint_position", kDroidJoints));
  MS_ASSIGN_OR_RETURN(
      const std::vector<double> gripper,
      ReadVector(observation, "observation/gripper_position", 1, /*or_scalar=*/true));
  inputs.state.push_back(gripper[0]);
  MS_ASSIGN_OR_RETURN(View base, ReadView(kBase, observation, "observation/exterior_image_1_left",
                                          Channels::kFirstOfThree));
  MS_ASSIGN_OR_RETURN(View wrist,
                      ReadView(fast ? "wrist_0_rgb" : kLeftWrist, observation,
                               "observation/wrist_image_left", Channels::kFirstOfThree));
  View missing = Missing(fast ? "base_1_rgb" : kRightWrist, family);
  inputs.views = {std::move(base), std::move(wrist), std::move(missing)};
  if (fast) std::swap(inputs.views[1], inputs.views[2]);  // in the order of their names
  return inputs;
}

Result<RobotInputs> ReadAloha(const RobotOptions& options, const Observation& observation) {
  constexpr std::string_view kFolder = "images/";
  constexpr std::string_view kCameras[] = {"cam_high", "cam_low", "cam_left_wrist",
                                           "cam_right_wrist"};
  for (const auto& [key, array] : observation.arrays) {
    if (!key.starts_with(kFolder)) continue;
    const std::string_view camera = std::string_view(key).substr(kFolder.size());
    if (std::find(std::begin(kCameras), std::end(kCameras), camera) != std::end(kCameras)) continue;
    return InvalidArgument(fmt::format("observation {}: ALOHA has no such camera, expected {}",
                                       Quoted(key), fmt::join(kCameras, ", ")));
  }
  RobotInputs inputs;
  MS_ASSIGN_OR_RETURN(inputs.state, ReadVector(observation, "state", kAlohaSize));
  if (options.adapt_to_pi) AlohaStateToPi(inputs.state.data());
  MS_ASSIGN_OR_RETURN(View base, ReadView(kBase, observation, "images/cam_high", Channels::kFirst));
  inputs.views.push_back(std::move(base));
  for (const auto& [camera, key] : {std::pair(kLeftWrist, "images/cam_left_wrist"),
                                    std::pair(kRightWrist, "images/cam_right_wrist")}) {
    View view{std::string(camera), {}, false};  // for pi0-FAST too
    if (observation.arrays.contains(key)) {
      MS_ASSIGN_OR_RETURN(view, ReadView(camera, observation, key, Channels::kFirst));
    }
    inputs.views.push_back(std::move(view));
  }
  return inputs;
}

// Views and masks by the model's own names: a camera without an image is not seen.
Result<RobotInputs> ReadNone(Family family, const Observation& observation) {
  constexpr std::string_view kImage = "image/";
  RobotInputs inputs;
  MS_ASSIGN_OR_RETURN(inputs.state, ReadVector(observation, "state"));
  std::vector<std::string> cameras = ModelCameras();
  const bool fast = family == Family::kPi0Fast;
  if (fast) cameras.clear();
  for (const auto& [key, array] : observation.arrays) {
    if (!key.starts_with(kImage)) continue;
    const std::string camera = key.substr(kImage.size());
    if (fast) {
      cameras.push_back(camera);
    } else if (std::find(cameras.begin(), cameras.end(), camera) == cameras.end()) {
      return InvalidArgument(
          fmt::format("observation {}: the model has no such camera, expected {}", Quoted(key),
                      fmt::join(cameras, ", ")));
    }
  }
  for (const std::string& camera : cameras) {
    const std::string key = std::string(kImage) + camera;
    View view{camera, {}, false};
    if (observation.arrays.contains(key)) {
      MS_ASSIGN_OR_RETURN(view, ReadView(camera, observation, key, Channels::kFirstOfThree));
    }
    const std::string mask = "image_mask/" + camera;
    if (observation.arrays.contains(mask)) {
      MS_ASSIGN_OR_RETURN(const bool valid, ReadFlag(observation, mask));
      view.valid = valid && !view.image.empty();
    }
    inputs.views.push_back(std::move(view));
  }
  const bool sees = std::any_of(inputs.views.begin(), inputs.views.end(),
                                [](const View& view) { return !view.image.empty(); });
  if (!sees) {
    return InvalidArgument(
        "the observation has no image, expected 'image/CAMERA' for one or more "
        "of the model's cameras");
  }
  return inputs;
}

}  // namespace

std::vector<std::string> ModelCameras() {
  return {std::string(kBase), std::string(kLeftWrist), std::string(kRightWrist)};
}

Result<RobotInputs> ReadRobot(const RobotOptions& options, const Observation& observation) {
  Result<RobotInputs> inputs = Internal("the robot is not known");
  switch (options.robot) {
    case Robot::kAuto:
      break;
    case Robot::kNone:
      inputs = ReadNone(options.family, observation);
      break;
    case Robot::kLibero:
      inputs = ReadLibero(options.family, observation);
      break;
    case Robot::kAloha:
      inputs = ReadAloha(options, observation);
      break;
    case Robot::kDroid:
      inputs = ReadDroid(options.family, observation);
      break;
  }
  if (inputs.ok()) inputs->prompt = observation.prompt;
  return inputs;
}

int64_t ActionSize(const RobotOptions& options) {
  switch (options.robot) {
    case Robot::kLibero:
      return kLiberoAction;
    case Robot::kAloha:
      return kAlohaSize;
    case Robot::kDroid:
      return kDroidAction;
    case Robot::kNone:
    case Robot::kAuto:
      return 0;
  }
  return 0;
}

int64_t StateSize(Robot robot) {
  if (robot == Robot::kAloha) return kAlohaSize;
  return robot == Robot::kDroid ? kDroidJoints + 1 : 0;
}

void FinishAction(const RobotOptions& options, double* action) {
  if (options.robot == Robot::kAloha && options.adapt_to_pi) AlohaActionFromPi(action);
}

}  // namespace midstream::policy
