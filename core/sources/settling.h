// Settling: which of a folder's candidates is to be taken now.
//
// A candidate is pending when what lies there is not what was decided on before: never seen, a
// `checkpoint` file that was written again, another file under the name, or a refused one whose bytes
// are others now. It is due when it has looked the same for the settle time and nobody has it open
// for writing. The newest that is due is taken, and older ones that are due too are passed over; when
// it is refused, the next one is tried.
//
// A checkpoint whose files are not all there yet is given `patience` before that is an error.
//
// Threads: one. It knows no clock and no files: both come from the caller.
#ifndef MIDSTREAM_CORE_SOURCES_SETTLING_H_
#define MIDSTREAM_CORE_SOURCES_SETTLING_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/sources/candidate.h"

namespace midstream::sources {

using Clock = std::chrono::steady_clock;

struct SettleTimes {
  Clock::duration settle = std::chrono::milliseconds(50);
  Clock::duration patience = std::chrono::seconds(1);
};

class Settling {
 public:
  explicit Settling(SettleTimes times) : times_(times) {}

  // `listed` is what lies in the folder, the newest first; `written` tells whether somebody has a path
  // open for writing. Returns the candidate to take, which stays pending until it is decided on.
  std::optional<Candidate> Next(const std::vector<Candidate>& listed,
                                const std::function<bool(const std::string& path)>& written,
                                Clock::time_point now);
  // When Next may have another answer although nothing happens; nullopt: never.
  std::optional<Clock::time_point> wake() const { return wake_; }

  // Decisions about the candidate that Next gave.
  void Taken(const Candidate& candidate);
  void Refused(const Candidate& candidate);
  // It was written to while it was read, so it is still pending. Returns whether that is news.
  bool Changing(const Candidate& candidate);

  // Candidates passed over since this was asked last.
  uint64_t TakeSuperseded();

 private:
  enum class Decision { kNone, kTaken, kRefused };

  struct Entry {
    Candidate seen;
    Clock::time_point since;  // it has looked as `seen`
    Candidate decided;
    Decision decision = Decision::kNone;
    bool changing = false;
  };

  void Update(const std::vector<Candidate>& listed, Clock::time_point now);
  bool IsPending(const Entry& entry) const;
  void Decide(const Candidate& candidate, Decision decision);

  const SettleTimes times_;
  std::map<std::string, Entry> entries_;  // by name
  std::optional<Candidate> current_;      // taken last
  std::vector<Candidate> older_;          // that were due too when Next gave the newest
  std::optional<Clock::time_point> wake_;
  uint64_t superseded_ = 0;
};

}  // namespace midstream::sources

#endif  // MIDSTREAM_CORE_SOURCES_SETTLING_H_
