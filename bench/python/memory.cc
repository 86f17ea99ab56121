// Eight interpreters: what they take to start, what each takes in memory, and that the weights of a
// package are there once: equal addresses in every interpreter of this process, and one proportional
// set size (PSS) over all processes that map the file.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "bench/python/questions.h"
#include "core/measure/load.h"

namespace midstream::bench {
namespace {

constexpr int kInterpreters = 8;

struct Usage {
  uint64_t file_kb = 0;       // PSS of the mappings of the package and of shared memory
  uint64_t anonymous_kb = 0;  // private to the process
};

// Source: proc(5), /proc/PID/smaps.
Usage ReadUsage(int64_t pid, const std::string& package) {
  std::ifstream maps(fmt::format("/proc/{}/smaps", pid));
  Usage usage;
  bool weights = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string key;
    uint64_t value = 0;
    words >> key;
    if (key.find('-') != std::string::npos && key.back() != ':') {
      weights = line.find(package) != std::string::npos || line.find("memfd:") != std::string::npos;
    } else if (words >> value) {
      if (key == "Pss:" && weights) usage.file_kb += value;
      if (key == "Anonymous:" && !weights) usage.anonymous_kb += value;
    }
  }
  return usage;
}

struct Seen {
  std::set<int64_t> addresses;
  std::set<int64_t> processes;
  std::set<std::pair<int64_t, int64_t>> interpreters;  // process and thread
};

// Asks until every interpreter has answered.
Result<Seen> AskAll(Hosted& hosted) {
  Seen seen;
  std::mutex mutex;
  const auto run = [&](size_t) {
    const auto answer = hosted.Ask();
    if (!answer.ok()) return measure::Verdict::kFailed;
    const auto value = (*answer)[0].as<int64_t>();
    const std::lock_guard<std::mutex> lock(mutex);
    seen.addresses.insert(value[0]);
    seen.processes.insert(value[1]);
    seen.interpreters.insert({value[1], value[2]});
    return measure::Verdict::kRight;
  };
  measure::LoadOptions load;
  load.clients = 2 * kInterpreters;
  load.duration = std::chrono::seconds(1);
  for (int tries = 0; seen.interpreters.size() < kInterpreters; ++tries) {
    if (tries == 20) return Internal("not every interpreter answers");
    if (measure::RunLoad(run, load).failed > 0) return Internal("requests failed");
  }
  return seen;
}

Status AskIsolation(const Options& options, const std::string& isolation) {
  const int64_t self = getpid();
  const uint64_t before = ReadUsage(self, "weights.mspkg").anonymous_kb;
  const auto begin = std::chrono::steady_clock::now();
  MS_ASSIGN_OR_RETURN(Hosted hosted, Hosted::Open(options, "weights", isolation, kInterpreters,
                                                  2 * kInterpreters, options.spin_us));
  MS_RETURN_IF_ERROR(hosted.Ask().status());
  const double first =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  MS_ASSIGN_OR_RETURN(const Seen seen, AskAll(hosted));
  Usage usage = ReadUsage(self, "weights.mspkg");
  usage.anonymous_kb -= std::min(before, usage.anonymous_kb);
  for (const int64_t pid : seen.processes) {
    if (pid == self) continue;
    const Usage worker = ReadUsage(pid, "weights.mspkg");
    usage.file_kb += worker.file_kb;
    usage.anonymous_kb += worker.anonymous_kb;
  }
  PrintRow(options,
           {isolation, std::to_string(seen.interpreters.size()),
            std::to_string(seen.processes.size()), std::to_string(seen.addresses.size()),
            fmt::format("{:.0f}", static_cast<double>(usage.file_kb) / 1024),
            fmt::format("{:.1f}", static_cast<double>(usage.anonymous_kb) / 1024 / kInterpreters),
            fmt::format("{:.2f}", first)});
  const bool once = isolation != "shared" || seen.addresses.size() == 1;
  return once ? OkStatus() : Internal("the weights lie at several addresses");
}

}  // namespace

Status AskMemory(const Options& options) {
  PrintRow(
      options,
      {"isolation", "interpreters", "processes", "addresses", "weights MB", "each MB", "start s"},
      true);
  for (const char* isolation : {"shared", "process"}) {
    MS_RETURN_IF_ERROR(AskIsolation(options, isolation));
  }
  return OkStatus();
}

}  // namespace midstream::bench
