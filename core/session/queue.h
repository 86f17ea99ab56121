// RequestQueue: the requests of one session that wait, and which of them is next.
//
// Larger priorities first, equal ones in the order of submission. Of a caller with a number only
// one request at a time is ready or taken out; its later ones wait behind it. Requests with equal
// batch keys are handed out together. What the queue holds is bounded. Only Push allocates, and when
// it throws the queue is what it was.
//
// Threads: none; the scheduler's lock guards it.
#ifndef MIDSTREAM_CORE_SESSION_QUEUE_H_
#define MIDSTREAM_CORE_SESSION_QUEUE_H_

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/session/request.h"

namespace midstream::session {

struct QueueLimits {
  size_t max_requests = 1024;
  uint64_t max_bytes = uint64_t{256} << 20;  // of inputs
};

struct BatchLimits {
  int64_t max_rows = 1;  // of one batch; 1: no batches
  uint64_t max_delay_ns = 0;
};

// The requests of one batch key.
struct BatchGroup {
  size_t members = 0;
  size_t ready = 0;
  int64_t ready_rows = 0;
};

using Requests = std::vector<std::shared_ptr<Request>>;

class RequestQueue {
 public:
  RequestQueue(QueueLimits limits, BatchLimits batching) : limits_(limits), batching_(batching) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  uint64_t bytes() const { return bytes_; }
  // kNever: nothing here expires.
  uint64_t earliest_deadline() const {
    return deadlines_.empty() ? kNever : deadlines_.begin()->first.first;
  }

  // An empty queue takes a request of any size. Errors: RESOURCE_EXHAUSTED naming the key.
  Status Push(std::shared_ptr<Request> request);

  // Takes out what should execute at `now`, one request or a batch of at most taken->capacity();
  // nothing where all that is ready may still wait for its batch to fill, until *due_ns at the
  // latest (kNever: nothing is ready). hurry: batches do not wait.
  void TakeDue(uint64_t now, bool hurry, Requests* taken, uint64_t* due_ns);
  // One that has passed its deadline, or null.
  std::shared_ptr<Request> TakeExpired(uint64_t now);
  // Any one; null when the queue is empty.
  std::shared_ptr<Request> TakeAny();
  // Null: it is not in here.
  std::shared_ptr<Request> Take(Request& request);

  // A request that was taken out is done: its caller's next one may follow.
  void Release(Request& request);

 private:
  using Order = std::pair<int64_t, uint64_t>;  // (-priority, sequence)
  static Order OrderOf(const Request& request) {
    return {-int64_t{request.priority}, request.sequence};
  }
  using Ready = std::map<Order, std::shared_ptr<Request>>;
  using Node = Ready::node_type;

  void MakeReady(Node node);
  std::shared_ptr<Request> Remove(Request& request);
  uint64_t DueAt(const Request& request) const;
  void TakeBatch(Request& leader, Requests* taken);

  const QueueLimits limits_;
  const BatchLimits batching_;
  size_t size_ = 0;
  uint64_t bytes_ = 0;
  uint64_t sequence_ = 0;
  Ready ready_;
  std::map<std::pair<uint64_t, uint64_t>, Request*> deadlines_;  // (deadline, sequence)
  std::map<std::vector<int64_t>, BatchGroup> groups_;
  // Callers with a request that is ready or taken out, and what waits behind it.
  std::unordered_map<uint64_t, std::deque<Node>> callers_;
};

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_QUEUE_H_
