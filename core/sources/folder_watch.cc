#include "core/sources/folder_watch.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "core/base/log.h"
#include "core/formats/file.h"
#include "core/sources/folder_events.h"

namespace midstream::sources {
namespace {

constexpr std::chrono::milliseconds kRescan{1000};

std::string WithoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

const Candidate* Find(const std::vector<Candidate>& list, const std::string& name) {
  auto at = std::find_if(list.begin(), list.end(),
                         [&](const Candidate& candidate) { return candidate.name == name; });
  return at == list.end() ? nullptr : &*at;
}

}  // namespace

class FolderWatch::Worker {
 public:
  Worker(std::string folder, FolderEvents events, SettleTimes times, Apply apply,
         SourceCallback report)
      : folder_(std::move(folder)),
        events_(std::move(events)),
        settling_(times),
        apply_(std::move(apply)),
        report_(std::move(report)) {}

  Status Attach() { return events_.Attach(); }
  void Stop() const { events_.Stop(); }

  void Run() {
    while (events_.Wait(timeout_)) {
      timeout_ = kRescan;
      try {
        Look();
      } catch (const std::exception& error) {
        Log(LogLevel::kError, folder_ + ": looking for weights failed: " + error.what());
      }
    }
  }

 private:
  void Look() {
    auto listed = List();
    if (!listed.ok()) {
      if (!std::exchange(lost_, true)) Report(folder_, listed.status());
      return;
    }
    lost_ = false;
    const auto written = [this](const std::string& path) { return events_.IsWritten(path); };
    const auto candidate = settling_.Next(*listed, written, Clock::now());
    if (candidate) {
      timeout_ = std::chrono::milliseconds(0);  // much may have come meanwhile
      Take(*candidate);
    } else if (settling_.wake()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*settling_.wake() - Clock::now());
      timeout_ = std::clamp(left, std::chrono::milliseconds(0), kRescan);
    }
  }

  // Attaches first: what comes after the listing is an event.
  Result<std::vector<Candidate>> List() {
    MS_RETURN_IF_ERROR(events_.Attach());
    return ListCandidates(folder_);
  }

  void Take(const Candidate& candidate) {
    if (!candidate.problem.ok()) {
      settling_.Refused(candidate);
      return Report(folder_ + "/" + candidate.name, candidate.problem);
    }
    auto applied = Applied(candidate.path);
    if (applied.ok()) {
      settling_.Taken(candidate);
      return report_({candidate.path, OkStatus(), *applied, settling_.TakeSuperseded()});
    }
    // Whether it is the file that is bad, or that it was not left alone, the folder tells.
    const auto now = ListCandidates(folder_);
    const Candidate* same = now.ok() ? Find(*now, candidate.name) : nullptr;
    if (same == nullptr) {
      settling_.Refused(candidate);
      const std::string name = folder_ + "/" + candidate.name;
      return Report(candidate.path, NotFound(name + " disappeared before it was read"));
    }
    // Another version came between, or pins hold too much memory: it is tried again.
    const Code code = applied.status().code();
    const bool file_to_blame = code != Code::kAborted && code != Code::kResourceExhausted;
    if (!file_to_blame) timeout_ = kRescan;
    if (file_to_blame && same->trigger.SameBytes(candidate.trigger) &&
        SameBytes(*same, candidate)) {
      settling_.Refused(candidate);
      return Report(candidate.path, applied.status());
    }
    if (settling_.Changing(candidate)) Report(candidate.path, applied.status());
  }

  Result<AppliedWeights> Applied(const std::string& path) const {
    try {
      return apply_(path);
    } catch (const std::bad_alloc&) {
      return ResourceExhausted(path + ": out of memory");
    } catch (const std::exception& error) {
      return Internal(path + ": " + error.what());
    }
  }

  void Report(const std::string& source, const Status& status) {
    report_({source, status, {}, settling_.TakeSuperseded()});
  }

  const std::string folder_;
  FolderEvents events_;
  Settling settling_;
  const Apply apply_;
  const SourceCallback report_;
  std::chrono::milliseconds timeout_{0};
  bool lost_ = false;  // the folder is gone, and that was reported
};

Result<std::unique_ptr<FolderWatch>> FolderWatch::Start(const std::string& folder,
                                                        SettleTimes times, Apply apply,
                                                        SourceCallback report) {
  const std::string path = WithoutTrailingSlash(folder);
  MS_ASSIGN_OR_RETURN(FolderEvents events, FolderEvents::Open(path));
  auto worker =
      std::make_shared<Worker>(path, std::move(events), times, std::move(apply), std::move(report));
  MS_RETURN_IF_ERROR(worker->Attach());
  MS_RETURN_IF_ERROR(ListCandidates(path).status());
  return std::unique_ptr<FolderWatch>(new FolderWatch(std::move(worker)));
}

FolderWatch::FolderWatch(std::shared_ptr<Worker> worker) : worker_(std::move(worker)) {
  thread_ = std::thread([worker = worker_] { worker->Run(); });
}

void FolderWatch::Stop() {
  worker_->Stop();
  if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id()) thread_.join();
}

// On its own thread nothing can wait for it: it ends by itself, with what it needs.
FolderWatch::~FolderWatch() {
  Stop();
  if (thread_.joinable()) thread_.detach();
}

}  // namespace midstream::sources
