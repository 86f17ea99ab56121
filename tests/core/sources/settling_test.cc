// Which candidate is taken when; the clock and the folder are the test's.
#include "core/sources/settling.h"

#include <gtest/gtest.h>

namespace midstream::sources {
namespace {

using std::chrono::milliseconds;

class SettlingTest : public testing::Test {
 protected:
  // A file whose bytes are number `bytes`, written at `modified`.
  static Candidate File(const std::string& name, uint64_t bytes, int64_t modified) {
    const std::string path = "/runs/" + name;
    const FileIdentity file{path, 1, bytes, 100, modified, modified};
    return {name, file, path, {file}, {}};
  }
  static Candidate Checkpoint(int64_t modified, uint64_t bytes, const std::string& prefix) {
    const FileIdentity trigger{"/runs/checkpoint", 1, 7, 20, modified, modified};
    const FileIdentity index{prefix + ".index", 1, bytes, 100, 1, 1};
    return {"checkpoint", trigger, prefix, {index}, {}};
  }

  // The name of what is to be taken `at` milliseconds after the start; "" when there is none.
  std::string Next(const std::vector<Candidate>& listed, int at) {
    next_ = settling_.Next(
        listed, [this](const std::string& path) { return path == written_; },
        start_ + milliseconds(at));
    return next_ ? next_->name : "";
  }

  const Clock::time_point start_{};
  Settling settling_{{milliseconds(50), milliseconds(1000)}};
  std::optional<Candidate> next_;
  std::string written_;
};

TEST_F(SettlingTest, WaitsUntilAFileIsLeftAlone) {
  EXPECT_EQ(Next({File("a", 1, 5)}, 0), "");
  EXPECT_EQ(settling_.wake(), start_ + milliseconds(50));
  EXPECT_EQ(Next({File("a", 1, 6)}, 40), "");
  EXPECT_EQ(settling_.wake(), start_ + milliseconds(90));
  EXPECT_EQ(Next({File("a", 1, 6)}, 89), "");
  EXPECT_EQ(Next({File("a", 1, 6)}, 90), "a");
}

TEST_F(SettlingTest, GivesWhatIsUndecidedAgain) {
  Next({File("a", 1, 5)}, 0);
  EXPECT_EQ(Next({File("a", 1, 5)}, 50), "a");
  EXPECT_EQ(Next({File("a", 1, 5)}, 51), "a");
}

TEST_F(SettlingTest, TakesAFileOnceUntilItIsAnother) {
  Next({File("a", 1, 5)}, 0);
  ASSERT_EQ(Next({File("a", 1, 5)}, 50), "a");
  settling_.Taken(*next_);
  EXPECT_EQ(Next({File("a", 1, 5)}, 100), "");
  EXPECT_FALSE(settling_.wake());
  EXPECT_EQ(Next({File("a", 2, 5)}, 200), "");
  EXPECT_EQ(Next({File("a", 2, 5)}, 250), "a");
}

TEST_F(SettlingTest, TakesTheNewestAndPassesOverTheRest) {
  const std::vector<Candidate> listed = {File("c", 3, 9), File("b", 2, 8), File("a", 1, 7)};
  Next(listed, 0);
  ASSERT_EQ(Next(listed, 50), "c");
  settling_.Taken(*next_);
  EXPECT_EQ(Next(listed, 500), "");
  EXPECT_EQ(settling_.TakeSuperseded(), 2u);
  EXPECT_EQ(settling_.TakeSuperseded(), 0u);
}

TEST_F(SettlingTest, TriesTheNextOneWhenTheNewestIsBad) {
  const std::vector<Candidate> listed = {File("c", 3, 9), File("b", 2, 8), File("a", 1, 7)};
  Next(listed, 0);
  ASSERT_EQ(Next(listed, 50), "c");
  settling_.Refused(*next_);
  ASSERT_EQ(Next(listed, 50), "b");
  settling_.Taken(*next_);
  EXPECT_EQ(Next(listed, 500), "");
  EXPECT_EQ(settling_.TakeSuperseded(), 1u);
}

TEST_F(SettlingTest, DoesNotWaitForANewerOneThatIsNotComplete) {
  const std::vector<Candidate> listed = {File("b", 2, 8), File("a", 1, 7)};
  written_ = "/runs/b";
  Next(listed, 0);
  ASSERT_EQ(Next(listed, 50), "a");
  settling_.Taken(*next_);
  EXPECT_EQ(Next(listed, 5000), "");
  written_.clear();
  EXPECT_EQ(Next(listed, 5001), "b");
}

TEST_F(SettlingTest, LooksAtARefusedOneAgainWhenItsBytesAreOthers) {
  Next({File("a", 1, 5)}, 0);
  ASSERT_EQ(Next({File("a", 1, 5)}, 50), "a");
  settling_.Refused(*next_);
  EXPECT_EQ(Next({File("a", 1, 5)}, 5000), "");
  Next({File("a", 1, 6)}, 5001);
  EXPECT_EQ(Next({File("a", 1, 6)}, 5051), "a");
}

TEST_F(SettlingTest, ForgetsWhatIsGone) {
  Next({File("a", 1, 5)}, 0);
  ASSERT_EQ(Next({File("a", 1, 5)}, 50), "a");
  settling_.Refused(*next_);
  EXPECT_EQ(Next({}, 100), "");
  Next({File("a", 1, 5)}, 200);
  EXPECT_EQ(Next({File("a", 1, 5)}, 250), "a");
}

TEST_F(SettlingTest, AnotherNameOfWhatIsServedIsNoNews) {
  Next({File("a", 1, 5)}, 0);
  ASSERT_EQ(Next({File("a", 1, 5)}, 50), "a");
  settling_.Taken(*next_);
  Candidate link = File("latest", 1, 5);
  EXPECT_EQ(Next({link, File("a", 1, 5)}, 100), "");
  EXPECT_EQ(Next({link, File("a", 1, 5)}, 500), "");
  EXPECT_EQ(settling_.TakeSuperseded(), 0u);
}

TEST_F(SettlingTest, ALinkThatTurnsBackIsFollowed) {
  const Candidate one = File("1", 1, 5);
  const Candidate two = File("2", 2, 6);
  Candidate link = File("latest", 2, 6);
  Next({link, two, one}, 0);
  ASSERT_EQ(Next({link, two, one}, 50), "latest");
  settling_.Taken(*next_);
  EXPECT_EQ(Next({link, two, one}, 60), "");
  link = File("latest", 1, 5);
  EXPECT_EQ(Next({two, link, one}, 100), "");
  ASSERT_EQ(Next({two, link, one}, 150), "latest");
  EXPECT_EQ(next_->files[0].inode, 1u);
}

TEST_F(SettlingTest, ACheckpointCountsWhenItsNameIsWrittenAgain) {
  Next({Checkpoint(5, 1, "/runs/m-1")}, 0);
  ASSERT_EQ(Next({Checkpoint(5, 1, "/runs/m-1")}, 50), "checkpoint");
  settling_.Taken(*next_);
  // Its files change first; they belong together when `checkpoint` is written.
  EXPECT_EQ(Next({Checkpoint(5, 2, "/runs/m-1")}, 100), "");
  EXPECT_EQ(Next({Checkpoint(5, 2, "/runs/m-1")}, 5000), "");
  Next({Checkpoint(6, 2, "/runs/m-1")}, 5001);
  ASSERT_EQ(Next({Checkpoint(6, 2, "/runs/m-1")}, 5051), "checkpoint");
  settling_.Taken(*next_);
  // Written again for the same files: nothing is new.
  Next({Checkpoint(7, 2, "/runs/m-1")}, 6000);
  EXPECT_EQ(Next({Checkpoint(7, 2, "/runs/m-1")}, 6050), "");
}

TEST_F(SettlingTest, GivesTheFilesOfACheckpointTimeToCome) {
  Candidate incomplete = Checkpoint(5, 1, "");
  incomplete.files.clear();
  incomplete.problem = NotFound("it names m-1");
  Next({incomplete}, 0);
  EXPECT_EQ(Next({incomplete}, 999), "");
  EXPECT_EQ(settling_.wake(), start_ + milliseconds(1000));
  ASSERT_EQ(Next({incomplete}, 1000), "checkpoint");
  settling_.Refused(*next_);
  EXPECT_EQ(Next({incomplete}, 9000), "");
  Next({Checkpoint(5, 1, "/runs/m-1")}, 9001);
  EXPECT_EQ(Next({Checkpoint(5, 1, "/runs/m-1")}, 9051), "checkpoint");
}

TEST_F(SettlingTest, SaysOnceThatAFileIsNotLeftAlone) {
  Next({File("a", 1, 5)}, 0);
  ASSERT_EQ(Next({File("a", 1, 5)}, 50), "a");
  EXPECT_TRUE(settling_.Changing(*next_));
  Next({File("a", 1, 6)}, 60);
  ASSERT_EQ(Next({File("a", 1, 6)}, 110), "a");
  EXPECT_FALSE(settling_.Changing(*next_));
  Next({File("a", 1, 7)}, 120);
  ASSERT_EQ(Next({File("a", 1, 7)}, 170), "a");
  settling_.Taken(*next_);
  Next({File("a", 1, 8)}, 180);
  ASSERT_EQ(Next({File("a", 1, 8)}, 230), "a");
  EXPECT_TRUE(settling_.Changing(*next_));
}

}  // namespace
}  // namespace midstream::sources
