#include "plugins/python/pool.h"

#include <sched.h>

#include <algorithm>

#include "plugins/python/thread.h"

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

// One more for as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<uint32_t>* count) : count_(count) { ++*count_; }
  ~Counted() { --*count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<uint32_t>* const count_;
};

// Text of the other side: it ends somewhere within `most`.
std::string_view Text(const char* text, size_t most) { return {text, strnlen(text, most)}; }

}  // namespace

Pool::Pool(bool for_processes, const PoolOptions& options, Log log, const LauncherFactory& factory,
           uint64_t region_bytes)
    : options_(options),
      log_(log),
      region_(for_processes, region_bytes),
      files_(&region_),
      objects_(&region_) {
  region_.header().spin_us = options.spin_us;
  for (uint32_t i = MP_JOBS; i-- > 0;) free_slots_.push_back(i);
  launcher_ = factory(region_, *this);
  service_ = QuietThread([this] { Serve(); });
}

Pool::~Pool() {
  stopping_ = true;
  Add(region_.header().dropped, 1u);
  Wake(region_.header().dropped);
  service_.join();
  launcher_->StopAll();
}

// ---- Jobs

Times Pool::Run(const Call& call) {
  const Counted counted(&calls_);
  for (;;) {
    if (usable() == 0) ThrowNoneLeft();
    const uint32_t index = TakeSlot(call, Clock::now() + call.timeout);
    mp_job& job = region_.header().jobs[index];
    Fill(job, call);
    if (!Push(index) && Withdraw(index, MP_STATE(MP_JOB_QUEUED, 0))) {
      throw sdk::Error(MS_UNAVAILABLE, "too many requests wait for Python interpreters");
    }
    const Outcome outcome = Await(index, call);
    if (job.code == MS_OK) {
      const Times times{job.model_begin_ns, job.model_end_ns};
      GiveSlot(index);
      return times;
    }
    ThrowUnlessRepeatable(index, call, outcome == Outcome::kLate);
  }
}

uint32_t Pool::TakeSlot(const Call& call, Clock::time_point end) {
  std::unique_lock lock(slots_mutex_);
  if (!slot_free_.wait_until(lock, end, [&] { return !free_slots_.empty(); })) {
    throw sdk::Error(MS_DEADLINE_EXCEEDED, "model '" + (*call.model)->name() +
                                               "': no Python interpreter was free for " +
                                               Milliseconds(call.timeout) + ", and " +
                                               std::to_string(MP_JOBS) + " requests wait");
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot.model = *call.model;
  if (call.set != nullptr) slot.set = *call.set;
  slot.memory = call.memory;
  slot.end = end;
  return index;
}

void Pool::GiveSlot(uint32_t index) {
  Store(region_.header().jobs[index].state, MP_STATE(MP_JOB_FREE, 0));
  Slot used;
  {
    std::lock_guard lock(slots_mutex_);
    used = std::move(slots_[index]);
    slots_[index] = {};
    free_slots_.push_back(index);
  }
  slot_free_.notify_one();
}

void Pool::Fill(mp_job& job, const Call& call) {
  job.kind = call.kind;
  job.model = (*call.model)->offset();
  job.set = call.set != nullptr ? (*call.set)->offset() : 0;
  job.n_inputs = static_cast<uint32_t>(call.inputs.size());
  job.n_outputs = static_cast<uint32_t>(call.outputs.size());
  job.code = MS_UNKNOWN;
  job.taken_ns = job.model_begin_ns = job.model_end_ns = 0;
  job.error[0] = job.error[1] = '\0';
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    job.inputs[i] = call.inputs[i];
    job.inputs[i].at = call.input_at[i];
  }
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    job.outputs[i] = call.outputs[i];
    job.outputs[i].at = call.output_at[i];
  }
  Store(job.state, MP_STATE(MP_JOB_QUEUED, 0));
}

void Pool::ForgetPassed(uint64_t head) {
  for (; ring_head_ < head; ++ring_head_)
    --ring_entries_[region_.header().ring[ring_head_ % MP_RING]];
}

bool Pool::Push(uint32_t index) {
  mp_region& header = region_.header();
  {
    std::lock_guard lock(ring_mutex_);
    const uint64_t tail = Load(header.tail);
    ForgetPassed(Load(header.head));
    // Entries of withdrawn jobs stay until somebody passes over them. One that is queued may be
    // passed over if another entry of it comes later.
    for (uint64_t head = Load(header.head); tail - head >= MP_RING; head = Load(header.head)) {
      const uint32_t oldest = header.ring[head % MP_RING];
      if (oldest != index && ring_entries_[oldest] < 2 &&
          MP_STATE_KIND(Load(header.jobs[oldest].state)) == MP_JOB_QUEUED)
        return false;
      Exchange(header.head, &head, head + 1);
      ForgetPassed(Load(header.head));
    }
    ++ring_entries_[index];
    Store(header.ring[tail % MP_RING], index);
    Store(header.tail, tail + 1);
  }
  Add(header.work, 1u);
  if (Load(header.idle) > 0) Wake(header.work, 1);
  return true;
}

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
