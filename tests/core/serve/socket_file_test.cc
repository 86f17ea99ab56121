#include "core/serve/socket_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/temporary_folder.h"

namespace midstream::serve {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SocketFileTest : public testing::Test {
 protected:
  // A socket bound to the path and closed, as a killed process leaves it.
  Descriptor Bind(bool listening) const {
    const auto address = *SocketAddress(path_);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    if (listening) {
      EXPECT_EQ(::listen(socket.get(), 1), 0);
    }
    return socket;
  }
  bool CanConnect() const {
    const auto address = *SocketAddress(path_);
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
           0;
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::string path_ = folder_ + "/push.sock";
};

TEST_F(SocketFileTest, IsForItsOwnerAndGoneAtTheEnd) {
  {
    const auto file = SocketFile::Listen(path_);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    struct stat info;
    ASSERT_EQ(lstat(path_.c_str(), &info), 0);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_TRUE(CanConnect());
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(SocketFileTest, ReplacesWhatADeadProcessLeft) {
  Bind(true);
  std::ofstream(path_ + ".lock") << "";
  ASSERT_TRUE(fs::exists(path_));
  const auto file = SocketFile::Listen(path_);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_TRUE(CanConnect());
}

TEST_F(SocketFileTest, LeavesALiveOneAlone) {
  {
    const auto first = SocketFile::Listen(path_);
    ASSERT_TRUE(first.ok());
    const auto second = SocketFile::Listen(path_);
    EXPECT_EQ(second.status().code(), Code::kAlreadyExists);
    EXPECT_THAT(std::string(second.status().message()), HasSubstr(path_));
    EXPECT_TRUE(CanConnect());
  }
  // Of a program that knows nothing of the lock.
  const Descriptor other = Bind(true);
  EXPECT_EQ(SocketFile::Listen(path_).status().code(), Code::kAlreadyExists);
  EXPECT_TRUE(CanConnect());
}

TEST_F(SocketFileTest, LeavesWhatIsNoSocketAlone) {
  std::ofstream(path_) << "precious";
  const auto file = SocketFile::Listen(path_);
  EXPECT_EQ(file.status().code(), Code::kAlreadyExists);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("no socket"));
  std::string text;
  std::getline(std::ifstream(path_), text);
  EXPECT_EQ(text, "precious");
  EXPECT_FALSE(fs::exists(path_ + ".lock"));
}

TEST_F(SocketFileTest, DoesNotRemoveWhatOthersPutInItsPlace) {
  {
    const auto file = SocketFile::Listen(path_);
    ASSERT_TRUE(file.ok());
    fs::remove(path_);
    std::ofstream(path_) << "other";
  }
  EXPECT_TRUE(fs::is_regular_file(path_));
}

TEST_F(SocketFileTest, RefusesPathsThatCannotBe) {
  EXPECT_EQ(SocketFile::Listen("").status().code(), Code::kInvalidArgument);
  const auto longer = SocketFile::Listen(folder_ + "/" + std::string(200, 'x'));
  EXPECT_EQ(longer.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(longer.status().message()), HasSubstr("107 bytes"));
  EXPECT_EQ(SocketFile::Listen(folder_ + "/none/push.sock").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace midstream::serve
