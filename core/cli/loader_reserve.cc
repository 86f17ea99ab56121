#include "core/cli/loader_reserve.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

namespace midstream::cli {
namespace {

// Sixteen is all that glibc has, the program's own among them. The bytes are of static thread-local
// storage that libraries which are opened later may take, together.
constexpr std::string_view kNamespaces = "glibc.rtld.nns";
constexpr std::string_view kWanted = "glibc.rtld.nns=16:glibc.rtld.optional_static_tls=65536";

bool SharesTheProcess(const Config& config) {
  const auto is_python = [](const std::string& plugin) {
    return std::filesystem::path(plugin).stem() == "python";
  };
  if (std::ranges::none_of(config.plugins.list, is_python)) return false;
  const auto options = config.backends.find("python");
  if (options == config.backends.end()) return true;
  const auto isolation = options->second.find("isolation");
  return isolation == options->second.end() || isolation->second == "shared";
}

std::vector<std::string> Arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

}  // namespace

std::optional<std::string> LoaderTunables(const Config& config, const char* current) {
  if (!SharesTheProcess(config)) return std::nullopt;
  const std::string before = current == nullptr ? "" : current;
  if (before.find(kNamespaces) != std::string::npos) return std::nullopt;
  return before.empty() ? std::string(kWanted) : before + ":" + std::string(kWanted);
}

void ReserveForInterpreters(const Config& config) {
  const auto tunables = LoaderTunables(config, std::getenv("GLIBC_TUNABLES"));
  if (!tunables) return;
  std::vector<std::string> arguments = Arguments();
  if (arguments.empty() || setenv("GLIBC_TUNABLES", tunables->c_str(), 1) != 0) return;
  std::vector<char*> argv;
  std::ranges::transform(arguments, std::back_inserter(argv),
                         [](std::string& argument) { return argument.data(); });
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
}

}  // namespace midstream::cli
