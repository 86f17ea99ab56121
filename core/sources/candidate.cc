#include "core/sources/candidate.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <tuple>

#include "core/base/file.h"
#include "core/formats/tensor_file.h"
#include "core/formats/tensorflow/checkpoint_files.h"
#include "core/formats/tensorflow/checkpoint_state.h"

namespace midstream::sources {
namespace {

constexpr std::string_view kCheckpoint = "checkpoint";

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// nullopt: it is gone, or no regular file.
std::optional<FileIdentity> Identify(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FileIdentity{path,
                      static_cast<uint64_t>(info.st_dev),
                      static_cast<uint64_t>(info.st_ino),
                      int64_t{info.st_size},
                      Nanoseconds(info.st_mtim),
                      Nanoseconds(info.st_ctim)};
}

// In the order of the folder, without the dot entries and hidden files.
Result<std::vector<std::string>> Names(const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
  if (directory == nullptr) return ErrnoStatus(errno, folder);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    errno = 0;
  }
  if (errno != 0) return ErrnoStatus(errno, folder);
  return names;
}

// The files of the checkpoint with this prefix, in the order of their names.
Result<std::vector<std::string>> CheckpointPaths(const std::string& prefix) {
  MS_ASSIGN_OR_RETURN(const auto found, tensorflow::FindCheckpointFiles(prefix));
  if (!found.v1.empty()) return found.v1;
  const std::filesystem::path path(found.prefix);
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  const std::string data = path.filename().string() + ".data-";
  MS_ASSIGN_OR_RETURN(std::vector<std::string> names, Names(folder));
  std::sort(names.begin(), names.end());
  std::vector<std::string> paths = {found.prefix + ".index"};
  for (const std::string& name : names) {
    if (name.starts_with(data)) paths.push_back(folder + "/" + name);
  }
  return paths;
}

Status FollowCheckpoint(const std::string& folder, Candidate* candidate) {
  MS_ASSIGN_OR_RETURN(const std::string prefix, tensorflow::LatestCheckpoint(folder));
  MS_ASSIGN_OR_RETURN(const auto paths, CheckpointPaths(prefix));
  for (const std::string& path : paths) {
    auto file = Identify(path);
    if (!file) return NotFound(path + " is missing");
    candidate->files.push_back(*std::move(file));
  }
  candidate->path = prefix;
  return OkStatus();
}

bool Newer(const Candidate& a, const Candidate& b) {
  const FileIdentity& left = a.trigger;
  const FileIdentity& right = b.trigger;
  if (std::tie(left.modified, left.changed) != std::tie(right.modified, right.changed)) {
    return std::tie(left.modified, left.changed) > std::tie(right.modified, right.changed);
  }
  return ::strverscmp(a.name.c_str(), b.name.c_str()) > 0;
}

}  // namespace

bool SameBytes(const Candidate& a, const Candidate& b) {
  return std::equal(
      a.files.begin(), a.files.end(), b.files.begin(), b.files.end(),
      [](const FileIdentity& left, const FileIdentity& right) { return left.SameBytes(right); });
}

Result<std::vector<Candidate>> ListCandidates(const std::string& folder) {
  MS_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(folder));
  std::vector<Candidate> candidates;
  for (const std::string& name : names) {
    const bool checkpoint = name == kCheckpoint;
    if (!checkpoint && !formats::IsTensorFileName(name)) continue;
    auto file = Identify(folder + "/" + name);
    if (!file) continue;
    Candidate candidate{name, *file, {}, {}, {}};
    if (checkpoint) {
      candidate.problem = FollowCheckpoint(folder, &candidate);
    } else {
      candidate.path = file->path;
      candidate.files = {*std::move(file)};
    }
    candidates.push_back(std::move(candidate));
  }
  std::sort(candidates.begin(), candidates.end(), Newer);
  return candidates;
}

}  // namespace midstream::sources
