#include "core/session/request.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/spin.h"
#include "core/session/scheduler.h"

namespace midstream::session {

uint64_t Now() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

uint64_t After(uint64_t now, std::chrono::nanoseconds duration) {
  const auto span = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
  // The clock's own type is signed.
  return span > static_cast<uint64_t>(INT64_MAX) - now ? kNever : now + span;
}

void Request::Complete() {
  inputs.clear();
  version.reset();
  std::vector<Response::Callback> callbacks;
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    done_.store(true, std::memory_order_release);
    callbacks.swap(callbacks_);
    wake = sleepers_ > 0;
  }
  if (wake) completed_.notify_all();
  for (const Response::Callback& callback : callbacks) callback(Response(shared_from_this()));
}

bool Request::SleepUntil(uint64_t until_ns) {
  {
    const SpinPermit permit;
    if (permit.granted() && SpinUntil([&] { return done(); })) return true;
  }
  std::unique_lock lock(mutex_);
  ++sleepers_;
  if (until_ns == kNever) {
    completed_.wait(lock, [&] { return done(); });
  } else {
    const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(until_ns)};
    completed_.wait_until(lock, until, [&] { return done(); });
  }
  --sleepers_;
  return done();
}

bool Request::WaitUntil(uint64_t until_ns) {
  if (done()) return true;
  if (until_ns == 0) return false;
  if (SleepUntil(std::min(until_ns, deadline_ns))) return true;
  if (Now() >= deadline_ns) {
    if (auto owner = scheduler.lock()) owner->Expire(*this);
    SleepUntil(until_ns);
  }
  return done();
}

bool Request::CallLater(Response::Callback* callback) {
  std::lock_guard lock(mutex_);
  if (done()) return false;
  callbacks_.push_back(std::move(*callback));
  return true;
}

}  // namespace midstream::session

namespace midstream {

bool Response::Ready() const { return request_->done(); }

bool Response::Wait(std::chrono::nanoseconds timeout) const {
  if (timeout.count() <= 0) return Ready();
  return request_->WaitUntil(session::After(session::Now(), timeout));
}

Result<RunResult> Response::Get() const {
  request_->WaitUntil(session::kNever);
  if (!request_->status.ok()) return request_->status;
  RunResult result;
  result.version = request_->answered_by;
  result.outputs.reserve(request_->outputs.size());
  for (size_t i = 0; i < request_->outputs.size(); ++i) {
    result.outputs.push_back({(*request_->output_specs)[i].name, request_->outputs[i]});
  }
  return result;
}

bool Response::Cancel() const {
  auto owner = request_->scheduler.lock();
  return owner != nullptr && owner->Cancel(*request_);
}

void Response::OnReady(Callback callback) const {
  if (!request_->CallLater(&callback)) callback(*this);
}

bool Response::CallLater(Callback callback) const { return request_->CallLater(&callback); }

}  // namespace midstream
