#include "core/sources/settling.h"

#include <algorithm>
#include <utility>

namespace midstream::sources {
namespace {

bool LooksTheSame(const Candidate& a, const Candidate& b) {
  return a.trigger.SameBytes(b.trigger) && a.path == b.path && SameBytes(a, b) &&
         a.problem.message() == b.problem.message();
}

}  // namespace

void Settling::Update(const std::vector<Candidate>& listed, Clock::time_point now) {
  std::map<std::string, Entry> next;
  for (const Candidate& candidate : listed) {
    auto old = entries_.find(candidate.name);
    Entry entry = old == entries_.end() ? Entry{} : std::move(old->second);
    if (old == entries_.end() || !LooksTheSame(entry.seen, candidate)) entry.since = now;
    entry.seen = candidate;
    next.emplace(candidate.name, std::move(entry));
  }
  entries_ = std::move(next);
}

// A checkpoint's files may change before its `checkpoint` file does, which is what tells that they are
// complete. After a refusal any change is a reason to look again.
bool Settling::IsPending(const Entry& entry) const {
  switch (entry.decision) {
    case Decision::kNone:
      return true;
    case Decision::kTaken:
      return !entry.seen.trigger.SameBytes(entry.decided.trigger);
    case Decision::kRefused:
      return !LooksTheSame(entry.seen, entry.decided);
  }
  return false;
}

std::optional<Candidate> Settling::Next(const std::vector<Candidate>& listed,
                                        const std::function<bool(const std::string&)>& written,
                                        Clock::time_point now) {
  Update(listed, now);
  wake_.reset();
  older_.clear();
  std::optional<Candidate> newest;
  for (const Candidate& candidate : listed) {
    const Entry& entry = entries_.at(candidate.name);
    if (!IsPending(entry)) continue;
    if (candidate.problem.ok() && current_ && SameBytes(candidate, *current_)) {
      Decide(candidate, Decision::kTaken);  // another name of what is served
      continue;
    }
    const auto is_written = [&](const FileIdentity& file) { return written(file.path); };
    if (is_written(candidate.trigger) ||
        std::any_of(candidate.files.begin(), candidate.files.end(), is_written)) {
      continue;  // its end is an event
    }
    const auto wait = candidate.problem.ok() ? times_.settle : times_.patience;
    if (now < entry.since + wait) {
      wake_ = std::min(wake_.value_or(entry.since + wait), entry.since + wait);
    } else if (!newest) {
      newest = candidate;
    } else {
      older_.push_back(candidate);
    }
  }
  return newest;
}

void Settling::Decide(const Candidate& candidate, Decision decision) {
  auto at = entries_.find(candidate.name);
  if (at == entries_.end()) return;
  at->second.decided = candidate;
  at->second.decision = decision;
  at->second.changing = false;
}

void Settling::Taken(const Candidate& candidate) {
  Decide(candidate, Decision::kTaken);
  current_ = candidate;
  for (const Candidate& older : older_) Decide(older, Decision::kTaken);
  superseded_ += older_.size();
}

void Settling::Refused(const Candidate& candidate) { Decide(candidate, Decision::kRefused); }

bool Settling::Changing(const Candidate& candidate) {
  auto at = entries_.find(candidate.name);
  return at != entries_.end() && !std::exchange(at->second.changing, true);
}

uint64_t Settling::TakeSuperseded() { return std::exchange(superseded_, 0); }

}  // namespace midstream::sources
