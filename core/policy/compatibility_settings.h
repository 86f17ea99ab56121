// The part of a compatibility report (compatibility.h) that a configuration and statistics decide.
#ifndef MIDSTREAM_CORE_POLICY_COMPATIBILITY_SETTINGS_H_
#define MIDSTREAM_CORE_POLICY_COMPATIBILITY_SETTINGS_H_

#include <string>

#include "core/config/config.h"
#include "core/policy/compatibility.h"

namespace midstream::policy {

// Adds the settings and the statistics, and what running would adapt, refuse or ask for. The verdict
// becomes kDamaged where there are statistics that are none. Requires: report->sizes.
void CompareSettings(const Config& config, const std::string& checkpoint, Report* report);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_COMPATIBILITY_SETTINGS_H_
