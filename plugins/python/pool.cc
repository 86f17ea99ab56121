#include "plugins/python/pool.h"

#include "plugins/python/thread.h"

namespace midstream::python {

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
                                               std::to_string(call.timeout.count()) + " ms, and " +
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

}  // namespace midstream::python
