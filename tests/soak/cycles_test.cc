// Loading and unloading leave nothing behind, and updates neither compile nor allocate.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/engine/engine.h"
#include "core/formats/npy/npy.h"
#include "tests/soak/scale.h"
#include "tests/soak/sentinel.h"

namespace midstream {
namespace {

const std::string kDigits = std::string(MS_TEST_DATA) + "/digits/";

size_t OpenDescriptors() {
  const std::filesystem::directory_iterator folder("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(folder), end(folder)));
}

size_t ResidentBytes() {
  size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

class Cycles : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Backends, Cycles, ::testing::Values("reference", "cpu_blas"));

TEST_P(Cycles, LoadingAndUnloadingLeaveNothing) {
  auto engine = Engine::Open("", {"backend=" + GetParam(), "plugins.dir=" MS_PLUGIN_DIR});
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  const Tensor images = *formats::ReadNpy(kDigits + "eval_images.npy");
  const Tensor one = Tensor::Wrap(DType::kF32, {1, 784}, images.data(), nullptr);
  const auto cycle = [&](bool unload) {
    auto model = engine->Load(kDigits + "mnist_deep_model.ckpt-0");
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    auto session = model->CreateSession({{}, {"fc2/add:0"}, {}});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    ASSERT_TRUE(session->Run({{"Placeholder", one}}).ok());
    ASSERT_TRUE(model->UpdateFrom(kDigits + "mnist_deep_model.ckpt-25").ok());
    ASSERT_TRUE(session->Run({{"Placeholder", one}}).ok());
    if (!unload) return;
    model->Unload();
    ASSERT_FALSE(session->Run({{"Placeholder", one}}).ok());
  };
  const int64_t cycles = SoakCount(100, 1'000);
  // Odd ones unload: nothing of theirs is left to the reaper.
  for (int64_t i = 0; i < 10; ++i) cycle(i % 2 == 1);
  const size_t descriptors = OpenDescriptors();
  const uint64_t held = Engine::stats().backend_bytes;
  malloc_trim(0);
  const size_t resident = ResidentBytes();
  for (int64_t i = 0; i < cycles; ++i) {
    cycle(i % 2 == 1 || i + 1 == cycles);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(OpenDescriptors(), descriptors);
  EXPECT_EQ(Engine::stats().backend_bytes, held);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The allocator's own bookkeeping and fragments, far from one model a cycle (0.5 MB).
  malloc_trim(0);
  EXPECT_LT(ResidentBytes(), resident + (size_t{4} << 20));
#endif
  std::cout << cycles << " cycles: " << resident << " bytes before, " << ResidentBytes()
            << " after\n";
}

TEST_P(Cycles, UpdatesCompileAndAllocateNothing) {
  auto made = Sentinel::Make(GetParam(), 1);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  weights::Store& store = (*made)->store();
  const std::vector<Tensor> sets[] = {Sentinel::Values(5), Sentinel::Values(6)};
  const auto push = [&](int64_t i) {
    weights::Transaction update = store.Begin();
    for (size_t k = 0; k < Sentinel::names().size(); ++k) {
      update.Put(Sentinel::names()[k], sets[i % 2][k]);
    }
    ASSERT_TRUE(update.Commit().ok());
  };
  for (int64_t i = 0; i < 8; ++i) push(i);
  const EngineStats before = Engine::stats();
  const int64_t updates = SoakCount(10'000, 100'000);
  for (int64_t i = 0; i < updates; ++i) push(i);
  const EngineStats after = Engine::stats();
  EXPECT_EQ(after.compiles, before.compiles);
  EXPECT_EQ(after.system_allocations, before.system_allocations);
  EXPECT_EQ(after.backend_bytes, before.backend_bytes);
}

}  // namespace
}  // namespace midstream
