// Fences and profiles of queues.
#include "tests/plugins/opencl/opencl_testing.h"

namespace midstream::plugin_testing {
namespace {

using Buffer = std::unique_ptr<ms_buffer, void (*)(ms_buffer*)>;

class OpenClQueue : public OpenCl {
 protected:
  void SetUp() override {
    OpenCl::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto device = Open(plugin_);
    ASSERT_TRUE(device.ok()) << device.status().ToString();
    device_ = *device;
    ASSERT_EQ(table().queue_open(device_->handle(), 0, &queue_, &error_), MS_OK);
  }
  void TearDown() override {
    if (queue_ != nullptr) table().queue_close(queue_);
  }
  const ms_backend& table() const { return device_->table(); }
  Buffer Allocate(uint64_t bytes) {
    ms_buffer* buffer = nullptr;
    EXPECT_EQ(table().buffer_alloc(device_->handle(), bytes, &buffer, &error_), MS_OK);
    return {buffer, table().buffer_release};
  }
  static ms_tensor In(const Buffer& buffer, const Tensor& like) {
    ms_tensor tensor = backend::HostTensor(like);
    tensor.buffer = buffer.get();
    tensor.data = nullptr;
    return tensor;
  }

  std::shared_ptr<backend::Device> device_;
  ms_queue* queue_ = nullptr;
  ms_error error_ = {sizeof(ms_error), 0, {}};
};

TEST_F(OpenClQueue, AFenceThatNothingSignalsTimesOut) {
  const ms_fence fence{queue_, 7};
  EXPECT_EQ(table().fence_query(&fence, &error_), MS_UNAVAILABLE);
  EXPECT_EQ(table().fence_wait(&fence, 2'000'000, &error_), MS_DEADLINE_EXCEEDED);
  EXPECT_STREQ(error_.message, "the fence was not reached in time");
}

TEST_F(OpenClQueue, CopiesInOrderAndSignals) {
  const Tensor from = Floats({1000}, 3);
  Tensor to = Floats({1000}, 0);
  const Buffer first = Allocate(from.byte_size()), second = Allocate(from.byte_size());
  const ms_tensor source = backend::HostTensor(from), a = In(first, from), b = In(second, from),
                  target = backend::HostTensor(to);
  ASSERT_EQ(table().queue_copy(queue_, &source, &a, 1, &error_), MS_OK);
  ASSERT_EQ(table().queue_copy(queue_, &a, &b, 2, &error_), MS_OK);
  ASSERT_EQ(table().queue_copy(queue_, &b, &target, 5, &error_), MS_OK);
  const ms_fence end{queue_, 4};  // reached with 5
  ASSERT_EQ(table().fence_wait(&end, 10'000'000'000, &error_), MS_OK) << error_.message;
  EXPECT_TRUE(BitEqual(from, to));
  const ms_fence beyond{queue_, 6};
  EXPECT_EQ(table().fence_query(&beyond, &error_), MS_UNAVAILABLE);
}

TEST_F(OpenClQueue, ProfilesWorkInTheHostsTime) {
  const auto* profile = static_cast<const ms_profile_api*>(plugin_->get_extension(MS_EXT_PROFILE));
  ASSERT_NE(profile, nullptr);
  ASSERT_EQ(profile->enable(queue_, 1, &error_), MS_OK) << error_.message;
  const Tensor from = Floats({1000}, 3);
  const Buffer buffer = Allocate(from.byte_size());
  const ms_tensor source = backend::HostTensor(from), target = In(buffer, from);
  auto now = [] {
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  };
  const uint64_t begin = now();
  ASSERT_EQ(table().queue_copy(queue_, &source, &target, 1, &error_), MS_OK);
  const ms_fence fence{queue_, 1};
  ASSERT_EQ(table().fence_wait(&fence, 10'000'000'000, &error_), MS_OK);
  const uint64_t end = now();
  std::vector<ms_profile_event> events;
  auto sink = [](void* user, const ms_profile_event* event) {
    static_cast<std::vector<ms_profile_event>*>(user)->push_back(*event);
  };
  ASSERT_EQ(profile->read(queue_, sink, &events, &error_), MS_OK);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].node, MS_NONE);
  EXPECT_EQ(events[0].plan, nullptr);
  EXPECT_LE(events[0].begin_ns, events[0].end_ns);
  constexpr uint64_t kSlack = 50'000'000;  // how well two clocks are compared on a busy machine
  EXPECT_GE(events[0].begin_ns + kSlack, begin);
  EXPECT_LE(events[0].end_ns, end + kSlack);
  events.clear();
  ASSERT_EQ(profile->read(queue_, sink, &events, &error_), MS_OK);
  EXPECT_TRUE(events.empty());
  ASSERT_EQ(profile->enable(queue_, 0, &error_), MS_OK);
}

}  // namespace
}  // namespace midstream::plugin_testing
