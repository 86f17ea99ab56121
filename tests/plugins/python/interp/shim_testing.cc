#include "tests/plugins/python/interp/shim_testing.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "sdk/include/midstream/backend.h"

extern char** environ;

namespace midstream::python_testing {
namespace {

constexpr uint64_t kRegionBytes = uint64_t{1} << 30;  // sparse
constexpr char kPlaceholder[] = "libmidstream_python_placeholder_";

struct DtypeCode {
  const char* name;
  uint8_t code;
  uint8_t bits;
};
constexpr DtypeCode kDtypes[] = {{"bool", MS_DTYPE_BOOL, 8},       {"int8", MS_DTYPE_INT, 8},
                                 {"int16", MS_DTYPE_INT, 16},      {"int32", MS_DTYPE_INT, 32},
                                 {"int64", MS_DTYPE_INT, 64},      {"uint8", MS_DTYPE_UINT, 8},
                                 {"uint16", MS_DTYPE_UINT, 16},    {"uint32", MS_DTYPE_UINT, 32},
                                 {"uint64", MS_DTYPE_UINT, 64},    {"float16", MS_DTYPE_FLOAT, 16},
                                 {"float32", MS_DTYPE_FLOAT, 32},  {"float64", MS_DTYPE_FLOAT, 64},
                                 {"bfloat16", MS_DTYPE_BFLOAT, 16}};

const DtypeCode& CodeOf(const std::string& name) {
  for (const DtypeCode& dtype : kDtypes) {
    if (name == dtype.name) return dtype;
  }
  std::abort();
}

std::string Shell(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[512];
  while (size_t n = fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
  pclose(pipe);
  return out;
}

uint64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000000000u + uint64_t(now.tv_nsec);
}

uint32_t Load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

void Wake(uint32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

// Until *word differs from seen, or for a tenth of a second.
void Sleep(uint32_t* word, uint32_t seen) {
  timespec timeout = {0, 100000000};
  syscall(SYS_futex, word, FUTEX_WAIT, seen, &timeout, nullptr, 0);
}

// A memfd with the shim, whose placeholder is replaced by the library's path. -1 on failure.
int PatchedShim(const std::string& library) {
  std::ifstream file(std::string(MS_PLUGIN_DIR) + "/libmidstream_python_shim.so", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t at = bytes.find(kPlaceholder);
  if (at == std::string::npos) return -1;
  const size_t size = strlen(bytes.c_str() + at);
  if (size != 255 || library.size() > size) return -1;
  bytes.replace(at, size, library + std::string(size - library.size(), '\0'));
  const int fd = memfd_create("shim", 0);
  if (write(fd, bytes.data(), bytes.size()) != ssize_t(bytes.size())) return -1;
  return fd;
}

}  // namespace

Python Probe(const std::string& executable) {
  Python python;
  python.executable = executable;
  const std::string said =
      Shell("'" + executable + "' -I -c '" +
            "import os,sys,sysconfig as s; v=s.get_config_var; p=os.path.join(v(\"LIBDIR\") or "
            "\"\", v(\"INSTSONAME\") or \"\");" +
            "print(p if os.path.isfile(p) else \"\"); print(sys.base_prefix); "
            "print(sys.version.split()[0])' 2>/dev/null");
  std::istringstream lines(said);
  std::getline(lines, python.library);
  std::getline(lines, python.home);
  std::getline(lines, python.version);
  return python;
}

Tensor Floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  return {"float32", std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))};
}

std::vector<float> ToFloats(const Tensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

Tensor Zeros(const std::string& dtype, std::vector<int64_t> shape) {
  size_t bytes = CodeOf(dtype).bits / 8;
  for (int64_t size : shape) bytes *= size_t(size);
  return {dtype, std::move(shape), std::string(bytes, '\0')};
}

// ---- Starting ----

ShimHost::ShimHost(const Options& options) {
  region_fd_ = memfd_create("region", 0);
  if (ftruncate(region_fd_, kRegionBytes) != 0) std::abort();
  void* base = mmap(nullptr, kRegionBytes, PROT_READ | PROT_WRITE, MAP_SHARED, region_fd_, 0);
  if (base == MAP_FAILED) std::abort();
  region_ = static_cast<mp_region*>(base);
  region_->protocol = MP_PROTOCOL;
  region_->bytes = kRegionBytes;
  region_->n_workers = options.workers;
  used_ = (sizeof(mp_region) + 4095) / 4096 * 4096;
  if (options.process) {
    StartProcess(options);
  } else {
    StartShared(options);
  }
}

ShimHost::~ShimHost() {
  if (zygote_ > 0) {
    CloseControl();
    waitpid(zygote_, nullptr, 0);
    munmap(region_, kRegionBytes);
  }
  close(region_fd_);
}

void ShimHost::CloseControl() {
  if (control_ >= 0) close(control_);
  control_ = -1;
}

void ShimHost::AwaitWorker(uint32_t index) {
  uint32_t* state = &region_->workers[index].state;
  const uint64_t end = Now() + 60'000'000'000u;
  while (Load(state) == MP_WORKER_STARTING && Now() < end) Sleep(state, MP_WORKER_STARTING);
  if (Load(state) != MP_WORKER_READY)
    failure_ = std::string("not ready: ") + region_->workers[index].text;
}

void ShimHost::StartShared(const Options& options) {
  region_->absolute = 1;
  std::thread([] {
  }).join();  // until its libc has made a thread, the loader's locks are none: see protocol.h
  for (uint32_t i = 0; i < options.workers && failure_.empty(); ++i) {
    const int fd = PatchedShim(options.python.library);
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    void* library = dlmopen(LM_ID_NEWLM, path.c_str(), RTLD_NOW);
    close(fd);
    if (library == nullptr) {
      failure_ = dlerror();
      return;
    }
    const auto start =
        reinterpret_cast<int (*)(const mp_start*)>(dlsym(library, "mp_start_thread"));
    region_->workers[i].state = MP_WORKER_STARTING;
    mp_start arguments = {};
    arguments.struct_size = sizeof arguments;
    arguments.worker = i;
    arguments.region = region_;
    arguments.home = options.python.home.c_str();
    arguments.executable = options.python.executable.c_str();
    arguments.site = options.site.c_str();
    arguments.threads = 1;
    arguments.burned_keys = 64;
    if (start(&arguments) != 0) failure_ = "no thread";
  }
  for (uint32_t i = 0; i < options.workers && failure_.empty(); ++i) AwaitWorker(i);
}

void ShimHost::StartProcess(const Options& options) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) != 0) std::abort();
  control_ = sockets[0];
  fcntl(control_, F_SETFD, FD_CLOEXEC);
  const int shim = PatchedShim(options.python.library);
  const std::vector<std::string> words = {std::string(MS_PLUGIN_DIR) + "/midstream-python-worker",
                                          "--shim-fd",
                                          std::to_string(shim),
                                          "--region-fd",
                                          std::to_string(region_fd_),
                                          "--region-bytes",
                                          std::to_string(kRegionBytes),
                                          "--control-fd",
                                          std::to_string(sockets[1]),
                                          "--home",
                                          options.python.home,
                                          "--executable",
                                          options.python.executable,
                                          "--site",
                                          options.site,
                                          "--threads",
                                          "1",
                                          "--preload",
                                          options.preload};
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int code = posix_spawn(&zygote_, argv[0], nullptr, nullptr, argv.data(), environ);
  close(sockets[1]);
  close(shim);
  if (code != 0) {
    zygote_ = -1;
    failure_ = strerror(code);
    return;
  }
  mp_message message = {};
  if (recv(control_, &message, sizeof message, 0) != sizeof message) {
    failure_ = "the zygote said nothing";
  } else if (message.kind != MP_ZYGOTE_READY || message.value != 0) {
    failure_ = message.text;
  }
  for (uint32_t i = 0; i < options.workers && failure_.empty(); ++i) {
    Fork(i);
    if (recv(control_, &message, sizeof message, 0) != sizeof message ||
        message.kind != MP_ZYGOTE_FORKED) {
      failure_ = "not forked";
    }
    AwaitWorker(i);
  }
}

void ShimHost::Fork(uint32_t worker) {
  region_->workers[worker].state = MP_WORKER_STARTING;
  mp_message message = {};
  message.kind = MP_ZYGOTE_FORK;
  message.worker = worker;
  if (send(control_, &message, sizeof message, 0) != sizeof message)
    failure_ = "the zygote is gone";
}

std::pair<uint32_t, int> ShimHost::WaitDeath() {
  timeval timeout = {60, 0};
  setsockopt(control_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  mp_message message = {};
  while (recv(control_, &message, sizeof message, 0) == sizeof message) {
    if (message.kind == MP_ZYGOTE_DIED) return {message.worker, message.value};
  }
  return {~0u, 0};
}

// ---- Objects ----

uint64_t ShimHost::Allocate(size_t bytes) {
  const uint64_t at = used_;
  used_ += (bytes + 63) / 64 * 64;
  if (used_ > kRegionBytes) std::abort();
  return at;
}

void ShimHost::Place(const Tensor& from, mp_tensor* to) {
  const DtypeCode& dtype = CodeOf(from.dtype);
  *to = {};
  to->bytes = from.bytes.size();
  to->dtype_code = dtype.code;
  to->dtype_bits = dtype.bits;
  to->rank = uint32_t(from.shape.size());
  for (size_t d = 0; d < from.shape.size(); ++d) to->shape[d] = from.shape[d];
  const uint64_t at = Allocate(from.bytes.size() + 1);
  memcpy(At<char>(at), from.bytes.data(), from.bytes.size());
  to->at = region_->absolute ? uint64_t(uintptr_t(At<char>(at))) : at;
}

Tensor ShimHost::Read(const mp_tensor& from) const {
  Tensor tensor;
  for (const DtypeCode& dtype : kDtypes) {
    if (dtype.code == from.dtype_code && dtype.bits == from.dtype_bits) tensor.dtype = dtype.name;
  }
  tensor.shape.assign(from.shape, from.shape + from.rank);
  const char* data = region_->absolute ? reinterpret_cast<const char*>(from.at)
                                       : reinterpret_cast<const char*>(region_) + from.at;
  tensor.bytes.assign(data, from.bytes);
  return tensor;
}

uint64_t ShimHost::AddModel(const Package& package) {
  using nlohmann::json;
  const auto declared = [](const std::vector<Declared>& all) {
    json list = json::array();
    for (const Declared& one : all)
      list.push_back({{"name", one.name}, {"dtype", one.dtype}, {"shape", one.shape}});
    return list;
  };
  std::string contents;
  json files = json::array();
  for (const auto& [name, text] : package.files) {
    files.push_back({name, contents.size(), text.size()});
    contents += text;
  }
  const std::string header = json({{"package", package.path},
                                   {"entry", package.entry},
                                   {"name", "model"},
                                   {"extern", package.externs},
                                   {"python", package.python},
                                   {"inputs", declared(package.inputs)},
                                   {"outputs", declared(package.outputs)},
                                   {"weights", package.weights},
                                   {"files", files}})
                                 .dump();
  const uint64_t at = Allocate(sizeof(mp_model));
  mp_model* model = At<mp_model>(at);
  model->id = next_id_++;
  model->blob = Allocate(header.size() + contents.size());
  model->header_bytes = header.size();
  model->blob_bytes = header.size() + contents.size();
  memcpy(At<char>(model->blob), (header + contents).data(), model->blob_bytes);
  return at;
}

uint64_t ShimHost::AddValue(const Tensor& value) {
  const uint64_t at = Allocate(sizeof(mp_value));
  Place(value, &At<mp_value>(at)->tensor);
  return at;
}

uint64_t ShimHost::AddFileValue(const Tensor& value, const std::string& path, uint64_t offset) {
  const uint64_t at = AddValue(value);
  mp_value* made = At<mp_value>(at);
  snprintf(region_->files[0].path, sizeof region_->files[0].path, "%s", path.c_str());
  made->file = 1;
  made->tensor.at = offset;
  return at;
}

uint64_t ShimHost::AddSet(uint64_t model, const std::vector<uint64_t>& values) {
  const uint64_t at = Allocate(sizeof(mp_set));
  mp_set* set = At<mp_set>(at);
  set->id = next_id_++;
  set->model = At<mp_model>(model)->id;
  set->n_values = uint32_t(values.size());
  set->values = Allocate(values.size() * sizeof(uint64_t) + 1);
  memcpy(At<char>(set->values), values.data(), values.size() * sizeof(uint64_t));
  return at;
}

void ShimHost::Retire(uint64_t model_or_set, bool is_model) {
  uint32_t* state =
      is_model ? &At<mp_model>(model_or_set)->state : &At<mp_set>(model_or_set)->state;
  __atomic_store_n(state, MP_RETIRED, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&region_->retire_epoch, 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&region_->work, 1, __ATOMIC_SEQ_CST);
  Wake(&region_->work);
}

bool ShimHost::WaitUntilZero(const uint32_t* word) {
  const uint64_t end = Now() + 60'000'000'000u;
  while (Load(word) != 0 && Now() < end) {
    const uint32_t seen = Load(&region_->dropped);
    if (Load(word) != 0) Sleep(&region_->dropped, seen);
  }
  return Load(word) == 0;
}

// ---- Jobs ----

uint32_t ShimHost::Submit(uint32_t kind, uint64_t model, uint64_t set,
                          const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
  while (Load(&region_->jobs[next_job_ % MP_JOBS].state) != MP_JOB_FREE) ++next_job_;
  const uint32_t index = next_job_++ % MP_JOBS;
  mp_job* job = &region_->jobs[index];
  job->kind = kind;
  job->model = model;
  job->set = set;
  job->n_inputs = uint32_t(inputs.size());
  job->n_outputs = uint32_t(outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) Place(inputs[i], &job->inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i) Place(outputs[i], &job->outputs[i]);
  __atomic_store_n(&job->state, MP_JOB_QUEUED, __ATOMIC_SEQ_CST);
  const uint64_t tail = region_->tail;
  __atomic_store_n(&region_->ring[tail % MP_RING], index, __ATOMIC_SEQ_CST);
  __atomic_store_n(&region_->tail, tail + 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&region_->work, 1, __ATOMIC_SEQ_CST);
  if (Load(&region_->idle) > 0) Wake(&region_->work);
  return index;
}

bool ShimHost::WaitState(uint32_t index, uint32_t kind) {
  mp_job* job = &region_->jobs[index];
  const uint64_t end = Now() + 60'000'000'000u;
  uint32_t state;
  while (MP_STATE_KIND(state = Load(&job->state)) != kind && Now() < end) Sleep(&job->state, state);
  return MP_STATE_KIND(Load(&job->state)) == kind;
}

Answer ShimHost::Wait(uint32_t index) {
  Answer answer;
  if (!WaitState(index, MP_JOB_DONE)) {
    answer.code = -1;
    answer.line = "no answer";
    return answer;
  }
  mp_job* job = &region_->jobs[index];
  answer.code = job->code;
  answer.worker = MP_STATE_WORKER(job->state);
  answer.model_us = double(job->model_end_ns - job->model_begin_ns) / 1000;
  if (job->code != MS_OK) {
    answer.line = job->error;
    answer.traceback = job->error + answer.line.size() + 1;
  } else {
    for (uint32_t i = 0; i < job->n_outputs; ++i) answer.outputs.push_back(Read(job->outputs[i]));
  }
  __atomic_store_n(&job->state, MP_JOB_FREE, __ATOMIC_SEQ_CST);
  return answer;
}

}  // namespace midstream::python_testing
