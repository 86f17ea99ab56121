// Our side of compare/tensorflow_session.py: answers lines on standard input with lines on standard
// output, so that the script alone decides who computes when.
//
//   midstream_session CHECKPOINT IMAGES THREADS [KEY=VALUE ...]
//
// IMAGES: raw float32, 784 a row. KEY=VALUE: settings of the configuration. Requests:
//   run BATCH CALLS      -> microseconds of each call
//   output BATCH         -> the logits, row by row
// Prints "ready" when the model is compiled. Wrong requests end the process.

#include <sched.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "midstream/midstream.hpp"

namespace midstream::bench {
namespace {

constexpr int64_t kImageSize = 784;

[[noreturn]] void Fail(const std::string& text) {
  std::fprintf(stderr, "midstream_session: %s\n", text.c_str());
  std::exit(1);
}

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) Fail(result.status().ToString());
  return *std::move(result);
}

// The calling thread stays on the last core; interrupts prefer the first. Threads made before are
// free.
void PinToLastCore() {
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  CPU_ZERO(&one);
  for (int core = CPU_SETSIZE - 1; core >= 0; --core) {
    if (!CPU_ISSET(core, &all)) continue;
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

class Server {
 public:
  Server(Session session, std::vector<char> images)
      : session_(std::move(session)), images_(std::move(images)) {}

  std::string Answer(const std::string& request) {
    std::istringstream words(request);
    std::string verb;
    int64_t batch = 0;
    words >> verb >> batch;
    if (batch < 1 || static_cast<size_t>(batch * kImageSize) * sizeof(float) > images_.size()) {
      Fail("no such batch: " + request);
    }
    inputs_ = {Tensor::Wrap(DType::kF32, {batch, kImageSize}, images_.data(), nullptr)};
    int calls = 1;
    if (verb == "run") {
      words >> calls;
      return Time(calls);
    }
    if (verb != "output") Fail("no such request: " + request);
    Call();
    return Join(outputs_[0].as<float>());
  }

 private:
  void Call() {
    Status status = session_.Run(inputs_, &outputs_, nullptr);
    if (!status.ok()) Fail(status.ToString());
  }

  std::string Time(int calls) {
    using Clock = std::chrono::steady_clock;
    Call();
    std::vector<double> samples;
    for (int i = 0; i < calls; ++i) {
      auto begin = Clock::now();
      Call();
      std::chrono::duration<double, std::micro> took = Clock::now() - begin;
      samples.push_back(took.count());
    }
    return Join(samples);
  }

  template <typename Values>
  static std::string Join(const Values& values) {
    std::ostringstream text;
    text.precision(9);
    for (const auto& value : values) text << value << ' ';
    return text.str();
  }

  Session session_;
  std::vector<char> images_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
};

std::vector<char> ReadImages(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.empty()) Fail("cannot read " + path);
  return bytes;
}

void Main(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3)
    Fail("usage: midstream_session CHECKPOINT IMAGES THREADS [KEY=VALUE ...]");
  std::vector<std::string> settings = {"execution.threads=" + arguments[2],
                                       "placement.fallback=error"};
  settings.insert(settings.end(), arguments.begin() + 3, arguments.end());
  Engine engine = Need(Engine::Open("", settings));
  Model model = Need(engine.Load(arguments[0]));
  SessionOptions options;
  options.outputs = {"fc2/add"};
  Server server(Need(model.CreateSession(options)), ReadImages(arguments[1]));
  if (arguments[2] == "1") PinToLastCore();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << server.Answer(line) << std::endl;
  }
}

}  // namespace
}  // namespace midstream::bench

int main(int argc, char** argv) {
  midstream::bench::Main({argv + 1, argv + argc});
  return 0;
}
