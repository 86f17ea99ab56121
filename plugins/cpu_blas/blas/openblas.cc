#include "blas/openblas.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

#include "cpu_features.h"

namespace midstream::cpu_blas {
namespace {

constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;  // of CBLAS

// Sets a variable that the user has not set, for as long as it lives.
class DefaultVariable {
 public:
  DefaultVariable(const char* name, const char* value) : name_(name) {
    set_ = value != nullptr && std::getenv(name) == nullptr && setenv(name, value, 1) == 0;
  }
  ~DefaultVariable() {
    if (set_) unsetenv(name_);
  }
  DefaultVariable(const DefaultVariable&) = delete;
  DefaultVariable& operator=(const DefaultVariable&) = delete;

 private:
  const char* name_;
  bool set_;
};

const char* CoreType() {
  if (ThisCpu().avx512) return "SkylakeX";
  return ThisCpu().avx2 ? "Haswell" : nullptr;
}

}  // namespace

const OpenBlas* OpenBlas::Load(const sdk::Host& host) {
  void* library = nullptr;
  {
    DefaultVariable core("OPENBLAS_CORETYPE", CoreType());
    DefaultVariable threads("OPENBLAS_NUM_THREADS", "1");
    library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) {
    host.Log(MS_LOG_INFO, "cpu_blas: OpenBLAS is not installed, its own kernels do all products");
    return nullptr;
  }
  static OpenBlas blas;
  blas.sgemm_ = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
  auto core_name = reinterpret_cast<char* (*)()>(dlsym(library, "openblas_get_corename"));
  if (blas.sgemm_ == nullptr || set_threads == nullptr || core_name == nullptr) {
    host.Log(MS_LOG_WARNING, "cpu_blas: libopenblas.so.0 lacks functions of OpenBLAS and is not used");
    return nullptr;
  }
  set_threads(1);
  host.Log(MS_LOG_INFO, std::string("cpu_blas: OpenBLAS with the kernels of ") + core_name());
  return &blas;
}

const OpenBlas* OpenBlas::Get(const sdk::Host& host) {
  static std::once_flag once;
  static const OpenBlas* loaded = nullptr;
  std::call_once(once, [&] { loaded = Load(host); });
  return loaded;
}

void OpenBlas::Multiply(int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                        bool transpose_b, float* c) const {
  auto size = [](int64_t value) { return static_cast<int>(value); };
  sgemm_(kRowMajor, kPlain, transpose_b ? kTransposed : kPlain, size(m), size(n), size(k), 1.0f, a,
         size(k), b, size(transpose_b ? k : n), 0.0f, c, size(n));
}

}  // namespace midstream::cpu_blas
