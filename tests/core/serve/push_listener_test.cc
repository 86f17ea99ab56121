// A listener with a model that takes any file that begins with "good", and clients that behave, or not.
#include "core/serve/push_listener.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "core/base/file.h"
#include "core/serve/push_client.h"
#include "core/serve/socket_file.h"
#include "tests/core/sources/events_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::serve {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;

Descriptor InMemory(const std::string& text) {
  Descriptor file(memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return file;
}

PushRequest Push(const std::string& name) {
  PushRequest request;
  request.verb = Verb::kPush;
  request.name = name;
  return request;
}

size_t OpenDescriptors() {
  return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

class PushListenerTest : public testing::Test {
 protected:
  void Start(PushLimits limits = {}) {
    PushTarget target;
    target.apply = [this](const std::string& path, const PushRequest& request) {
      return Apply(path, request);
    };
    target.rollback = [this](uint64_t version) {
      if (version == 0) return NotFound("there is no version 0");
      version_ = version;
      return OkStatus();
    };
    target.version = [this] { return version_.load(); };
    auto listener = PushListener::Start(path_, std::move(target), events_.callback(), limits);
    ASSERT_TRUE(listener.ok()) << listener.status().ToString();
    listener_ = *std::move(listener);
  }

  Result<AppliedWeights> Apply(const std::string& path, const PushRequest& request) {
    if (during_) during_(request);
    MS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1000));
    if (!text.starts_with("good")) return DataLoss(request.name + " is bad");
    if (request.options.base && *request.options.base != version_) {
      return Status(Code::kAborted, "the base is stale");
    }
    return AppliedWeights{++version_, 3, 0.5, 0.25};
  }

  PushClient Client() const {
    auto client = PushClient::Connect(path_, milliseconds(0));
    EXPECT_TRUE(client.ok()) << client.status().ToString();
    return *std::move(client);
  }
  Status Pushed(const std::string& text, const PushRequest& request = Push("a")) const {
    const Descriptor file = InMemory(text);
    return Client().Ask(request, file.get()).status();
  }

  // A connection on which anything may be sent.
  Descriptor Raw() const {
    const auto address = *SocketAddress(path_);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return socket;
  }
  static bool SendRaw(const Descriptor& socket, const std::string& bytes,
                      const std::vector<int>& fds = {}) {
    iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
    std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::copy(fds.begin(), fds.end(), reinterpret_cast<int*>(CMSG_DATA(header)));
    }
    return sendmsg(socket.get(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // All that comes until the other end closes.
  static std::string ReadAll(const Descriptor& socket) {
    std::string text;
    char buffer[4096];
    ssize_t got;
    while ((got = recv(socket.get(), buffer, sizeof(buffer), 0)) > 0) text.append(buffer, got);
    return text;
  }
  // What a bad client is told before the connection is closed.
  static std::string LastWords(const Descriptor& socket) {
    const std::string text = ReadAll(socket);
    if (text.size() <= kPreludeSize) return "";
    return std::string(ParseReply(text.substr(kPreludeSize)).status().message());
  }
  // A well-formed request that pushes `name`, with these descriptors, and the answer.
  Status AskWith(const std::vector<int>& fds, const PushRequest& request = Push("a")) const {
    const Descriptor socket = Raw();
    EXPECT_TRUE(SendRaw(socket, WithPrelude(FormatRequest(request)), fds));
    shutdown(socket.get(), SHUT_WR);
    const std::string text = ReadAll(socket);
    if (text.size() <= kPreludeSize) return Internal("no answer");
    return ParseReply(text.substr(kPreludeSize)).status();
  }
  // Waits for the listener to be done with what was sent before.
  void Settle() const { EXPECT_TRUE(Client().Ask({}, -1).ok()); }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::string path_ = folder_ + "/push.sock";
  Events events_;
  std::atomic<uint64_t> version_{1};
  std::function<void(const PushRequest&)> during_;  // on the listener's thread
  std::unique_ptr<PushListener> listener_;
};

TEST_F(PushListenerTest, TakesWeights) {
  Start();
  const Descriptor file = InMemory("good");
  PushClient client = Client();
  for (uint64_t version = 2; version < 5; ++version) {
    const auto applied = client.Ask(Push("policy"), file.get());
    ASSERT_TRUE(applied.ok()) << applied.status().ToString();
    EXPECT_EQ(applied->version, version);
    EXPECT_EQ(applied->tensors, 3u);
    EXPECT_EQ(applied->read_ms, 0.5);
    EXPECT_EQ(applied->update_ms, 0.25);
    const auto event = events_.Next();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->source, "policy");
    EXPECT_EQ(event->applied.version, version);
  }
}

TEST_F(PushListenerTest, SaysWhyItRefuses) {
  Start();
  const Status refused = Pushed("bad");
  EXPECT_EQ(refused.code(), Code::kDataLoss);
  EXPECT_EQ(refused.message(), "a is bad");
  const auto event = events_.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->status.message(), "a is bad");
  EXPECT_EQ(version_.load(), 1u);
}

TEST_F(PushListenerTest, TellsTheVersionAndGoesBack) {
  Start();
  PushClient client = Client();
  PushRequest request;
  request.verb = Verb::kStatus;
  EXPECT_EQ(client.Ask(request, -1)->version, 1u);
  request.verb = Verb::kRollback;
  request.version = 7;
  EXPECT_EQ(client.Ask(request, -1)->version, 7u);
  request.version = 0;
  EXPECT_EQ(client.Ask(request, -1).status().code(), Code::kNotFound);
  request.verb = Verb::kStatus;
  EXPECT_EQ(client.Ask(request, -1)->version, 7u);
}

TEST_F(PushListenerTest, OfTwoWritersWithOneBaseTheSecondIsRefused) {
  Start();
  PushRequest request = Push("a");
  request.options.base = 1;
  auto first = std::async(std::launch::async, [&] { return Pushed("good", request); });
  auto second = std::async(std::launch::async, [&] { return Pushed("good", request); });
  const Status one = first.get();
  const Status two = second.get();
  EXPECT_NE(one.ok(), two.ok()) << one.ToString() << ", " << two.ToString();
  EXPECT_EQ(version_.load(), 2u);
}

TEST_F(PushListenerTest, ServesManyClientsInTurn) {
  Start();
  constexpr int kClients = 8;
  constexpr int kPushes = 25;
  std::vector<std::future<int>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::async(std::launch::async, [&] {
      const Descriptor file = InMemory("good");
      PushClient client = Client();
      int done = 0;
      for (int k = 0; k < kPushes; ++k) done += client.Ask(Push("a"), file.get()).ok();
      return done;
    }));
  }
  for (auto& client : clients) EXPECT_EQ(client.get(), kPushes);
  EXPECT_EQ(version_.load(), 1u + kClients * kPushes);
}

TEST_F(PushListenerTest, ARequestMayComeInPieces) {
  Start();
  const Descriptor file = InMemory("good");
  const Descriptor socket = Raw();
  const std::string message = WithPrelude(FormatRequest(Push("a")));
  for (size_t i = 0; i < message.size(); ++i) {
    ASSERT_TRUE(SendRaw(socket, message.substr(i, 1),
                        i == 5 ? std::vector<int>{file.get()} : std::vector<int>{}));
  }
  shutdown(socket.get(), SHUT_WR);
  EXPECT_TRUE(ParseReply(ReadAll(socket).substr(kPreludeSize)).ok());
}

TEST_F(PushListenerTest, RequestsMayFollowEachOtherAtOnce) {
  Start();
  const Descriptor good = InMemory("good");
  const Descriptor bad = InMemory("bad");
  const Descriptor socket = Raw();
  ASSERT_TRUE(SendRaw(socket, WithPrelude(FormatRequest(Push("a"))), {bad.get()}));
  ASSERT_TRUE(SendRaw(socket, WithPrelude(FormatRequest(Push("b"))), {good.get()}));
  EXPECT_FALSE(events_.Next()->status.ok());
  EXPECT_TRUE(events_.Next()->status.ok());
}

TEST_F(PushListenerTest, NeedsExactlyOneFile) {
  Start();
  const Descriptor file = InMemory("good");
  EXPECT_THAT(std::string(AskWith({}).message()), HasSubstr("0 file descriptors; expected 1"));
  EXPECT_THAT(std::string(AskWith({file.get(), file.get()}).message()),
              HasSubstr("2 file descriptors; expected 1"));
  EXPECT_THAT(std::string(AskWith(std::vector<int>(9, file.get())).message()),
              HasSubstr("more file descriptors than 4"));
  EXPECT_THAT(std::string(AskWith({file.get()}, PushRequest{}).message()),
              HasSubstr("1 file descriptors; expected 0"));
  EXPECT_EQ(version_.load(), 1u);
}

TEST_F(PushListenerTest, RefusesWhatIsNoRegularFile) {
  Start();
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  const Descriptor read_end(pipe_ends[0]);
  const Descriptor write_end(pipe_ends[1]);
  const Descriptor folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Descriptor socket = Raw();
  const Descriptor device(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  for (const Descriptor* bad : {&read_end, &folder, &socket, &device}) {
    EXPECT_EQ(AskWith({bad->get()}).message(), "a is not a regular file");
  }
}

TEST_F(PushListenerTest, TellsAStrangerWhatIsWrong) {
  Start();
  const Descriptor http = Raw();
  ASSERT_TRUE(SendRaw(http, "GET / HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(LastWords(http), HasSubstr("'GET '"));
  const Descriptor large = Raw();
  ASSERT_TRUE(SendRaw(large, WithPrelude("").substr(0, 4) + "\xff\xff\xff\x7f"));
  EXPECT_THAT(LastWords(large), HasSubstr("2147483647 bytes"));
  const Descriptor empty = Raw();
  ASSERT_TRUE(SendRaw(empty, WithPrelude("")));
  EXPECT_THAT(LastWords(empty), HasSubstr("empty message"));
  const Descriptor text = Raw();
  ASSERT_TRUE(SendRaw(text, WithPrelude("no json")));
  shutdown(text.get(), SHUT_WR);
  EXPECT_THAT(LastWords(text), HasSubstr("no JSON object"));
  EXPECT_TRUE(Pushed("good").ok());
}

TEST_F(PushListenerTest, GivesUpAClientThatIsTooSlow) {
  Start({milliseconds(30), 64});
  const Descriptor half = Raw();
  ASSERT_TRUE(SendRaw(half, "MSP1"));
  EXPECT_EQ(ReadAll(half), "");  // it is closed
  EXPECT_TRUE(Pushed("good").ok());
}

TEST_F(PushListenerTest, GivesUpAClientThatDoesNotReadItsAnswers) {
  Start({milliseconds(30), 64});
  const Descriptor deaf = Raw();
  int least = 1;
  setsockopt(deaf.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
  PushRequest request = Push(std::string(500'000, 'n'));
  const Descriptor file = InMemory("bad");
  // Answers fill the way back, then the listener closes it.
  while (SendRaw(deaf, WithPrelude(FormatRequest(request)), {file.get()})) {
  }
  EXPECT_TRUE(Pushed("good").ok());
}

TEST_F(PushListenerTest, AnIdleClientStays) {
  Start({milliseconds(10), 64});
  PushClient idle = Client();
  const Descriptor half = Raw();
  ASSERT_TRUE(SendRaw(half, "M"));
  EXPECT_EQ(ReadAll(half), "");  // the limit has passed
  EXPECT_TRUE(idle.Ask({}, -1).ok());
}

TEST_F(PushListenerTest, TheClientThatWasIdleForLongestMakesRoom) {
  Start({milliseconds(10'000), 2});
  const Descriptor first = Raw();
  Settle();  // the second, which ends
  PushClient second = Client();
  ASSERT_TRUE(second.Ask({}, -1).ok());
  PushClient third = Client();
  ASSERT_TRUE(third.Ask({}, -1).ok());
  EXPECT_EQ(ReadAll(first), "");
  EXPECT_TRUE(second.Ask({}, -1).ok());
  // Those that are in the middle of a message stay.
  const Descriptor busy = Raw();
  ASSERT_TRUE(SendRaw(busy, "MSP1"));
  const Descriptor busier = Raw();
  ASSERT_TRUE(SendRaw(busier, "MSP1"));
  const Descriptor refused = Raw();
  EXPECT_THAT(LastWords(refused), HasSubstr("2 clients are connected"));
}

TEST_F(PushListenerTest, LeavesNoDescriptorsBehind) {
  Start();
  Settle();
  const size_t before = OpenDescriptors();
  const std::string message = WithPrelude(FormatRequest(Push("a")));
  for (int i = 0; i < 200; ++i) {
    const Descriptor file = InMemory(i % 2 == 0 ? "good" : "bad");
    const Descriptor socket = Raw();
    // Dies with its descriptor sent: after a part of the message, or before it reads the answer.
    ASSERT_TRUE(SendRaw(socket, message.substr(0, message.size() - i % 3), {file.get()}));
    const size_t count = static_cast<size_t>(i) % 12;
    EXPECT_EQ(AskWith(std::vector<int>(count, file.get())).ok(), count == 1 && i % 2 == 0);
  }
  Settle();
  Settle();  // what was closed is noticed
  EXPECT_LE(OpenDescriptors(), before + 1);
  EXPECT_TRUE(Pushed("good").ok());
}

TEST_F(PushListenerTest, SurvivesHavingNoDescriptorsLeft) {
  Start();
  PushClient client = Client();
  ASSERT_TRUE(client.Ask({}, -1).ok());
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const Descriptor file = InMemory("good");
  const Descriptor waiting(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int lowest_free = dup(0);
  close(lowest_free);
  const rlimit none = {static_cast<rlim_t>(lowest_free), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status refused = client.Ask(Push("a"), file.get()).status();
  const auto address = *SocketAddress(path_);
  const int connected =
      ::connect(waiting.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("may have open"));
  ASSERT_EQ(connected, 0);
  ASSERT_TRUE(SendRaw(waiting, WithPrelude(FormatRequest({}))));
  char answer;
  EXPECT_EQ(recv(waiting.get(), &answer, 1, 0), 1);  // accepted when there is room again
}

TEST_F(PushListenerTest, ExceptionsOfTheModelAreRefusals) {
  during_ = [](const PushRequest&) { throw std::bad_alloc(); };
  Start();
  EXPECT_EQ(Pushed("good").code(), Code::kResourceExhausted);
}

TEST_F(PushListenerTest, StopFinishesWhatIsServedAndRemovesTheSocket) {
  std::promise<void> begun;
  std::promise<void> stopping;
  during_ = [&](const PushRequest&) {
    begun.set_value();
    stopping.get_future().wait();
  };
  Start();
  auto push = std::async(std::launch::async, [&] { return Pushed("good"); });
  begun.get_future().wait();
  auto stop = std::async(std::launch::async, [&] { listener_->Stop(); });
  stopping.set_value();
  EXPECT_TRUE(push.get().ok());
  stop.get();
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(PushClient::Connect(path_, milliseconds(0)).status().code(), Code::kNotFound);
}

TEST_F(PushListenerTest, MayBeEndedByItsOwnCallback) {
  auto ended = std::make_shared<std::promise<void>>();  // the callback outlives the wait for it
  PushTarget target;
  target.apply = [](const std::string&, const PushRequest&) -> Result<AppliedWeights> {
    return NotFound("nothing");
  };
  auto listener = PushListener::Start(path_, std::move(target), [this, ended](const SourceEvent&) {
    listener_.reset();
    ended->set_value();
  });
  ASSERT_TRUE(listener.ok());
  listener_ = *std::move(listener);
  EXPECT_EQ(Pushed("good").code(), Code::kNotFound);
  ended->get_future().wait();
}

TEST_F(PushListenerTest, AClientWaitsForTheSocketToAppear) {
  auto client = std::async(std::launch::async, [&] {
    auto connected = PushClient::Connect(path_, std::chrono::minutes(1));
    return connected.ok() ? connected->Ask({}, -1).status() : connected.status();
  });
  Start();
  EXPECT_TRUE(client.get().ok());
}

TEST_F(PushListenerTest, AClientNoticesThatTheEngineIsGone) {
  Start();
  PushClient client = Client();
  ASSERT_TRUE(client.Ask({}, -1).ok());
  listener_.reset();
  EXPECT_EQ(client.Ask({}, -1).status().code(), Code::kUnavailable);
  const auto none = PushClient::Connect(path_, milliseconds(0));
  EXPECT_EQ(none.status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace midstream::serve
