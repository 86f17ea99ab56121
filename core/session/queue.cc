#include "core/session/queue.h"

#include <algorithm>
#include <string>

namespace midstream::session {
namespace {

// A map's node that is in no map yet.
template <typename Map>
typename Map::node_type MakeNode(typename Map::key_type key, typename Map::mapped_type value) {
  Map map;
  map.emplace(std::move(key), std::move(value));
  return map.extract(map.begin());
}

Status Overloaded(const std::string& why) {
  return {Code::kResourceExhausted, "the session is overloaded: " + why};
}

}  // namespace

Status RequestQueue::Push(std::shared_ptr<Request> request) {
  if (size_ >= limits_.max_requests) {
    return Overloaded(std::to_string(size_) + " requests wait and queue.max_requests is " +
                      std::to_string(limits_.max_requests));
  }
  if (size_ > 0 && (bytes_ > limits_.max_bytes || request->bytes > limits_.max_bytes - bytes_)) {
    return Overloaded("requests with " + std::to_string(bytes_) +
                      " bytes of inputs wait, this one has " + std::to_string(request->bytes) +
                      " and queue.max_bytes is " + std::to_string(limits_.max_bytes));
  }
  // All that may throw, and then what changes the queue.
  request->sequence = sequence_++;
  Request& pushed = *request;
  BatchGroup* group =
      pushed.batch_key.empty() ? nullptr : &groups_.try_emplace(pushed.batch_key).first->second;
  Node node = MakeNode<Ready>(OrderOf(pushed), std::move(request));
  decltype(deadlines_)::node_type deadline;
  if (pushed.deadline_ns != kNever) {
    deadline = MakeNode<decltype(deadlines_)>({pushed.deadline_ns, pushed.sequence}, &pushed);
  }
  bool ready = true;
  if (pushed.caller != 0) {
    auto [caller, first] = callers_.try_emplace(pushed.caller);
    pushed.holds_caller = ready = first;
    if (!ready) caller->second.push_back(std::move(node));
  }

  ++size_;
  bytes_ += pushed.bytes;
  if (!deadline.empty()) deadlines_.insert(std::move(deadline));
  pushed.group = group;
  if (group != nullptr) ++group->members;
  pushed.place = Request::Place::kBehindCaller;
  if (ready) MakeReady(std::move(node));
  return OkStatus();
}

void RequestQueue::MakeReady(Node node) {
  Request& request = *node.mapped();
  request.place = Request::Place::kReady;
  if (request.group != nullptr) {
    ++request.group->ready;
    request.group->ready_rows += request.rows;
  }
  ready_.insert(std::move(node));
}

std::shared_ptr<Request> RequestQueue::Remove(Request& request) {
  std::shared_ptr<Request> removed;
  if (request.place == Request::Place::kReady) {
    auto it = ready_.find(OrderOf(request));
    removed = std::move(it->second);
    ready_.erase(it);
    if (request.group != nullptr) {
      --request.group->ready;
      request.group->ready_rows -= request.rows;
    }
  } else {
    auto& waiting = callers_.at(request.caller);
    auto it = std::find_if(waiting.begin(), waiting.end(),
                           [&](const Node& node) { return node.mapped().get() == &request; });
    removed = std::move(it->mapped());
    waiting.erase(it);
  }
  request.place = Request::Place::kOutside;
  if (request.group != nullptr && --request.group->members == 0) groups_.erase(request.batch_key);
  request.group = nullptr;
  if (request.deadline_ns != kNever) deadlines_.erase({request.deadline_ns, request.sequence});
  --size_;
  bytes_ -= request.bytes;
  return removed;
}

uint64_t RequestQueue::DueAt(const Request& request) const {
  if (request.group == nullptr || request.group->ready_rows >= batching_.max_rows) return 0;
  // Of the time until its deadline the other half is left to find a lane.
  const uint64_t patience = (request.deadline_ns - request.submitted_ns) / 2;
  return request.submitted_ns + std::min(batching_.max_delay_ns, patience);
}

void RequestQueue::TakeDue(uint64_t now, bool hurry, Requests* taken, uint64_t* due_ns) {
  *due_ns = kNever;
  for (auto& [order, request] : ready_) {
    const uint64_t due = hurry ? 0 : DueAt(*request);
    if (due <= now) return TakeBatch(*request, taken);
    *due_ns = std::min(*due_ns, due);
  }
}

// The leader, which is due, and in their order others that fit into its batch.
void RequestQueue::TakeBatch(Request& leader, Requests* taken) {
  const BatchGroup* group = leader.group;
  size_t others = group == nullptr ? 0 : group->ready - 1;
  int64_t free = batching_.max_rows - leader.rows;
  taken->push_back(Remove(leader));
  for (auto it = ready_.begin(); others > 0 && free > 0 && it != ready_.end();) {
    Request& candidate = *(it++)->second;
    if (candidate.group != group) continue;
    if (taken->size() == taken->capacity()) return;
    --others;
    if (candidate.rows > free) continue;
    free -= candidate.rows;
    taken->push_back(Remove(candidate));
  }
}

std::shared_ptr<Request> RequestQueue::TakeExpired(uint64_t now) {
  return earliest_deadline() <= now ? Remove(*deadlines_.begin()->second) : nullptr;
}

std::shared_ptr<Request> RequestQueue::TakeAny() {
  if (!ready_.empty()) return Remove(*ready_.begin()->second);
  for (auto& [caller, waiting] : callers_) {
    if (!waiting.empty()) return Remove(*waiting.front().mapped());
  }
  return nullptr;
}

std::shared_ptr<Request> RequestQueue::Take(Request& request) {
  return request.place == Request::Place::kOutside ? nullptr : Remove(request);
}

void RequestQueue::Release(Request& request) {
  if (!request.holds_caller) return;
  request.holds_caller = false;
  auto caller = callers_.find(request.caller);
  if (caller->second.empty()) {
    callers_.erase(caller);
    return;
  }
  Node next = std::move(caller->second.front());
  caller->second.pop_front();
  next.mapped()->holds_caller = true;
  MakeReady(std::move(next));
}

}  // namespace midstream::session
