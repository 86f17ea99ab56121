#include "plugins/python/options.h"

#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "plugins/python/protocol.h"

namespace midstream::python {

namespace {

constexpr uint32_t kMostShared = 15;

sdk::Error BadValue(std::string_view key, std::string_view value, const std::string& expected) {
  return {MS_INVALID_ARGUMENT, "option " + std::string(key) + " of python is '" +
                                   std::string(value) + "'; expected " + expected};
}

int64_t ParseInteger(std::string_view key, std::string_view value, int64_t least, int64_t most) {
  int64_t number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code == std::errc() && end == value.data() + value.size() && number >= least &&
      number <= most)
    return number;
  throw BadValue(key, value,
                 "an integer from " + std::to_string(least) + " to " + std::to_string(most));
}

std::chrono::milliseconds ParseTimeout(std::string_view key, std::string_view value) {
  return std::chrono::milliseconds(ParseInteger(key, value, 1, 86400000));
}

bool IsFolder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// "3.11"
bool IsVersion(std::string_view text) {
  return text.starts_with("3.") && text.size() > 2 && text.size() <= 5 &&
         std::all_of(text.begin() + 2, text.end(), IsDigit);
}

std::string ParsePython(std::string_view value) {
  std::string text(value);
  if (text.empty() || text.starts_with('/') || IsVersion(text)) return text;
  throw BadValue("python", value,
                 "a version such as 3.11, or the absolute path of a python or of an environment");
}

std::string ParseSite(std::string_view value) {
  std::string text(value);
  if (!text.empty() && (!text.starts_with('/') || !IsFolder(text)))
    throw BadValue("site", value, "the absolute path of a folder that exists, or nothing");
  return text;
}

// "torch.nn,numpy"
bool AreModules(std::string_view text) {
  bool begins = true;  // a name
  for (const char c : text) {
    if (begins ? !IsLetter(c) : !IsLetter(c) && !IsDigit(c) && c != '.' && c != ',') return false;
    begins = c == ',' || c == '.';
  }
  return !begins;
}

std::string ParsePreload(std::string_view value) {
  std::string text(value);
  std::erase(text, ' ');
  if (text.empty() || AreModules(text)) return text;
  throw BadValue("preload", value, "names of modules, separated by commas");
}

Isolation ParseIsolation(std::string_view value) {
  if (value == "shared") return Isolation::kShared;
  if (value == "process") return Isolation::kProcess;
  throw BadValue("isolation", value, "shared or process");
}

void CheckTogether(const Options& options) {
  if (options.isolation == Isolation::kProcess) return;
  if (options.interpreters > kMostShared) {
    throw BadValue("interpreters", std::to_string(options.interpreters),
                   "at most 15 with isolation shared, which is what the dynamic loader has room "
                   "for, or isolation process");
  }
  if (!options.preload.empty()) {
    throw sdk::Error(MS_INVALID_ARGUMENT,
                     "option preload of python needs isolation process: interpreters in one "
                     "process cannot be copied");
  }
}

}  // namespace

Options ParseOptions(std::span<const ms_kv> values) {
  Options options;
  for (const ms_kv& option : values) {
    const std::string_view key = sdk::View(option.key);
    const std::string_view value = sdk::View(option.value);
    if (key == "isolation") {
      options.isolation = ParseIsolation(value);
    } else if (key == "interpreters") {
      options.interpreters = static_cast<uint32_t>(ParseInteger(key, value, 0, MP_MAX_WORKERS));
    } else if (key == "python") {
      options.python = ParsePython(value);
    } else if (key == "site") {
      options.site = ParseSite(value);
    } else if (key == "timeout_ms") {
      options.timeout = ParseTimeout(key, value);
    } else if (key == "load_timeout_ms") {
      options.load_timeout = ParseTimeout(key, value);
    } else if (key == "threads") {
      options.threads = static_cast<uint32_t>(ParseInteger(key, value, 0, 1024));
    } else if (key == "preload") {
      options.preload = ParsePreload(value);
    } else if (key == "spin_us") {
      options.spin_us = static_cast<uint32_t>(ParseInteger(key, value, 0, 10000));
    } else {
      throw sdk::Error(MS_INVALID_ARGUMENT,
                       "python has no option '" + std::string(key) +
                           "'; it knows isolation, interpreters, python, site, timeout_ms, "
                           "load_timeout_ms, threads, preload and spin_us");
    }
  }
  CheckTogether(options);
  return options;
}

bool Options::operator<(const Options& other) const {
  const auto all = [](const Options& o) {
    return std::tie(o.isolation, o.interpreters, o.python, o.site, o.timeout, o.load_timeout,
                    o.threads, o.preload, o.spin_us);
  };
  return all(*this) < all(other);
}

uint32_t Options::Count() const {
  const uint32_t most = isolation == Isolation::kShared ? kMostShared : MP_MAX_WORKERS;
  return std::min(interpreters != 0 ? interpreters : CoreCount(), most);
}

uint32_t CoreCount() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? static_cast<uint32_t>(CPU_COUNT(&cores))
                                                         : 1;
}

}  // namespace midstream::python
