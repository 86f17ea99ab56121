#include "core/session/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace midstream::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Wanted {
  int32_t priority = 0;
  uint64_t caller = 0;
  uint64_t deadline_ns = kNever;
  std::vector<int64_t> batch_key = {};
  int64_t rows = 1;
  uint64_t submitted_ns = 0;
};

// `id` stands in answered_by.
std::shared_ptr<Request> Make(uint64_t id, const Wanted& wanted = {}) {
  auto request = std::make_shared<Request>();
  request->answered_by = id;
  request->priority = wanted.priority;
  request->caller = wanted.caller;
  request->deadline_ns = wanted.deadline_ns;
  request->batch_key = wanted.batch_key;
  request->rows = wanted.rows;
  request->submitted_ns = wanted.submitted_ns;
  request->bytes = 8;
  return request;
}

class QueueTest : public ::testing::Test {
 protected:
  void Push(uint64_t id, const Wanted& wanted = {}) {
    requests_[id] = Make(id, wanted);
    EXPECT_TRUE(queue_.Push(requests_[id]).ok());
  }
  std::vector<uint64_t> TakeDue(uint64_t now = 0, bool hurry = false) {
    Requests taken;
    taken.reserve(100);
    queue_.TakeDue(now, hurry, &taken, &due_);
    std::vector<uint64_t> ids;
    for (const auto& request : taken) ids.push_back(request->answered_by);
    return ids;
  }
  void Release(uint64_t id) { queue_.Release(*requests_.at(id)); }

  RequestQueue queue_{{100, 1000}, {4, 50}};
  std::map<uint64_t, std::shared_ptr<Request>> requests_;
  uint64_t due_ = 0;
};

TEST_F(QueueTest, HandsOutByPriorityThenAge) {
  Push(1);
  Push(2, {.priority = 5});
  Push(3, {.priority = INT32_MIN});
  Push(4, {.priority = 5});
  Push(5, {.priority = INT32_MAX});
  for (uint64_t id : {5, 2, 4, 1, 3}) EXPECT_THAT(TakeDue(), ElementsAre(id));
  EXPECT_THAT(TakeDue(), IsEmpty());
  EXPECT_EQ(due_, kNever);
  EXPECT_EQ(queue_.bytes(), 0u);
}

TEST_F(QueueTest, KeepsCallersInOrder) {
  Push(1, {.caller = 9});
  Push(2, {.priority = 1, .caller = 9});
  Push(3, {.caller = 9});
  Push(4, {.caller = 8});
  EXPECT_THAT(TakeDue(), ElementsAre(1));
  EXPECT_THAT(TakeDue(), ElementsAre(4)) << "2 and 3 wait behind 1";
  EXPECT_THAT(TakeDue(), IsEmpty());
  Release(1);
  EXPECT_THAT(TakeDue(), ElementsAre(2));
  EXPECT_EQ(queue_.Take(*requests_[3]), requests_[3]);
  EXPECT_EQ(queue_.Take(*requests_[3]), nullptr);
  Release(3);  // it never was its caller's turn
  Push(5, {.caller = 9});
  EXPECT_THAT(TakeDue(), IsEmpty()) << "2 is not done";
  Release(2);
  EXPECT_THAT(TakeDue(), ElementsAre(5));
  Release(5);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(QueueTest, FindsWhatHasExpiredAlsoBehindACaller) {
  Push(1, {.caller = 9, .deadline_ns = 30});
  Push(2, {.caller = 9, .deadline_ns = 10});
  Push(3, {.deadline_ns = 20});
  EXPECT_EQ(queue_.earliest_deadline(), 10u);
  EXPECT_EQ(queue_.TakeExpired(9), nullptr);
  EXPECT_EQ(queue_.TakeExpired(20), requests_[2]);
  EXPECT_EQ(queue_.TakeExpired(20), requests_[3]);
  EXPECT_EQ(queue_.TakeExpired(20), nullptr);
  EXPECT_THAT(TakeDue(), ElementsAre(1));
  EXPECT_EQ(queue_.earliest_deadline(), kNever);
}

TEST_F(QueueTest, FillsBatchesOfOneKey) {
  const std::vector<int64_t> a = {1}, b = {2};
  Push(1, {.batch_key = a});
  Push(2, {.batch_key = b, .rows = 2});
  Push(3, {.batch_key = a, .rows = 4});
  Push(4, {.batch_key = a, .rows = 2});
  Push(5, {.priority = -1, .batch_key = a});
  Push(6, {.batch_key = b, .rows = 2});
  EXPECT_THAT(TakeDue(), ElementsAre(1, 4, 5)) << "3 does not fit";
  EXPECT_THAT(TakeDue(), ElementsAre(2, 6)) << "4 rows are a full batch";
  EXPECT_THAT(TakeDue(), ElementsAre(3));
}

TEST_F(QueueTest, LetsBatchesWaitForMore) {
  const std::vector<int64_t> a = {1}, b = {2};
  Push(1, {.batch_key = a, .submitted_ns = 100});
  Push(2, {.batch_key = b, .submitted_ns = 90});
  EXPECT_THAT(TakeDue(120), IsEmpty());
  EXPECT_EQ(due_, 140u);
  EXPECT_THAT(TakeDue(140), ElementsAre(2));
  EXPECT_THAT(TakeDue(140), IsEmpty());
  EXPECT_EQ(due_, 150u);
  Push(3, {.priority = 1, .batch_key = a, .rows = 3, .submitted_ns = 145});
  EXPECT_THAT(TakeDue(145), ElementsAre(3, 1)) << "full";
  Push(4, {.batch_key = a, .submitted_ns = 200});
  EXPECT_THAT(TakeDue(200, true), ElementsAre(4)) << "in a hurry";
  Push(5, {.submitted_ns = 300});
  EXPECT_THAT(TakeDue(300), ElementsAre(5)) << "never in a batch";
}

TEST_F(QueueTest, WithADeadlineWaitsForABatchForHalfItsTime) {
  Push(1, {.deadline_ns = 140, .batch_key = {1}, .submitted_ns = 100});
  EXPECT_THAT(TakeDue(119), IsEmpty());
  EXPECT_EQ(due_, 120u);
  EXPECT_THAT(TakeDue(120), ElementsAre(1));
}

TEST_F(QueueTest, AMoreUrgentRequestLeadsTheBatchThatAnOlderOneMakesDue) {
  const std::vector<int64_t> a = {1};
  Push(1, {.batch_key = a, .submitted_ns = 100});
  Push(2, {.priority = 1, .batch_key = a, .rows = 2, .submitted_ns = 140});
  EXPECT_THAT(TakeDue(150), ElementsAre(1, 2)) << "both, before either waits longer";
}

TEST_F(QueueTest, HoldsWhatItsLimitsAllow) {
  RequestQueue queue({2, 20}, {});
  auto large = Make(1);
  large->bytes = 500;
  EXPECT_TRUE(queue.Push(large).ok()) << "nothing else is there";
  EXPECT_EQ(queue.Push(Make(2)).code(), Code::kResourceExhausted);
  EXPECT_EQ(queue.Take(*large), large);
  EXPECT_TRUE(queue.Push(Make(3)).ok());
  EXPECT_TRUE(queue.Push(Make(4)).ok());
  EXPECT_EQ(queue.Push(Make(5)).code(), Code::kResourceExhausted);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.bytes(), 16u);
}

// Whatever happens in which order, every request comes out once, those of a caller in order.
TEST(RequestQueue, LosesNothing) {
  std::mt19937 random(5);
  const auto below = [&](uint32_t n) { return random() % n; };
  RequestQueue queue({1000, 1 << 20}, {4, 50});
  std::vector<std::shared_ptr<Request>> inside, outside;  // outside: taken and not yet released
  std::map<uint64_t, uint64_t> last;                      // executed, by caller
  std::map<uint64_t, int> held;
  size_t pushed = 0, gone = 0;
  uint64_t now = 0, due = 0;
  auto leave = [&](const std::shared_ptr<Request>& request) {
    ++gone;
    ASSERT_EQ(std::erase(inside, request), 1u);
    outside.push_back(request);
  };
  for (int step = 0; step < 20000; ++step) {
    now += below(20);
    switch (below(6)) {
      case 0:
      case 1: {
        Wanted wanted{.priority = static_cast<int32_t>(below(3)), .caller = below(4)};
        wanted.submitted_ns = now;
        if (below(3) == 0) wanted.deadline_ns = now + below(100);
        if (below(2) == 0) wanted.batch_key.push_back(below(2) == 0 ? 1 : 2);
        auto request = Make(++pushed, wanted);
        if (queue.Push(request).ok())
          inside.push_back(request);
        else
          ++gone;
        break;
      }
      case 2: {
        Requests taken;
        taken.reserve(3);
        queue.TakeDue(now, below(5) == 0, &taken, &due);
        ASSERT_LE(taken.size(), 3u);
        for (const auto& request : taken) {
          ASSERT_NO_FATAL_FAILURE(leave(request));
          if (request->caller == 0) continue;
          ASSERT_EQ(held[request->caller]++, 0);
          ASSERT_LT(last[request->caller], request->answered_by);
          last[request->caller] = request->answered_by;
        }
        break;
      }
      case 3:
        if (auto request = queue.TakeExpired(now)) {
          ASSERT_LE(request->deadline_ns, now);
          ASSERT_NO_FATAL_FAILURE(leave(request));
          if (request->holds_caller) ++held[request->caller];
        }
        break;
      case 4:
        if (!inside.empty() && below(3) == 0) {
          auto request = inside[below(static_cast<uint32_t>(inside.size()))];
          ASSERT_EQ(queue.Take(*request), request);
          ASSERT_NO_FATAL_FAILURE(leave(request));
          if (request->holds_caller) ++held[request->caller];
        }
        break;
      default:
        while (!outside.empty() && below(3) != 0) {
          auto request = outside.back();
          outside.pop_back();
          if (request->holds_caller) --held[request->caller];
          queue.Release(*request);
        }
    }
    ASSERT_EQ(queue.size(), inside.size());
    ASSERT_EQ(queue.bytes(), 8 * inside.size());
  }
  for (const auto& request : outside) queue.Release(*request);
  while (auto request = queue.TakeAny()) {
    ASSERT_EQ(std::erase(inside, request), 1u);
    ++gone;
    queue.Release(*request);
  }
  EXPECT_THAT(inside, IsEmpty());
  EXPECT_EQ(gone, pushed);
}

}  // namespace
}  // namespace midstream::session
