// Exports that do not come to their end: killed before and after each of their system calls, and on a
// disk that is full at every size. What is under the name is the old file or the new one, whole.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "core/formats/npy/npz.h"
#include "core/formats/safetensors/writer.h"
#include "core/formats/tensor_file.h"
#include "core/formats/tensorflow/bundle.h"
#include "core/formats/tensorflow/bundle_writer.h"
#include "core/formats/tensorflow/checkpoint_state.h"
#include "tests/temporary_folder.h"

namespace midstream::formats {
namespace {

namespace fs = std::filesystem;

// Three tensors that all hold `version`.
NamedTensors MakeWeights(int64_t version) {
  NamedTensors tensors;
  for (const char* name : {"a", "b", "c"}) {
    Tensor value = *Tensor::Allocate(DType::kI64, {100});
    for (int64_t& element : value.mutable_as<int64_t>()) element = version;
    tensors.emplace_back(name, value);
  }
  return tensors;
}

std::vector<TensorInfo> InfosOf(const NamedTensors& tensors) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, value] : tensors) infos.push_back({name, value.dtype(), value.shape()});
  return infos;
}

// The version that all elements hold, or 0.
int64_t VersionOf(const std::vector<Result<Tensor>>& tensors) {
  if (tensors.size() != 3 || !tensors[0].ok() || tensors[0]->count() != 100) return 0;
  const int64_t version = tensors[0]->as<int64_t>()[0];
  for (const auto& tensor : tensors) {
    if (!tensor.ok() || tensor->count() != 100) return 0;
    for (int64_t element : tensor->as<int64_t>()) {
      if (element != version) return 0;
    }
  }
  return version;
}

// One way to export weights to a folder, and to find out which version is there.
struct Export {
  std::string name;
  std::function<Status(const std::string& folder, int64_t version)> write;
  std::function<int64_t(const std::string& folder)> version;
};

int64_t FileVersion(const std::string& path) {
  auto file = OpenTensorFile(path);
  std::vector<Result<Tensor>> tensors;
  for (size_t i = 0; file.ok() && i < (*file)->tensors().size(); ++i) {
    tensors.push_back((*file)->Read(i));
  }
  return VersionOf(tensors);
}

int64_t BundleVersion(const std::string& prefix) {
  auto bundle = tensorflow::Bundle::Open(prefix);
  std::vector<Result<Tensor>> tensors;
  for (const char* key : {"a", "b", "c"}) {
    if (bundle.ok()) tensors.push_back(bundle->Read(key));
  }
  return VersionOf(tensors);
}

Status WriteBundle(const std::string& prefix, int64_t version) {
  const NamedTensors tensors = MakeWeights(version);
  return tensorflow::WriteBundle(prefix, InfosOf(tensors),
                                 [&](size_t i) -> Result<Tensor> { return tensors[i].second; });
}

std::vector<Export> Exports() {
  Export safetensors{
      "safetensors",
      [](const std::string& folder, int64_t version) {
        const NamedTensors tensors = MakeWeights(version);
        return safetensors::Write(folder + "/w.safetensors", InfosOf(tensors),
                                  [&](size_t i) -> Result<Tensor> { return tensors[i].second; });
      },
      [](const std::string& folder) { return FileVersion(folder + "/w.safetensors"); }};
  Export npz{"npz",
             [](const std::string& folder, int64_t version) {
               return WriteNpz(folder + "/w.npz", MakeWeights(version));
             },
             [](const std::string& folder) { return FileVersion(folder + "/w.npz"); }};
  Export bundle{"checkpoint over a checkpoint",
                [](const std::string& folder, int64_t version) {
                  return WriteBundle(folder + "/p", version);
                },
                [](const std::string& folder) { return BundleVersion(folder + "/p"); }};
  Export latest{"checkpoint and state",
                [](const std::string& folder, int64_t version) {
                  const std::string prefix = folder + "/p-" + std::to_string(version);
                  MS_RETURN_IF_ERROR(WriteBundle(prefix, version));
                  return tensorflow::UpdateCheckpointState(prefix);
                },
                [](const std::string& folder) {
                  auto prefix = tensorflow::LatestCheckpoint(folder);
                  return prefix.ok() ? BundleVersion(*prefix) : 0;
                }};
  return {safetensors, npz, bundle, latest};
}

// In memory where there is such a folder: the tests wait for the disk a thousand times.
class ExportDir : public TemporaryFolder {
 public:
  ExportDir() : TemporaryFolder(fs::is_directory("/dev/shm") ? "/dev/shm/" : testing::TempDir()) {}
};

void Clear(const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove_all(entry.path());
}

// Runs `work` in a child process that is killed when it stops at a system call, its entry or its
// return, for the time `stop`. False: it ended before.
bool KilledAt(int stop, const std::function<Status()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    _exit(work().ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  for (int i = 0; i < stop && WIFSTOPPED(status); ++i) {
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    waitpid(child, &status, 0);
  }
  if (!WIFSTOPPED(status)) {
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    return false;
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  return true;
}

TEST(Export, KilledAtAnySystemCallLeavesTheOldOrTheNew) {
  int kills = 0;
  for (const Export& format : Exports()) {
    // A checkpoint that is overwritten has one data file, or two.
    for (int64_t old : {1, 2}) {
      ExportDir dir;
      int olds = 0;
      int news = 0;
      for (int stop = 1;; ++stop) {
        Clear(dir.path());
        for (int64_t version = 1; version <= old; ++version) {
          ASSERT_TRUE(format.write(dir.path(), version).ok());
        }
        ASSERT_EQ(format.version(dir.path()), old);
        const bool killed = KilledAt(stop, [&] { return format.write(dir.path(), 3); });
        const int64_t version = format.version(dir.path());
        ASSERT_TRUE(version == old || version == 3) << format.name << ", stop " << stop;
        if (!killed) {
          ASSERT_EQ(version, 3);
          break;
        }
        ++kills;
        ++(version == 3 ? news : olds);
        // What was left behind is in nobody's way.
        ASSERT_TRUE(format.write(dir.path(), 4).ok());
        ASSERT_EQ(format.version(dir.path()), 4) << format.name << ", stop " << stop;
      }
      EXPECT_GT(olds, 10) << format.name;
      EXPECT_GT(news, 0) << format.name;
    }
  }
  EXPECT_GE(kills, 200);
  RecordProperty("kills", kills);
}

// As a full disk, a limit on the size of files makes a write short, and then fail.
Status WithFileSizeLimit(rlim_t limit, const std::function<Status()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit sizes{limit, limit};
    setrlimit(RLIMIT_FSIZE, &sizes);
    _exit(static_cast<int>(work().code()));
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status)) return Internal("the child crashed");
  return {static_cast<Code>(WEXITSTATUS(status)), "the child's"};
}

TEST(Export, AFullDiskIsAnErrorAndLeavesTheOld) {
  for (const Export& format : Exports()) {
    ExportDir dir;
    ASSERT_TRUE(format.write(dir.path(), 1).ok());
    int failures = 0;
    for (rlim_t limit = 0;; limit += 101) {
      const Status status = WithFileSizeLimit(limit, [&] { return format.write(dir.path(), 3); });
      if (status.ok()) break;
      ++failures;
      ASSERT_EQ(status.code(), Code::kUnavailable) << format.name << ", limit " << limit;
      ASSERT_EQ(format.version(dir.path()), 1) << format.name << ", limit " << limit;
    }
    EXPECT_GT(failures, 10) << format.name;
    EXPECT_EQ(format.version(dir.path()), 3) << format.name;
    for (const auto& entry : fs::directory_iterator(dir.path())) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    }
  }
}

}  // namespace
}  // namespace midstream::formats
