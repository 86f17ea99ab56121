#include "core/weights/update_options.h"

#include <charconv>

namespace midstream {
namespace {

Result<bool> ParseSwitch(std::string_view key, std::string_view value) {
  if (value == "true") return true;
  if (value == "false") return false;
  return InvalidArgument("update option " + std::string(key) + ": expected true or false, got '" +
                         std::string(value) + "'");
}

Result<CheckMode> ParseCheck(std::string_view value) {
  if (value == "subset") return CheckMode::kSubset;
  if (value == "exact") return CheckMode::kExact;
  if (value == "superset") return CheckMode::kSuperset;
  return InvalidArgument("update option check: expected subset, exact or superset, got '" +
                         std::string(value) + "'");
}

Result<uint64_t> ParseVersion(std::string_view value) {
  uint64_t version = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), version);
  if (error == std::errc() && end == value.data() + value.size() && version > 0) return version;
  return InvalidArgument("update option base: expected a version, got '" + std::string(value) +
                         "'");
}

bool IsDigest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Status SetUpdateOption(std::string_view key, std::string_view value, UpdateOptions* options) {
  if (key == "check") {
    MS_ASSIGN_OR_RETURN(options->check, ParseCheck(value));
  } else if (key == "base") {
    MS_ASSIGN_OR_RETURN(options->base, ParseVersion(value));
  } else if (key == "finite") {
    MS_ASSIGN_OR_RETURN(options->finite, ParseSwitch(key, value));
  } else if (key == "accept_float64") {
    MS_ASSIGN_OR_RETURN(options->accept_float64, ParseSwitch(key, value));
  } else if (key == "rename") {
    MS_ASSIGN_OR_RETURN(RenameRule rule, ParseRenameRule(value));
    options->rename.push_back(std::move(rule));
  } else if (key == "digest") {
    if (!IsDigest(value)) {
      return InvalidArgument("update option digest: expected 64 lower-case hexadecimal digits");
    }
    options->digest = value;
  } else {
    return InvalidArgument("there is no update option '" + std::string(key) +
                           "'; expected check, base, finite, accept_float64, rename or digest");
  }
  return OkStatus();
}

}  // namespace midstream
