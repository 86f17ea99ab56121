// A watched folder, with a model that takes any file that begins with "good".
#include "core/sources/folder_watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include "core/base/file.h"
#include "tests/core/sources/events_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::sources {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FolderWatchTest : public testing::Test {
 protected:
  FolderWatchTest() { fs::create_directory(folder_); }

  std::string At(const std::string& name) const { return folder_ + "/" + name; }
  // As a trainer publishes: complete, under its name at once.
  void Publish(const std::string& name, const std::string& text) const {
    std::ofstream(root_ + "/next") << text;
    fs::rename(root_ + "/next", At(name));
  }

  Status Start(SettleTimes times = {std::chrono::milliseconds(5), std::chrono::milliseconds(20)}) {
    auto watch = FolderWatch::Start(
        folder_, times, [this](const std::string& path) { return Apply(path); },
        events_.callback());
    if (!watch.ok()) return watch.status();
    watch_ = *std::move(watch);
    return OkStatus();
  }

  Result<AppliedWeights> Apply(const std::string& path) {
    if (before_read_) before_read_(path);
    MS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1000));
    if (!text.starts_with("good")) return DataLoss(path + " is bad");
    return AppliedWeights{++version_, 1, 0, 0};
  }

  // The next event is a version made of the file `name`.
  void ExpectTaken(const std::string& name) {
    const auto event = events_.Next();
    ASSERT_TRUE(event.has_value());
    EXPECT_TRUE(event->status.ok()) << event->status.ToString();
    EXPECT_EQ(event->source, At(name));
    EXPECT_EQ(event->applied.version, version_.load());
  }
  void ExpectRefused(Code code, const std::string& text) {
    const auto event = events_.Next();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->status.code(), code);
    EXPECT_THAT(std::string(event->status.message()), HasSubstr(text));
  }

  const TemporaryFolder temporary_;
  const std::string root_ = temporary_.path();
  std::string folder_ = root_ + "/runs";
  Events events_;
  std::atomic<uint64_t> version_{0};
  std::function<void(const std::string& path)> before_read_;  // on the watch's thread
  std::unique_ptr<FolderWatch> watch_;
};

TEST_F(FolderWatchTest, TakesTheNewestThatIsThere) {
  Publish("1.safetensors", "good");
  Publish("2.npz", "good");
  ASSERT_TRUE(Start().ok());
  ExpectTaken("2.npz");
  EXPECT_EQ(events_.count(), 1u);
}

TEST_F(FolderWatchTest, TakesWhatComes) {
  ASSERT_TRUE(Start().ok());
  for (const char* name : {"1.safetensors", "2.safetensors", "1.safetensors", "3.npz"}) {
    Publish(name, "good");
    ExpectTaken(name);
  }
}

TEST_F(FolderWatchTest, FollowsACheckpointFile) {
  ASSERT_TRUE(Start().ok());
  for (const char* name : {"m-1", "m-2"}) {
    Publish(name, "good");  // format V1
    Publish("checkpoint", std::string("model_checkpoint_path: \"") + name + "\"\n");
    ExpectTaken(name);
  }
}

TEST_F(FolderWatchTest, WaitsForTheFilesOfACheckpointThenSaysSoOnce) {
  Publish("checkpoint", "model_checkpoint_path: \"m-1\"\n");
  ASSERT_TRUE(Start().ok());
  ExpectRefused(Code::kNotFound, "'m-1'");
  Publish("m-1", "good");
  ExpectTaken("m-1");
}

TEST_F(FolderWatchTest, ABadFileIsReportedOnceAndAGoodOneInItsPlaceIsTaken) {
  ASSERT_TRUE(Start().ok());
  Publish("a.npz", "bad");
  ExpectRefused(Code::kDataLoss, "a.npz is bad");
  Publish("b.npz", "good");  // the folder is looked at again
  ExpectTaken("b.npz");
  Publish("a.npz", "good");
  ExpectTaken("a.npz");
  EXPECT_EQ(events_.count(), 3u);
}

TEST_F(FolderWatchTest, LeavesAFileAloneUntilItsWriterClosesIt) {
  ASSERT_TRUE(Start().ok());
  const int slow = open(At("slow.npz").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(slow, 0);
  ASSERT_EQ(write(slow, "go", 2), 2);
  Publish("other.npz", "good");
  ExpectTaken("other.npz");
  ASSERT_EQ(write(slow, "od", 2), 2);
  close(slow);
  ExpectTaken("slow.npz");
  EXPECT_EQ(events_.count(), 2u);
}

TEST_F(FolderWatchTest, TakesTheNewestOfThoseThatCameMeanwhile) {
  before_read_ = [this](const std::string& path) {
    if (path != At("1.npz")) return;
    for (const char* name : {"2.npz", "3.npz", "4.npz"}) Publish(name, "good");
  };
  Publish("1.npz", "good");
  ASSERT_TRUE(Start({std::chrono::milliseconds(100), std::chrono::milliseconds(100)}).ok());
  ExpectTaken("1.npz");
  const auto event = events_.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->source, At("4.npz"));
  EXPECT_EQ(event->superseded, 2u);
  EXPECT_EQ(version_.load(), 2u);
}

TEST_F(FolderWatchTest, AFileThatDisappearsBeforeItIsReadIsReported) {
  before_read_ = [this](const std::string& path) {
    if (path == At("gone.npz")) fs::remove(path);
  };
  Publish("gone.npz", "good");
  ASSERT_TRUE(Start().ok());
  ExpectRefused(Code::kNotFound, "gone.npz disappeared before it was read");
  Publish("a.npz", "good");
  ExpectTaken("a.npz");
}

TEST_F(FolderWatchTest, AFileThatChangesWhileItIsReadIsReportedOnceAndTakenWhenItIsQuiet) {
  std::atomic<int> writes{3};
  before_read_ = [&](const std::string& path) {
    if (writes-- > 0) std::ofstream(path, std::ios::app) << "still bad";
  };
  Publish("a.npz", "bad");
  ASSERT_TRUE(Start().ok());
  ExpectRefused(Code::kDataLoss, "a.npz is bad");
  // Quiet now, and bad: that is another thing to say.
  ExpectRefused(Code::kDataLoss, "a.npz is bad");
  EXPECT_LT(writes.load(), 0);
  Publish("a.npz", "good");
  ExpectTaken("a.npz");
  EXPECT_EQ(events_.count(), 3u);
}

TEST_F(FolderWatchTest, ALinkThatIsTurnedIsFollowed) {
  const auto turn = [this](const std::string& target) {
    fs::create_symlink(target, root_ + "/link");
    fs::rename(root_ + "/link", At("latest.npz"));
  };
  fs::create_directory(root_ + "/store");
  std::ofstream(root_ + "/store/1") << "good 1";
  std::ofstream(root_ + "/store/2") << "good 2";
  ASSERT_TRUE(Start().ok());
  for (const char* target : {"../store/1", "../store/2", "../store/1"}) {
    turn(target);
    ExpectTaken("latest.npz");
  }
}

TEST_F(FolderWatchTest, AFolderThatVanishesIsReportedOnceAndWatchedAgain) {
  Publish("1.npz", "good");
  ASSERT_TRUE(Start().ok());
  ExpectTaken("1.npz");
  fs::rename(folder_, root_ + "/old");
  ExpectRefused(Code::kNotFound, folder_);
  fs::create_directory(folder_);
  Publish("2.npz", "good");
  ExpectTaken("2.npz");
  Publish("3.npz", "good");
  ExpectTaken("3.npz");
  fs::remove_all(folder_);
  ExpectRefused(Code::kNotFound, folder_);
}

TEST_F(FolderWatchTest, AFolderThatIsSwappedIsNoticed) {
  fs::rename(folder_, root_ + "/one");
  fs::create_directory(root_ + "/two");
  std::ofstream(root_ + "/two/b.npz") << "good";
  fs::create_symlink("one", folder_);
  ASSERT_TRUE(Start().ok());
  Publish("a.npz", "good");
  ExpectTaken("a.npz");
  fs::create_symlink("two", root_ + "/link");
  fs::rename(root_ + "/link", folder_);
  ExpectTaken("b.npz");
}

TEST_F(FolderWatchTest, SurvivesMoreEventsThanTheSystemKeeps) {
  std::atomic<bool> flooded{false};
  before_read_ = [&](const std::string& path) {
    if (path != At("1.npz")) return;
    for (int i = 0; i < 12000; ++i) {  // each makes more than one of 16384
      const int file =
          open(At("x" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      close(file);
    }
    Publish("2.npz", "good");
    flooded = true;
  };
  Publish("1.npz", "good");
  ASSERT_TRUE(Start().ok());
  ExpectTaken("1.npz");
  EXPECT_TRUE(flooded);
  ExpectTaken("2.npz");
  Publish("3.npz", "good");
  ExpectTaken("3.npz");
}

TEST_F(FolderWatchTest, ExceptionsOfTheModelAreRefusals) {
  before_read_ = [](const std::string&) { throw std::bad_alloc(); };
  Publish("1.npz", "good");
  ASSERT_TRUE(Start().ok());
  ExpectRefused(Code::kResourceExhausted, "1.npz: out of memory");
}

TEST_F(FolderWatchTest, NothingHappensAfterStop) {
  ASSERT_TRUE(Start().ok());
  Publish("1.npz", "good");
  ExpectTaken("1.npz");
  watch_->Stop();
  Publish("2.npz", "good");
  watch_->Stop();
  EXPECT_EQ(events_.count(), 1u);
  EXPECT_EQ(version_.load(), 1u);
}

TEST_F(FolderWatchTest, MayBeEndedByItsOwnCallback) {
  Publish("1.npz", "good");
  auto ended = std::make_shared<std::promise<void>>();  // the callback outlives the wait for it
  std::mutex ready;
  std::unique_lock lock(ready);
  auto watch = FolderWatch::Start(
      folder_, {}, [this](const std::string& path) { return Apply(path); },
      [this, ended, &ready](const SourceEvent&) {
        { std::lock_guard wait(ready); }
        watch_->Stop();
        watch_.reset();
        ended->set_value();
      });
  ASSERT_TRUE(watch.ok());
  watch_ = *std::move(watch);
  lock.unlock();
  ended->get_future().wait();
}

TEST_F(FolderWatchTest, RefusesWhatIsNoFolder) {
  std::ofstream(root_ + "/file") << "x";
  folder_ = root_ + "/file";
  EXPECT_EQ(Start().code(), Code::kInvalidArgument);
  folder_ = root_ + "/none";
  EXPECT_EQ(Start().code(), Code::kNotFound);
  folder_ = root_ + "/runs";
}

}  // namespace
}  // namespace midstream::sources
