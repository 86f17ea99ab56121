#include "bench/mnist_deep/openblas_net.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

// The loops around sgemm are compiled for the CPU at hand too: the peer shall lose nothing to a low
// base instruction set.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MS_BENCH_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#else
#define MS_BENCH_CLONES
#endif

namespace midstream::bench {
namespace {

constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;
constexpr int kKernel = 5, kPad = 2;
constexpr int kHidden = 1024, kFeatures = 7 * 7 * 64, kClasses = 10;
// Images per convolution product, by what measured best: the columns of one image stay in the
// cache, those of several give two threads enough to share.
constexpr int kMostAtOnce = 16;
int ImagesAtOnce(int threads) { return threads == 1 ? 1 : kMostAtOnce; }

void ChooseCoreType() {
#if defined(__x86_64__)
  const char* core = __builtin_cpu_supports("avx512f") ? "SkylakeX"
                     : __builtin_cpu_supports("avx2")  ? "Haswell"
                                                       : nullptr;
  if (core != nullptr) setenv("OPENBLAS_CORETYPE", core, 0);
#endif
}

template <typename Function>
bool Resolve(void* library, const char* name, Function* out) {
  *out = reinterpret_cast<Function>(dlsym(library, name));
  return *out != nullptr;
}

// One row per pixel of a size x size image of c channels: its 5 x 5 x c window, zero outside.
void Columns(const float* image, int size, int channels, float* out) {
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      int left = std::max(0, kPad - x), right = std::min(kKernel, size + kPad - x);
      for (int ky = 0; ky < kKernel; ++ky, out += kKernel * channels) {
        int row = y + ky - kPad;
        if (row < 0 || row >= size) {
          std::memset(out, 0, sizeof(float) * kKernel * channels);
          continue;
        }
        const float* from = image + (row * size + x + left - kPad) * channels;
        std::memset(out, 0, sizeof(float) * left * channels);
        std::memcpy(out + left * channels, from, sizeof(float) * (right - left) * channels);
        std::memset(out + right * channels, 0, sizeof(float) * (kKernel - right) * channels);
      }
    }
  }
}

// max over 2 x 2, plus bias, relu: the bias is the same for the four, so it is added once.
MS_BENCH_CLONES
void PoolBiasRelu(const float* in, int size, int channels, const float* bias, float* out) {
  for (int y = 0; y + 1 < size; y += 2) {
    for (int x = 0; x + 1 < size; x += 2, out += channels) {
      const float* a = in + (y * size + x) * channels;
      const float* b = a + size * channels;
      for (int c = 0; c < channels; ++c) {
        float top = a[c] > a[c + channels] ? a[c] : a[c + channels];
        float bottom = b[c] > b[c + channels] ? b[c] : b[c + channels];
        float value = (top > bottom ? top : bottom) + bias[c];
        out[c] = value > 0 ? value : 0;
      }
    }
  }
}

MS_BENCH_CLONES
void AddBias(const float* bias, int rows, int columns, bool relu, float* x) {
  for (int r = 0; r < rows; ++r, x += columns) {
    for (int c = 0; c < columns; ++c) {
      float value = x[c] + bias[c];
      x[c] = value > 0 || !relu ? value : 0;
    }
  }
}

}  // namespace

Result<OpenBlas> OpenBlas::Open() {
  ChooseCoreType();
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return NotFound(std::string("OpenBLAS cannot be opened: ") + dlerror());
  OpenBlas blas;
  if (!Resolve(library, "cblas_sgemm", &blas.gemm_) ||
      !Resolve(library, "cblas_sgemv", &blas.gemv_) ||
      !Resolve(library, "openblas_set_num_threads", &blas.set_num_threads_) ||
      !Resolve(library, "openblas_get_corename", &blas.corename_)) {
    return NotFound("libopenblas.so.0 lacks a function of its own interface");
  }
  return blas;
}

void OpenBlas::Multiply(int m, int n, int k, const float* a, const float* b, float* c) const {
  if (m == 1) {
    gemv_(kRowMajor, kTrans, k, n, 1.0F, b, n, a, 1, 0.0F, c, 1);
  } else {
    gemm_(kRowMajor, kNoTrans, kNoTrans, m, n, k, 1.0F, a, k, b, n, 0.0F, c, n);
  }
}

OpenBlasNet::OpenBlasNet(OpenBlas blas, std::vector<NamedTensor> weights, int max_batch)
    : blas_(blas), weights_(std::move(weights)) {
  auto batch = static_cast<size_t>(max_batch);
  columns_.resize(size_t{kMostAtOnce} * std::max(28 * 28 * 25, 14 * 14 * 25 * 32));
  product_.resize(size_t{kMostAtOnce} * 28 * 28 * 32);
  pooled1_.resize(size_t{kMostAtOnce} * 14 * 14 * 32);
  pooled2_.resize(batch * kFeatures);
  hidden_.resize(batch * kHidden);
}

void OpenBlasNet::Run(const float* images, int batch, int threads, float* logits) {
  blas_.set_threads(threads);
  const int at_once = ImagesAtOnce(threads);
  for (int begin = 0; begin < batch; begin += at_once) {
    int count = std::min(at_once, batch - begin);
    for (int i = 0; i < count; ++i) {
      Columns(images + (begin + i) * 784, 28, 1, columns_.data() + i * 784 * 25);
    }
    blas_.Multiply(count * 784, 32, 25, columns_.data(), Weight(0), product_.data());
    for (int i = 0; i < count; ++i) {
      float* pooled = pooled1_.data() + i * 196 * 32;
      PoolBiasRelu(product_.data() + i * 784 * 32, 28, 32, Weight(1), pooled);
      Columns(pooled, 14, 32, columns_.data() + i * 196 * 800);
    }
    blas_.Multiply(count * 196, 64, 800, columns_.data(), Weight(2), product_.data());
    for (int i = 0; i < count; ++i) {
      PoolBiasRelu(product_.data() + i * 196 * 64, 14, 64, Weight(3),
                   pooled2_.data() + (begin + i) * kFeatures);
    }
  }
  blas_.Multiply(batch, kHidden, kFeatures, pooled2_.data(), Weight(4), hidden_.data());
  AddBias(Weight(5), batch, kHidden, true, hidden_.data());
  blas_.Multiply(batch, kClasses, kHidden, hidden_.data(), Weight(6), logits);
  AddBias(Weight(7), batch, kClasses, false, logits);
  blas_.set_threads(1);  // the backend may compute with the same library
}

}  // namespace midstream::bench
