// bench_load [--only=load|import] [--folder=DIR] [--threads=N] [--rounds=N]: how long a checkpoint of a gigabyte takes to
// become a session, beside reading its bytes into memory and checksumming them; and how long the
// import of a graph of fifty thousand nodes takes.
//
// Both sides of the comparison read a file that the system has cached, with as many threads, into
// fresh memory, in turn; medians are printed. A load that reads something else than was written ends
// in an error, as every tensor is checked against its checksum.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/checkpoint.h"
#include "core/base/crc32c.h"
#include "core/base/thread_pool.h"
#include "core/engine/engine.h"
#include "core/formats/file.h"
#include "core/formats/model_source.h"

namespace midstream::bench {
namespace {

constexpr int kNodes = 50000;

struct Options {
  std::string folder;  // empty: a temporary one, removed at the end
  std::string only;    // "load", "import"; empty: both
  uint32_t threads = 0;
  int rounds = 7;
};

double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since)
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// What `cat` to memory and crc32c cost: each thread takes a contiguous share of the file.
Result<double> ReadAndChecksum(const BigCheckpoint& big, uint32_t threads) {
  auto start = std::chrono::steady_clock::now();
  MS_ASSIGN_OR_RETURN(formats::File file, formats::File::Open(big.data_path));
  std::unique_ptr<char, decltype(&std::free)> memory(
      static_cast<char*>(std::malloc(static_cast<size_t>(file.size()))), &std::free);
  std::vector<Status> problems(threads);
  std::vector<uint32_t> checksums(threads);
  ThreadPool pool(threads);
  pool.ParallelFor(threads, [&](uint32_t i) {
    uint64_t begin = file.size() * i / threads;
    auto size = static_cast<size_t>(file.size() * (i + 1) / threads - begin);
    problems[i] = file.ReadAt(begin, memory.get() + begin, size);
    checksums[i] = Crc32c(memory.get() + begin, size);
  });
  for (const Status& problem : problems) MS_RETURN_IF_ERROR(problem);
  return Milliseconds(start);
}

Result<double> LoadSession(const BigCheckpoint& big, Engine& engine) {
  auto start = std::chrono::steady_clock::now();
  MS_ASSIGN_OR_RETURN(Model model, engine.Load(big.prefix));
  MS_ASSIGN_OR_RETURN(Session session, model.CreateSession({{"x"}, {"y"}, {}}));
  return Milliseconds(start);
}

Status CompareLoad(const Options& options) {
  MS_ASSIGN_OR_RETURN(BigCheckpoint big, WriteBigCheckpoint(options.folder));
  MS_ASSIGN_OR_RETURN(Engine engine,
                      Engine::Open("", {"execution.threads=" + std::to_string(options.threads)}));
  std::vector<double> load, baseline, ratio;
  for (int round = 0; round < options.rounds + 1; ++round) {
    MS_ASSIGN_OR_RETURN(double read, ReadAndChecksum(big, options.threads));
    MS_ASSIGN_OR_RETURN(double loaded, LoadSession(big, engine));
    if (round == 0) continue;  // warms the file cache
    std::printf("  round %d: %.0f ms, read and crc32c %.0f ms\n", round, loaded, read);
    load.push_back(loaded);
    baseline.push_back(read);
    ratio.push_back(read / loaded);
  }
  std::printf("load/threads:%u/midstream          %8.0f ms  (%.2f GB)\n", options.threads,
              Median(load), static_cast<double>(big.bytes) / 1e9);
  std::printf("load/threads:%u/read_and_crc32c    %8.0f ms\n", options.threads, Median(baseline));
  std::printf("load/threads:%u: %.0f %% of the speed of reading and checksumming\n",
              options.threads, 100 * Median(ratio));
  return OkStatus();
}

Status MeasureImport(const Options& options) {
  MS_ASSIGN_OR_RETURN(std::string prefix, WriteLongGraph(options.folder, kNodes));
  MS_ASSIGN_OR_RETURN(Engine engine, Engine::Open("", {}));
  std::vector<double> import, session;
  for (int round = 0; round < options.rounds; ++round) {
    auto start = std::chrono::steady_clock::now();
    MS_ASSIGN_OR_RETURN(auto source, formats::OpenModel(prefix));
    MS_ASSIGN_OR_RETURN(auto built, source->BuildGraph({{"x"}, {"y"}, {}}));
    import.push_back(Milliseconds(start));
    start = std::chrono::steady_clock::now();
    MS_ASSIGN_OR_RETURN(Model model, engine.Load(prefix));
    MS_ASSIGN_OR_RETURN(Session made, model.CreateSession({{"x"}, {"y"}, {}}));
    session.push_back(Milliseconds(start));
  }
  std::printf("import/nodes:%d/open_and_build     %8.0f ms\n", kNodes, Median(import));
  std::printf("import/nodes:%d/ready_session      %8.0f ms  (and passes, compile, weights)\n",
              kNodes, Median(session));
  return OkStatus();
}

Status Run(Options options) {
  namespace fs = std::filesystem;
  bool temporary = options.folder.empty();
  if (temporary) {
    std::string pattern = (fs::temp_directory_path() / "midstream-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return Internal("cannot make " + pattern);
    options.folder = pattern;
  }
  if (options.threads == 0) options.threads = AvailableCores();
  Status status;
  if (options.only != "load") status = MeasureImport(options);
  if (status.ok() && options.only != "import") status = CompareLoad(options);
  std::error_code ignored;
  if (temporary) fs::remove_all(options.folder, ignored);
  return status;
}

bool TakeFlag(std::string_view argument, std::string_view name, std::string* value) {
  if (!argument.starts_with(name)) return false;
  *value = argument.substr(name.size());
  return true;
}

}  // namespace
}  // namespace midstream::bench

int main(int argc, char** argv) {
  midstream::bench::Options options;
  for (int i = 1; i < argc; ++i) {
    std::string number;
    if (std::string_view(argv[i]).starts_with("--benchmark_")) continue;  // those of other benches
    if (midstream::bench::TakeFlag(argv[i], "--folder=", &options.folder) ||
        midstream::bench::TakeFlag(argv[i], "--only=", &options.only)) {
      continue;
    }
    if (midstream::bench::TakeFlag(argv[i], "--threads=", &number)) {
      options.threads = static_cast<uint32_t>(std::atoi(number.c_str()));
    } else if (midstream::bench::TakeFlag(argv[i], "--rounds=", &number)) {
      options.rounds = std::max(1, std::atoi(number.c_str()));
    } else {
      std::fprintf(stderr, "bench_load: unknown option %s\n", argv[i]);
      return 2;
    }
  }
  midstream::Status status = midstream::bench::Run(options);
  if (!status.ok()) std::fprintf(stderr, "bench_load: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
