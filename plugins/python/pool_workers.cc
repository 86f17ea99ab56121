// Pool: its interpreters. How they start, get lost, die and are replaced; and the pool's thread.
#include <algorithm>

#include "plugins/python/pool.h"

namespace midstream::python {

namespace {

constexpr auto kSweepEvery = std::chrono::milliseconds(50);  // while something waits for it
constexpr auto kIdle = std::chrono::seconds(1);
constexpr uint32_t kMostEarlyDeaths = 3;

}  // namespace

void Pool::EnsureStarted() {
  std::lock_guard start_lock(start_mutex_);
  if (usable() > 0) return;
  if (started_ && absolute()) ThrowNoneLeft();  // namespaces do not come back
  started_ = true;
  {
    std::lock_guard lock(workers_mutex_);
    early_deaths_ = {};
    last_problem_.clear();
  }
  for (uint32_t worker = 0; worker < options_.interpreters; ++worker) {
    if (!StartOne(worker)) break;  // the next would find no room either
  }
  AwaitStarts(Clock::now() + options_.start_timeout);
  const uint32_t count = usable();
  if (count == 0) ThrowNoneLeft();
  if (count < options_.interpreters) {
    std::lock_guard lock(workers_mutex_);
    log_(MS_LOG_WARNING, "python: " + std::to_string(count) + " of " +
                             std::to_string(options_.interpreters) +
                             " interpreters started: " + last_problem_);
  }
}

bool Pool::StartOne(uint32_t worker) {
  mp_worker& entry = region_.header().workers[worker];
  {
    std::lock_guard lock(workers_mutex_);
    health_[worker] = Health::kRunning;
    n_workers_ = std::max(n_workers_, worker + 1);
    Store(region_.header().n_workers, n_workers_);
  }
  entry.text[0] = '\0';
  Store(entry.stop, 0u);
  Store(entry.state, MP_WORKER_STARTING);
  try {
    launcher_->Start(worker);
    return true;
  } catch (const std::exception& e) {
    OnFailure(worker, e.what());
    return false;
  }
}

void Pool::AwaitStarts(Clock::time_point end) {
  for (uint32_t worker = 0; worker < options_.interpreters; ++worker) {
    const uint32_t& state = region_.header().workers[worker].state;
    while (Load(state) == MP_WORKER_STARTING && Clock::now() < end)
      SleepWhile(state, MP_WORKER_STARTING, end);
    if (Load(state) == MP_WORKER_STARTING) {
      OnFailure(worker, "it did not start within " +
                            std::to_string(options_.start_timeout.count()) + " ms");
    }
  }
}

uint32_t Pool::usable() {
  std::lock_guard lock(workers_mutex_);
  uint32_t count = to_replace_;
  for (uint32_t worker = 0; worker < n_workers_; ++worker) {
    if (health_[worker] != Health::kRunning) continue;
    const mp_worker& entry = region_.header().workers[worker];
    if (Load(entry.state) == MP_WORKER_FAILED) {
      health_[worker] = Health::kDropped;
      const std::string why(entry.text, strnlen(entry.text, sizeof entry.text));
      // Of a replacement it is a call that never returned why there are fewer, not this.
      if (worker < options_.interpreters) {
        last_problem_ = why;
        exhausted_ = IsLoaderExhausted(why);
      }
      log_(MS_LOG_WARNING,
           "python: interpreter " + std::to_string(worker) + " could not start: " + why);
    } else {
      ++count;
    }
  }
  return count;
}

void Pool::ThrowNoneLeft() {
  std::lock_guard lock(workers_mutex_);
  if (exhausted_) throw LoaderExhausted("no Python interpreter can be had: " + last_problem_);
  throw sdk::Error(MS_UNAVAILABLE, "no Python interpreter is left: " + last_problem_);
}

void Pool::Drop(uint32_t worker, const std::string& why) {
  {
    std::lock_guard lock(workers_mutex_);
    if (health_[worker] == Health::kDropped) return;
    health_[worker] = Health::kDropped;
    last_problem_ = why;
    exhausted_ = true;
  }
  log_(MS_LOG_WARNING,
       "python: interpreter " + std::to_string(worker) + " is not used any more: " + why);
  Store(region_.header().workers[worker].stop, 1u);
  WakeWorkers();
}

void Pool::WakeWorkers() {
  Add(region_.header().work, 1u);
  Wake(region_.header().work);
}

void Pool::OnFailure(uint32_t worker, const std::string& why) {
  mp_worker& entry = region_.header().workers[worker];
  std::snprintf(entry.text, sizeof entry.text, "%s", why.c_str());
  Store(entry.state, MP_WORKER_FAILED);
  Wake(entry.state);
}

void Pool::OnDeath(uint32_t worker, const std::string& how) {
  mp_region& header = region_.header();
  for (uint32_t index = 0; index < MP_JOBS; ++index) FailJob(index, worker, how);
  objects_.ClearHolds(worker);
  Add(header.dropped, 1u);
  Wake(header.dropped);
  if (stopping_) return;
  const uint32_t state = Load(header.workers[worker].state);
  if (state == MP_WORKER_FAILED) return;  // and has said why
  bool again = true;
  {
    std::lock_guard lock(workers_mutex_);
    const bool early = state != MP_WORKER_READY;
    early_deaths_[worker] = early ? early_deaths_[worker] + 1 : 0;
    again = early_deaths_[worker] < kMostEarlyDeaths;
  }
  if (!again) return OnFailure(worker, "its process died while it started, " + how);
  log_(MS_LOG_WARNING,
       "python: worker process " + std::to_string(worker) + " died " + how + "; it is replaced");
  StartOne(worker);
  WakeWorkers();  // it may have been woken for a job that it did not take
}

void Pool::FailJob(uint32_t index, uint32_t worker, const std::string& how) {
  mp_job& job = region_.header().jobs[index];
  uint32_t state = Load(job.state);
  for (;;) {
    const uint32_t kind = MP_STATE_KIND(state);
    if (MP_STATE_WORKER(state) != worker) return;
    if (kind == MP_JOB_LOST || kind == MP_JOB_RETURNED) {
      if (!Exchange(job.state, &state, MP_STATE(MP_JOB_FREE, 0))) continue;
      return GiveSlot(index);
    }
    if (kind != MP_JOB_COPYING && kind != MP_JOB_TAKEN && kind != MP_JOB_ANSWERING) return;
    // Its worker is gone, so nobody else writes here; the job's owner may only make it LOST.
    job.code = MS_ABORTED;
    std::snprintf(job.error, sizeof job.error - 1, "its worker process died %s", how.c_str());
    job.error[std::strlen(job.error) + 1] = '\0';
    if (Exchange(job.state, &state, MP_STATE(MP_JOB_DONE, worker))) return Wake(job.state);
  }
}

// ---- The pool's thread

void Pool::Serve() {
  mp_region& header = region_.header();
  while (!stopping_) {
    const uint32_t seen = Load(header.dropped);
    bool pending = objects_.Sweep();
    if (lost_ > 0) pending = CollectReturned() || pending;
    Replace();
    SleepWhile(header.dropped, seen, Clock::now() + (pending ? kSweepEvery : kIdle));
  }
}

bool Pool::CollectReturned() {
  for (uint32_t index = 0; index < MP_JOBS; ++index) {
    uint32_t& word = region_.header().jobs[index].state;
    uint32_t state = Load(word);
    const uint32_t worker = MP_STATE_WORKER(state);
    if (MP_STATE_KIND(state) != MP_JOB_RETURNED ||
        !Exchange(word, &state, MP_STATE(MP_JOB_FREE, 0)))
      continue;
    {
      std::lock_guard lock(workers_mutex_);
      if (health_[worker] == Health::kLost) health_[worker] = Health::kRunning;
    }
    --lost_;
    GiveSlot(index);
    log_(MS_LOG_INFO,
         "python: interpreter " + std::to_string(worker) + " returned and is used again");
  }
  return lost_ > 0;
}

void Pool::Replace() {
  for (;;) {
    uint32_t worker = 0;
    {
      std::lock_guard lock(workers_mutex_);
      if (to_replace_ == 0) return;
      while (worker < MP_MAX_WORKERS && health_[worker] != Health::kNone) ++worker;
      if (worker == MP_MAX_WORKERS) {
        to_replace_ = 0;
        return;
      }
      --to_replace_;  // at once the new one counts
      health_[worker] = Health::kRunning;
      n_workers_ = std::max(n_workers_, worker + 1);
    }
    const std::string number = std::to_string(worker);
    if (StartOne(worker)) {
      log_(MS_LOG_INFO, "python: interpreter " + number + " replaces a lost one");
    } else {
      log_(MS_LOG_WARNING, "python: a lost interpreter has no replacement; there are fewer now");
    }
  }
}

}  // namespace midstream::python
