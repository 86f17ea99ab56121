// A small host of interpreters for tests: it speaks protocol.h as the plugin does, in both isolations, and no more than that.
#ifndef MIDSTREAM_TESTS_PLUGINS_PYTHON_INTERP_SHIM_TESTING_H_
#define MIDSTREAM_TESTS_PLUGINS_PYTHON_INTERP_SHIM_TESTING_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "plugins/python/protocol.h"

namespace midstream::python_testing {

// What a python program says of itself.
struct Python {
  std::string executable;
  std::string library;  // absolute; "" when there is none
  std::string home;
  std::string version;
};
Python Probe(const std::string& executable);

struct Tensor {
  std::string dtype = "float32";
  std::vector<int64_t> shape;
  std::string bytes;
};
Tensor Floats(std::vector<int64_t> shape, const std::vector<float>& values);
std::vector<float> ToFloats(const Tensor& tensor);
Tensor Zeros(const std::string& dtype, std::vector<int64_t> shape);

struct Declared {
  std::string name;
  std::string dtype;
  std::vector<std::string> shape;
};

struct Package {
  std::string entry;
  std::map<std::string, std::string> files;  // "code/policy.py" -> text
  std::vector<Declared> inputs;
  std::vector<Declared> outputs;
  std::vector<std::string> weights;
  std::vector<std::string> externs = {"numpy"};
  std::string python = "";
  std::string path = "/packages/model.mspkg";
};

struct Answer {
  int32_t code = 0;
  std::string line;
  std::string traceback;
  std::vector<Tensor> outputs;
  uint32_t worker = 0;
  double model_us = 0;
};

// Whether this program can have interpreters in namespaces: ThreadSanitizer does not see their threads begin.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kCanShare = false;
#else
inline constexpr bool kCanShare = true;
#endif

struct Options {
  bool process = false;
  uint32_t workers = 1;
  Python python;
  std::string site;
  std::string preload;
};

// Threads: one at a time, but for Submit, Wait and Free on different jobs. Interpreters in namespaces outlive it, and so does its
// region then.
class ShimHost {
 public:
  explicit ShimHost(const Options& options);
  ~ShimHost();
  ShimHost(const ShimHost&) = delete;
  ShimHost& operator=(const ShimHost&) = delete;

  // "" or why it could not be started.
  const std::string& failure() const { return failure_; }
  mp_region* region() { return region_; }
  mp_worker& worker(uint32_t index) { return region_->workers[index]; }

  uint64_t AddModel(const Package& package);
  // A value of a weight; with a file, its bytes are taken from there (process isolation).
  uint64_t AddValue(const Tensor& value);
  uint64_t AddFileValue(const Tensor& value, const std::string& path, uint64_t offset);
  uint64_t AddSet(uint64_t model, const std::vector<uint64_t>& values);
  void Retire(uint64_t model_or_set, bool is_model);
  template <typename T>
  T* At(uint64_t offset) {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(region_) + offset);
  }

  uint32_t Submit(uint32_t kind, uint64_t model, uint64_t set, const std::vector<Tensor>& inputs,
                  const std::vector<Tensor>& outputs);
  bool WaitState(uint32_t job, uint32_t kind);  // false after 60 s, or when the worker has died
  Answer Wait(uint32_t job);  // waits for DONE, reads the answer and frees the job
  Answer Run(uint32_t kind, uint64_t model, uint64_t set, const std::vector<Tensor>& inputs = {},
             const std::vector<Tensor>& outputs = {}) {
    return Wait(Submit(kind, model, set, inputs, outputs));
  }
  bool WaitUntilZero(const uint32_t* word);  // false after 60 s

  // Process isolation: the next death that the zygote tells of, as {worker, status}; {~0, 0} after 60 s.
  std::pair<uint32_t, int> WaitDeath();
  void Fork(uint32_t worker);
  int control() const { return control_; }
  pid_t zygote() const { return zygote_; }
  void CloseControl();

 private:
  void StartShared(const Options& options);
  void StartProcess(const Options& options);
  void AwaitWorker(uint32_t index);
  uint64_t Allocate(size_t bytes);
  void Place(const Tensor& from, mp_tensor* to);
  Tensor Read(const mp_tensor& from) const;

  std::string failure_;
  mp_region* region_ = nullptr;
  int region_fd_ = -1;
  uint64_t used_ = 0;
  uint64_t next_id_ = 1;
  uint32_t next_job_ = 0;
  int control_ = -1;
  pid_t zygote_ = -1;
};

}  // namespace midstream::python_testing

#endif  // MIDSTREAM_TESTS_PLUGINS_PYTHON_INTERP_SHIM_TESTING_H_
