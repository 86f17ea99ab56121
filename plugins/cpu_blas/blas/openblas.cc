#include "blas/openblas.h"

#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "cpu_features.h"
#include "ops/packed_matrix.h"
#include "shortest_run.h"

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
    host.Log(MS_LOG_WARNING,
             "cpu_blas: libopenblas.so.0 lacks functions of OpenBLAS and is not used");
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

// On a product that leaves the second-level cache alone; own kernels have to pack first.
double OpenBlas::SpeedupOver(const KernelTable& isa) const {
  constexpr int64_t kSide = 256;
  constexpr int kRuns = 5;
  std::vector<float> a(kSide * kSide, 1.0f), b(a), c(a), packed(a);
  const int64_t panels = Panels(isa, kSide);
  GemmArgs gemm{a.data(), kSide, &kNoOffset, 1,     kSide, packed.data(), kSide,
                c.data(), kSide, nullptr,    false, 0.0f,  0.0f};
  double own = ShortestRun(kRuns, [&] {
    isa.pack({kSide, kSide, kSide, 1}, Storage::kF32, b.data(), packed.data(), 0, panels);
    isa.gemm[static_cast<int>(Storage::kF32)](gemm, 0, kSide, 0, panels);
  });
  double blas = ShortestRun(
      kRuns, [&] { Multiply(kSide, kSide, kSide, a.data(), b.data(), false, c.data()); });
  return blas > 0 ? own / blas : 0.0;
}

const OpenBlas* OpenBlas::GetIfUseful(const KernelTable& isa, BlasUse use, const sdk::Host& host) {
  constexpr double kWorthIt = 1.1;
  if (use == BlasUse::kNever) return nullptr;
  const OpenBlas* blas = Get(host);
  if (blas == nullptr || use == BlasUse::kAlways) return blas;
  static std::mutex mutex;
  static std::map<const KernelTable*, double> measured;
  std::lock_guard lock(mutex);
  auto it = measured.find(&isa);
  if (it == measured.end()) {
    it = measured.emplace(&isa, blas->SpeedupOver(isa)).first;
    host.Log(MS_LOG_INFO, "cpu_blas: OpenBLAS measured at " + std::to_string(it->second) +
                              " times the speed of " + isa.name + " kernels");
  }
  return it->second >= kWorthIt ? blas : nullptr;
}

void OpenBlas::Multiply(int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                        bool transpose_b, float* c) const {
  auto size = [](int64_t value) { return static_cast<int>(value); };
  sgemm_(kRowMajor, kPlain, transpose_b ? kTransposed : kPlain, size(m), size(n), size(k), 1.0f, a,
         size(k), b, size(transpose_b ? k : n), 0.0f, c, size(n));
}

}  // namespace midstream::cpu_blas
