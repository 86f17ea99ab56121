// The recorded runs of openpi in shared/data/openpi: inputs, stages and results, one sample at a time.
#ifndef MIDSTREAM_TESTS_CORE_POLICY_GOLDEN_TESTING_H_
#define MIDSTREAM_TESTS_CORE_POLICY_GOLDEN_TESTING_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/formats/tensor_file.h"
#include "core/policy/model_inputs.h"

namespace midstream::policy {

inline const std::string kOpenPi = std::string(MS_SHARED_DATA) + "/openpi/";

inline bool HaveOpenPi() { return std::filesystem::exists(kOpenPi); }

class Golden {
 public:
  // model: "pi0_tiny".
  explicit Golden(const std::string& model)
      : file_(*formats::OpenTensorFile(kOpenPi + model + "/golden.npz")) {}

  std::vector<std::string> Names(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& tensor : file_->tensors()) {
      if (tensor.name.starts_with(prefix)) names.push_back(tensor.name);
    }
    return names;
  }

  Tensor Read(const std::string& name) const {
    for (size_t i = 0; i < file_->tensors().size(); ++i) {
      if (file_->tensors()[i].name == name) return *file_->Read(i);
    }
    ADD_FAILURE() << "no array " << name;
    return {};
  }

  // Sample `sample` along `axis`, which becomes 1.
  static Tensor Sample(const Tensor& all, int64_t sample, size_t axis) {
    Shape shape = all.shape();
    size_t outer = 1;
    for (size_t i = 0; i < axis; ++i) outer *= static_cast<size_t>(shape[i]);
    const size_t samples = static_cast<size_t>(shape[axis]);
    shape.mutable_dims()[axis] = 1;
    Tensor part = *Tensor::Allocate(all.dtype(), shape);
    const size_t bytes = part.byte_size() / outer;
    for (size_t o = 0; o < outer; ++o) {
      const auto from =
          all.bytes().subspan((o * samples + static_cast<size_t>(sample)) * bytes, bytes);
      std::copy(from.begin(), from.end(), static_cast<std::byte*>(part.mutable_data()) + o * bytes);
    }
    return part;
  }

  // An input of the sample, without the axis of samples.
  Tensor Input(const std::string& name, int64_t sample) const {
    const Tensor one = Sample(Read("in." + name), sample, 0);
    return *one.Reshaped(
        Shape(std::vector<int64_t>(one.shape().dims().begin() + 1, one.shape().dims().end())));
  }

  ModelInputs Inputs(int64_t sample, const std::vector<std::string>& cameras) const {
    ModelInputs inputs;
    for (const std::string& camera : cameras) {
      inputs.images.push_back({camera, Input("image." + camera, sample),
                               Input("image_mask." + camera, sample).as<bool>()[0]});
    }
    inputs.state = Input("state", sample);
    const Tensor tokens = Input("tokens", sample);
    const Tensor mask = Input("token_mask", sample);
    inputs.tokens.assign(tokens.as<int32_t>().begin(), tokens.as<int32_t>().end());
    inputs.token_mask.assign(mask.as<bool>().begin(), mask.as<bool>().end());
    return inputs;
  }

 private:
  std::unique_ptr<formats::TensorFile> file_;
};

// The largest difference to the largest value of `expected`, over rows of `axis` where `mask` is true
// (all, if it is empty).
inline double RelativeError(const Tensor& actual, const Tensor& expected, const Tensor& mask,
                            size_t axis) {
  EXPECT_EQ(actual.shape(), expected.shape());
  EXPECT_EQ(actual.dtype(), DType::kF32);
  if (actual.shape() != expected.shape()) return INFINITY;
  size_t inner = 1;
  for (size_t i = axis + 1; i < expected.shape().rank(); ++i) {
    inner *= static_cast<size_t>(expected.shape()[i]);
  }
  const auto rows = static_cast<size_t>(expected.shape()[axis]);
  double error = 0;
  double largest = 0;
  for (size_t i = 0; i < static_cast<size_t>(expected.count()); ++i) {
    if (!mask.empty() && !mask.as<bool>()[i / inner % rows]) continue;
    const double want = expected.as<float>()[i];
    const double difference = std::abs(static_cast<double>(actual.as<float>()[i]) - want);
    error = std::isnan(difference) ? INFINITY : std::max(error, difference);
    largest = std::max(largest, std::abs(want));
  }
  return largest > 0 ? error / largest : error;
}

}  // namespace midstream::policy

#endif  // MIDSTREAM_TESTS_CORE_POLICY_GOLDEN_TESTING_H_
