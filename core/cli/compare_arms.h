// Which arms `midstream compare` sets side by side: from the command line, or from compare.arms.
#ifndef MIDSTREAM_CORE_CLI_COMPARE_ARMS_H_
#define MIDSTREAM_CORE_CLI_COMPARE_ARMS_H_

#include <string>
#include <vector>

#include "core/cli/command.h"
#include "core/compare/arm.h"

namespace midstream::cli {

struct CompareArmsArgs {
  std::vector<std::string> arms;
  std::string baseline;
  ConfigArgs config;  // --config and --set
};

struct CompareArm {
  compare::ArmSpec spec;
  bool typed = false;  // on the command line
};

struct CompareArms {
  std::vector<CompareArm> arms;  // two or more, with different names
  size_t baseline = 0;
  std::string model;  // compare.model; may be empty
};

// Outcomes: kConfig for configurations that cannot be read; kUsage for fewer than two arms, for one
// given twice, and for a baseline that is no arm.
Outcome FindArms(const CompareArmsArgs& args, CompareArms* found);

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_COMPARE_ARMS_H_
