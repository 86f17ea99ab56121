// Pool: waiting for an answer, and what the caller is told when there is none.
#include <sched.h>

#include <algorithm>

#include "plugins/python/pool.h"

namespace midstream::python {

namespace {

constexpr auto kSlice = std::chrono::milliseconds(100);  // how often a waiter looks around

std::string Milliseconds(std::chrono::milliseconds time) {
  return std::to_string(time.count()) + " ms";
}

// Where a job is decides how long it may take.
enum class Phase : uint8_t { kQueued, kLoading, kAnswering };

Phase PhaseOf(const mp_job& job, uint32_t state) {
  if (MP_STATE_KIND(state) == MP_JOB_QUEUED) return Phase::kQueued;
  return Load(job.model_begin_ns) != 0 ? Phase::kAnswering : Phase::kLoading;
}

std::string LateText(const mp_job& job, const Call& call) {
  const std::string model = "model '" + (*call.model)->name() + "'";
  if (Load(job.model_begin_ns) != 0)
    return model + " did not answer within " + Milliseconds(call.timeout);
  return model + " was not loaded, or did not take new weights, within " +
         Milliseconds(call.load_timeout);
}

// Text of the other side: it ends somewhere within `most`.
std::string_view Text(const char* text, size_t most) { return {text, strnlen(text, most)}; }

}  // namespace

void Pool::LookAwake(const uint32_t& state) {
  const auto end = Clock::now() + std::chrono::microseconds(options_.spin_us);
  // Interpreters use as many cores as there are calls; waiters may only use the others.
  const auto core_is_free = [&] {
    return lookers_ + std::min(calls_.load(), options_.interpreters) <= options_.cores;
  };
  const Counted looker(&lookers_);
  while (core_is_free() && Clock::now() < end) {
    for (int i = 0; i < 32; ++i) {
      if (MP_STATE_KIND(Load(state)) == MP_JOB_DONE) return;
      Pause();
    }
    sched_yield();  // to threads that nobody counts here
  }
}

Pool::Outcome Pool::Await(uint32_t index, const Call& call) {
  mp_job& job = region_.header().jobs[index];
  if (options_.spin_us > 0) LookAwake(job.state);
  Clock::time_point end = slots_[index].end;
  Clock::time_point begin = end - call.timeout;
  Phase phase = Phase::kQueued;
  bool killed = false;
  for (;;) {
    const uint32_t state = Load(job.state);
    const uint32_t kind = MP_STATE_KIND(state);
    if (kind == MP_JOB_DONE) return killed ? Outcome::kLate : Outcome::kAnswered;
    const auto now = Clock::now();
    if (kind == MP_JOB_QUEUED) {
      const bool late = now >= end;
      if ((late || usable() == 0) && Withdraw(index, state)) {
        if (!late) ThrowNoneLeft();
        throw sdk::Error(MS_DEADLINE_EXCEEDED, "model '" + (*call.model)->name() +
                                                   "': no Python interpreter was free for " +
                                                   Milliseconds(call.timeout));
      }
    } else if (const Phase entered = PhaseOf(job, state); entered != phase) {
      // Nobody woke the waiter for it.
      phase = entered;
      const bool answers = phase == Phase::kAnswering;
      const Clock::time_point told{std::chrono::nanoseconds(answers ? job.model_begin_ns
                                                            : kind == MP_JOB_TAKEN ? job.taken_ns
                                                                                   : 0)};
      begin = told > begin && told < now ? told : now;
      end = begin + (answers ? call.timeout : call.load_timeout);
      continue;
    } else if (now >= end && !killed) {
      if (kind == MP_JOB_TAKEN) {
        const std::string what = LateText(job, call);
        if (GiveUp(index, state, what)) ThrowLate(what);
      } else if (launcher_->can_kill()) {
        const uint32_t worker = MP_STATE_WORKER(state);
        const int32_t pid = Load(region_.header().workers[worker].pid);
        if (Load(job.state) != state) continue;  // it may be dead, and the pid another's
        launcher_->Kill(worker, pid);
        killed = true;
      }
      // Else the interpreter is copying: the memory must not go. It takes no call of the model.
    }
    // The model's begin is not to be missed for longer than it may take.
    const auto slice = phase == Phase::kLoading ? std::min(kSlice, call.timeout) : kSlice;
    SleepWhile(job.state, state, now < end ? std::min(end, now + slice) : now + kSlice / 10);
  }
}

bool Pool::Withdraw(uint32_t index, uint32_t state) {
  if (!Exchange(region_.header().jobs[index].state, &state, MP_STATE(MP_JOB_FREE, 0))) return false;
  GiveSlot(index);
  return true;
}

bool Pool::GiveUp(uint32_t index, uint32_t state, const std::string& what) {
  mp_job& job = region_.header().jobs[index];
  const uint32_t worker = MP_STATE_WORKER(state);
  // Before the exchange: as long as the job is TAKEN nobody has replaced the worker.
  const int32_t pid = Load(region_.header().workers[worker].pid);
  if (!Exchange(job.state, &state, MP_STATE(MP_JOB_LOST, worker))) return false;
  if (launcher_->can_kill()) {
    log_(MS_LOG_WARNING, "python: " + what + ": its worker process is killed");
    launcher_->Kill(worker, pid);  // OnDeath takes the slot back
    return true;
  }
  {
    std::lock_guard lock(workers_mutex_);
    health_[worker] = Health::kLost;
    ++to_replace_;
    last_problem_ = what + ", and its interpreter never came back";
  }
  ++lost_;
  log_(MS_LOG_WARNING, "python: " + what + ": interpreter " + std::to_string(worker) +
                           " is lost until that call returns");
  Add(region_.header().dropped, 1u);
  Wake(region_.header().dropped);
  return true;
}

void Pool::ThrowLate(const std::string& what) {
  throw sdk::Error(MS_DEADLINE_EXCEEDED,
                   what + (launcher_->can_kill() ? "; its worker process was killed and is replaced"
                                                 : "; its interpreter is lost until it returns"));
}

void Pool::ThrowUnlessRepeatable(uint32_t index, const Call& call, bool late) {
  const mp_job& job = region_.header().jobs[index];
  const uint32_t worker = MP_STATE_WORKER(Load(job.state));
  const ms_code code = job.code;
  const std::string line(Text(job.error, MP_TEXT));
  std::string traceback;
  if (line.size() + 1 < MP_TEXT) {
    traceback = Text(job.error + line.size() + 1, MP_TEXT - line.size() - 1);
  }
  const std::string what = late ? LateText(job, call) : "";
  GiveSlot(index);
  if (late) ThrowLate(what);
  const std::string& name = (*call.model)->name();
  if (absolute() && (IsLoaderExhausted(line) || IsLoaderExhausted(traceback))) {
    Drop(worker, "it has no room to load what model '" + name + "' imports (" + line + ")");
    if (usable() > 0) return;
    throw LoaderExhausted("model '" + name + "': " + line);
  }
  if (!traceback.empty()) LogTraceback(name, traceback);
  throw sdk::Error(code, "model '" + name + "': " + (line.empty() ? "failed" : line));
}

void Pool::LogTraceback(const std::string& model, const std::string& traceback) {
  constexpr auto kQuiet = std::chrono::seconds(10);  // for the same one again
  {
    std::lock_guard lock(traceback_mutex_);
    const auto now = Clock::now();
    if (traceback == last_traceback_ && now < last_traceback_time_ + kQuiet) return;
    last_traceback_ = traceback;
    last_traceback_time_ = now;
  }
  // The log takes lines.
  log_(MS_LOG_WARNING, "python: model '" + model + "' failed:");
  for (size_t begin = 0; begin < traceback.size();) {
    const size_t end = std::min(traceback.find('\n', begin), traceback.size());
    log_(MS_LOG_WARNING, "python: | " + traceback.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace midstream::python
