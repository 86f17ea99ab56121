// midstream_probe PATH NAME: the child process that tries a plugin before the engine loads it.
//
// It does what the engine will do, in the same order and with the same checks and services, and
// reports on the descriptor kProbeReportFd. It ends without running destructors: the engine never
// unloads a plugin either.

#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "core/backend/host.h"
#include "core/backend/loader.h"
#include "core/backend/plugin_table.h"
#include "core/backend/probe.h"

namespace midstream::backend {
namespace {

void Report(std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  // The parent may be gone; then nobody reads the result.
  [[maybe_unused]] const ssize_t written = write(kProbeReportFd, line.data(), line.size());
}

void Stage(const char* name) { Report(std::string("stage ") + name); }

// A crash must end this process by its signal, without a core file, whatever a sanitizer would
// print; and nothing must outlive the parent.
void BehaveAsAProbe() {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
    signal(number, SIG_DFL);
  }
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

// A device that cannot be used now is no reason to refuse the plugin; one that crashes is.
void TryFirstDevice(const ms_backend& backend) {
  ms_error error{};
  error.struct_size = sizeof(error);
  uint32_t count = 0;
  Stage("device_count");
  if (backend.device_count(&count, &error) != MS_OK || count == 0) return;
  Stage("device_open");
  ms_device* device = nullptr;
  if (backend.device_open(0, nullptr, 0, &device, &error) != MS_OK || device == nullptr) return;
  Stage("device_close");
  backend.device_close(device);
}

Status Probe(const std::string& path, const std::string& name) {
  Stage("the loading of the library");
  MS_ASSIGN_OR_RETURN(const QueryFunction query, OpenPluginLibrary(path));
  Stage(kQuerySymbol);
  MS_ASSIGN_OR_RETURN(const ms_plugin* plugin, QueryPlugin(query, name));
  Stage("startup");
  MS_RETURN_IF_ERROR(StartPlugin(plugin, ProcessHost()));
  TryFirstDevice(*plugin->backend);
  Stage("shutdown");
  plugin->shutdown();
  return OkStatus();
}

}  // namespace
}  // namespace midstream::backend

int main(int argc, char** argv) {
  using midstream::backend::Report;
  if (argc != 3) return 2;
  midstream::backend::BehaveAsAProbe();
  const midstream::Status status = midstream::backend::Probe(argv[1], argv[2]);
  if (status.ok()) {
    Report("ok");
  } else {
    Report("error " + std::to_string(static_cast<int>(status.code())) + " " +
           std::string(status.message()));
  }
  _exit(0);
}
