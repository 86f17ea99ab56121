// Interpreters that are threads of the test: they speak protocol.h and run a function of the test
// instead of Python. So what a pool does about late, lost, dead and greedy workers is tested without
// any.
#ifndef MIDSTREAM_TESTS_PLUGINS_PYTHON_FAKE_WORKER_H_
#define MIDSTREAM_TESTS_PLUGINS_PYTHON_FAKE_WORKER_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "plugins/python/pool.h"

namespace midstream::plugin_testing {

// What a job does, by the first input, an int32.
enum Deed : int32_t {
  kAnswer = 0,   // output 0 = 42
  kFail = 1,     // "ValueError: no", with a traceback
  kBlock = 2,    // until Gate::Open, or the worker is killed
  kDie = 3,      // as by a signal
  kExhaust = 4,  // as an import that finds no room
  kLoad = 5,     // loads until Gate::Open, or the worker is killed, and then answers
};

class Gate {
 public:
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Close() {
    std::lock_guard lock(mutex_);
    open_ = false;
    inside_ = 0;
  }
  void AwaitInside(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }
  // False: killed.
  bool Pass(const std::atomic<bool>& killed) {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    while (!open_ && !killed) changed_.wait_for(lock, std::chrono::milliseconds(1));
    return !killed;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int inside_ = 0;
};

struct FakeSettings {
  bool can_kill = false;
  uint32_t room = MP_MAX_WORKERS;  // workers that can be started
  uint32_t exhausted_workers = 0;  // the first ones find no room to import
  bool die_at_start = false;
  bool die_before_kill = false;  // by themselves, and are replaced before the kill comes
  std::string refuse = {};       // what a worker says instead of starting
  Gate* gate = nullptr;
};

class FakeLauncher : public python::Launcher {
 public:
  FakeLauncher(FakeSettings settings, python::Region& region, python::LaunchEvents& events)
      : settings_(settings), region_(region), events_(events) {}
  ~FakeLauncher() override { StopAll(); }

  void Start(uint32_t worker) override {
    std::lock_guard lock(mutex_);
    if (started_++ >= settings_.room)
      throw sdk::Error(MS_RESOURCE_EXHAUSTED, "no more namespaces available for dlmopen()");
    auto& one = workers_.emplace_back(std::make_unique<Worker>());
    one->index = worker;
    one->pid = static_cast<int32_t>(started_);
    one->thread = std::thread([this, self = one.get()] { Live(*self); });
  }
  void Kill(uint32_t worker, int32_t pid) override {
    if (settings_.die_before_kill) {
      End(pid);
      while (python::Load(region_.header().workers[worker].pid) == pid) std::this_thread::yield();
    }
    End(pid);
  }
  bool can_kill() const override { return settings_.can_kill; }
  void StopAll() override {
    stopping_ = true;
    if (settings_.gate != nullptr) settings_.gate->Open();
    for (;;) {  // a death may start another worker meanwhile
      std::unique_ptr<Worker> one;
      {
        std::lock_guard lock(mutex_);
        if (workers_.empty()) return;
        one = std::move(workers_.back());
        workers_.pop_back();
      }
      one->thread.join();
    }
  }

 private:
  struct Worker {
    uint32_t index = 0;
    int32_t pid = 0;
    std::atomic<bool> killed{false};
    std::thread thread;
  };

  void Live(Worker& self) {
    mp_worker& entry = region_.header().workers[self.index];
    if (settings_.die_at_start) return events_.OnDeath(self.index, "by signal 11");
    if (!settings_.refuse.empty()) {
      std::snprintf(entry.text, sizeof entry.text, "%s", settings_.refuse.c_str());
      python::Store(entry.state, MP_WORKER_FAILED);
      return python::Wake(entry.state);
    }
    python::Store(entry.pid, self.pid);
    python::Store(entry.state, MP_WORKER_READY);
    python::Wake(entry.state);
    if (!Serve(self) && !stopping_) events_.OnDeath(self.index, "by signal 9 (Killed)");
  }
  void End(int32_t pid) {
    std::lock_guard lock(mutex_);
    for (auto& one : workers_) {
      if (one->pid == pid) one->killed = true;
    }
  }

  // False: the worker died.
  bool Serve(Worker& self) {
    mp_region& header = region_.header();
    mp_worker& entry = header.workers[self.index];
    const uint32_t index = self.index;
    while (!stopping_ && python::Load(entry.stop) == 0) {
      if (self.killed) return false;
      const uint32_t seen = python::Load(header.work);
      mp_job* job = Take(index);
      if (job != nullptr) {
        if (!Run(*job, index, self)) return false;
        continue;
      }
      python::Add(header.idle, 1u);
      if (python::Load(header.work) == seen) {
        python::SleepWhile(header.work, seen, python::Clock::now() + std::chrono::milliseconds(5));
      }
      python::Add(header.idle, UINT32_MAX);
    }
    return true;
  }

  mp_job* Take(uint32_t worker) {
    mp_region& header = region_.header();
    for (;;) {
      uint64_t head = python::Load(header.head);
      if (head == python::Load(header.tail)) return nullptr;
      mp_job& job = header.jobs[python::Load(header.ring[head % MP_RING])];
      uint32_t queued = MP_STATE(MP_JOB_QUEUED, 0);
      const bool taken = python::Exchange(job.state, &queued, MP_STATE(MP_JOB_COPYING, worker));
      if (taken || MP_STATE_KIND(python::Load(job.state)) != MP_JOB_QUEUED)
        python::Exchange(header.head, &head, head + 1);
      if (taken) return &job;
    }
  }

  bool Run(mp_job& job, uint32_t worker, const Worker& self) {
    const auto data = [&](const mp_tensor& tensor) {
      return region_.absolute() ? reinterpret_cast<std::byte*>(tensor.at) : region_.At(tensor.at);
    };
    int32_t deed = kAnswer;
    if (job.n_inputs > 0) std::memcpy(&deed, data(job.inputs[0]), sizeof deed);
    uint32_t state = MP_STATE(MP_JOB_COPYING, worker);
    python::Exchange(job.state, &state, MP_STATE(MP_JOB_TAKEN, worker));
    if (deed == kDie) return false;
    if (deed == kLoad && !settings_.gate->Pass(self.killed)) return false;
    python::Store(job.model_begin_ns, uint64_t{1});
    if (deed == kBlock && !settings_.gate->Pass(self.killed)) return false;
    state = MP_STATE(MP_JOB_TAKEN, worker);
    if (!python::Exchange(job.state, &state, MP_STATE(MP_JOB_ANSWERING, worker))) {
      python::Store(job.state, MP_STATE(MP_JOB_RETURNED, worker));
    } else {
      Answer(job, deed, worker);
      const int32_t answer = 42;
      if (job.n_outputs > 0) std::memcpy(data(job.outputs[0]), &answer, sizeof answer);
      python::Store(job.state, MP_STATE(MP_JOB_DONE, worker));
    }
    python::Wake(job.state);
    return true;
  }
  void Answer(mp_job& job, int32_t deed, uint32_t worker) {
    const auto text = [&](const char* line, const char* trace) {
      const size_t n = std::strlen(line) + 1;
      std::memcpy(job.error, line, n);
      std::memcpy(job.error + n, trace, std::strlen(trace) + 1);
    };
    job.code = MS_OK;
    if (deed == kFail) {
      job.code = MS_INTERNAL;
      text("ValueError: no", "Traceback: line 1");
    } else if (deed == kExhaust && worker < settings_.exhausted_workers) {
      job.code = MS_INTERNAL;
      text("ImportError: cannot allocate memory in static TLS block", "");
    }
  }

  const FakeSettings settings_;
  python::Region& region_;
  python::LaunchEvents& events_;
  std::mutex mutex_;
  uint32_t started_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<bool> stopping_{false};
};

}  // namespace midstream::plugin_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_PYTHON_FAKE_WORKER_H_
