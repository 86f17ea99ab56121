// PushConnection: the engine's end of one connection: collects a request with its descriptors and
// sends the answer, never waiting for the other end.
//
// It reads no further than the message that it is in, so that descriptors stay with theirs, and reads
// nothing while an answer is on its way. A message that takes longer than the limit ends the
// connection.
//
// Threads: one.
#ifndef MIDSTREAM_CORE_SERVE_PUSH_CONNECTION_H_
#define MIDSTREAM_CORE_SERVE_PUSH_CONNECTION_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/serve/descriptor.h"

struct msghdr;

namespace midstream::serve {

using Clock = std::chrono::steady_clock;

class PushConnection {
 public:
  struct Request {
    std::string body;
    std::vector<Descriptor> descriptors;
  };

  PushConnection(Descriptor socket, Clock::duration limit)
      : socket_(std::move(socket)), limit_(limit), last_used_(Clock::now()) {}

  int fd() const { return socket_.get(); }
  // What to poll for.
  short interest() const;
  // When it is given up unless something moves; nullopt: it is idle and may stay so.
  std::optional<Clock::time_point> deadline() const { return deadline_; }
  Clock::time_point last_used() const { return last_used_; }
  bool closed() const { return closed_; }

  // Reads what is there. A request that is complete is returned once. Errors: INVALID_ARGUMENT for
  // what is no message; answer it, and the connection is closed when the answer is sent.
  Result<std::optional<Request>> Receive();
  // Sends the body of an answer, as much as goes now; Send takes it further.
  void Answer(const std::string& body);
  void Send();

 private:
  bool ReadSome(size_t size);
  Status TakeDescriptors(msghdr& message);

  Descriptor socket_;
  const Clock::duration limit_;
  Clock::time_point last_used_;
  std::optional<Clock::time_point> deadline_;
  std::string in_;
  size_t expected_ = 0;  // bytes of the body; 0 while the prelude is read
  std::vector<Descriptor> descriptors_;
  Status bad_;  // what came is no message
  std::string out_;
  size_t sent_ = 0;
  bool closed_ = false;
};

}  // namespace midstream::serve

#endif  // MIDSTREAM_CORE_SERVE_PUSH_CONNECTION_H_
