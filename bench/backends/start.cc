// How long a process takes to its first answer of mnist_deep, and what caches save of that.
//
// What a driver keeps for itself between runs is redirected too (POCL_CACHE_DIR, CUDA_CACHE_PATH),
// so that a first start is one, and so that ours can be told from the driver's.

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "bench/backends/questions.h"
#include "bench/support/mnist_deep.h"
#include "core/base/file.h"

namespace midstream::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRepeats = 5;  // of warm starts

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / "midstream-start-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  bool ok() const { return !path_.empty(); }
  std::string ours() const { return path_ + "/ours"; }
  std::string drivers() const { return path_ + "/driver"; }
  void Empty(const std::string& folder) const {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    fs::create_directories(folder, ignored);
  }

 private:
  std::string path_;
};

// Runs this program again as --first-answer and reads the milliseconds that it prints.
Result<double> Start(const std::string& backend, const Folder& folder) {
  int ends[2];
  if (::pipe(ends) != 0) return ErrnoStatus(errno, "pipe");
  const pid_t child = ::fork();
  if (child < 0) return ErrnoStatus(errno, "fork");
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::setenv("POCL_CACHE_DIR", folder.drivers().c_str(), 1);
    ::setenv("CUDA_CACHE_PATH", folder.drivers().c_str(), 1);
    const std::string backend_flag = "--backends=" + backend;
    const std::string cache_flag = "--first-answer=" + folder.ours();
    ::execl("/proc/self/exe", "bench_backends", backend_flag.c_str(), cache_flag.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[256];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  const double milliseconds = std::strtod(text.c_str(), nullptr);
  if (status == 0 && milliseconds > 0) return milliseconds;
  return Internal("a start of " + backend + " gave no answer");
}

Result<double> MedianStart(const std::string& backend, const Folder& folder, bool keep_drivers) {
  std::vector<double> times;
  for (int i = 0; i < kRepeats; ++i) {
    if (!keep_drivers) folder.Empty(folder.drivers());
    MS_ASSIGN_OR_RETURN(const double milliseconds, Start(backend, folder));
    times.push_back(milliseconds);
  }
  std::nth_element(times.begin(), times.begin() + kRepeats / 2, times.end());
  return times[kRepeats / 2];
}

Status Ask(const Options& options, const std::string& backend) {
  const Folder folder;
  if (!folder.ok()) return ErrnoStatus(errno, "a temporary folder");
  folder.Empty(folder.ours());
  folder.Empty(folder.drivers());
  MS_ASSIGN_OR_RETURN(const double cold, Start(backend, folder));
  MS_ASSIGN_OR_RETURN(const double warm, MedianStart(backend, folder, true));
  MS_ASSIGN_OR_RETURN(const double ours, MedianStart(backend, folder, false));
  std::printf("%s", Row(options,
                        {"start", backend, fmt::format("{:.1f}", cold), fmt::format("{:.1f}", warm),
                         fmt::format("{:.1f}", ours), fmt::format("{:.1f}", cold / warm)})
                        .c_str());
  std::fflush(stdout);
  return OkStatus();
}

}  // namespace

Status CompareStarts(const Options& options) {
  const std::vector<std::string> head = {"question", "backend",      "cold ms",
                                         "warm ms",  "only ours ms", "cold / warm"};
  std::printf("%s%s", Row(options, head).c_str(), Rule(options, head.size()).c_str());
  std::fflush(stdout);
  Status worst;
  for (const std::string& backend : options.backends) {
    const Status asked = Ask(options, backend);
    if (asked.ok()) continue;
    std::fprintf(stderr, "bench_backends: start: %s\n", asked.ToString().c_str());
    worst = asked;
  }
  return worst;
}

Status FirstAnswer(const std::string& backend, const std::string& cache) {
  const std::vector<NamedTensor> weights = MakeWeights(1);
  const Tensor images = MakeImages(16);
  const auto begin = std::chrono::steady_clock::now();
  RuntimeOptions options;
  options.backend = backend;
  options.threads = 0;
  options.cache = cache;
  MS_ASSIGN_OR_RETURN(auto runtime, Runtime::Open(options));
  MS_ASSIGN_OR_RETURN(Net net, runtime->MakeNet(MakeMnistDeep(), weights));
  std::vector<Tensor> outputs;
  MS_RETURN_IF_ERROR(net.session->Run(std::span<const Tensor>(&images, 1), &outputs, nullptr));
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
  std::printf("%.3f\n", taken.count());
  return OkStatus();
}

}  // namespace midstream::bench
