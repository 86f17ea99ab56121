#include "core/policy/prefix_layout.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace midstream::policy {
namespace {

std::vector<bool> MaskOf(const ModelInputs& inputs, int64_t image_tokens) {
  std::vector<bool> mask;
  for (const CameraImage& image : inputs.images) {
    mask.insert(mask.end(), static_cast<size_t>(image_tokens), image.valid);
  }
  mask.insert(mask.end(), inputs.token_mask.begin(), inputs.token_mask.end());
  return mask;
}

Tensor Make(DType dtype, Shape shape) {
  Tensor tensor = *Tensor::Allocate(dtype, std::move(shape));
  std::memset(tensor.mutable_data(), 0, tensor.byte_size());
  return tensor;
}

}  // namespace

PrefixLayout::PrefixLayout(const ModelInputs& inputs, int64_t image_tokens)
    : PrefixLayout(MaskOf(inputs, image_tokens)) {}

PrefixLayout::PrefixLayout(std::vector<bool> mask) : mask_(std::move(mask)) {
  for (size_t i = 0; i < mask_.size(); ++i) {
    if (mask_[i]) valid_.push_back(static_cast<int64_t>(i));
  }
}

PrefixLayout PrefixLayout::RightAligned() const {
  if (valid_.empty()) return *this;
  std::vector<bool> mask = mask_;
  std::rotate(mask.begin(), mask.begin() + valid_.back() + 1, mask.end());
  return PrefixLayout(std::move(mask));
}

Result<Tensor> PrefixLayout::Scatter(const Tensor& compact, size_t axis) const {
  Shape shape = compact.shape();
  shape.mutable_dims()[axis] = rows();
  MS_ASSIGN_OR_RETURN(Tensor full, Tensor::Allocate(compact.dtype(), shape));
  std::memset(full.mutable_data(), 0, full.byte_size());
  size_t outer = 1;
  for (size_t i = 0; i < axis; ++i) outer *= static_cast<size_t>(shape[i]);
  size_t row = DTypeSize(compact.dtype());
  for (size_t i = axis + 1; i < shape.rank(); ++i) row *= static_cast<size_t>(shape[i]);
  const std::byte* from = compact.bytes().data();
  auto* to = static_cast<std::byte*>(full.mutable_data());
  for (size_t o = 0; o < outer; ++o, to += row * mask_.size()) {
    for (int64_t at : valid_) {
      std::memcpy(to + static_cast<size_t>(at) * row, from, row);
      from += row;
    }
  }
  return full;
}

Tensor PrefixLayout::Mask() const {
  Tensor mask = Make(DType::kBool, {1, rows()});
  for (int64_t row : valid_) mask.mutable_as<bool>()[static_cast<size_t>(row)] = true;
  return mask;
}

Tensor PrefixLayout::Positions() const {
  Tensor positions = Make(DType::kI32, {1, rows()});
  int32_t next = -1;
  for (size_t i = 0; i < mask_.size(); ++i) {
    next += mask_[i] ? 1 : 0;
    positions.mutable_as<int32_t>()[i] = next;
  }
  return positions;
}

Tensor PrefixLayout::AttentionMask() const {
  Tensor mask = Make(DType::kBool, {1, rows(), rows()});
  for (int64_t query : valid_) {
    for (int64_t key : valid_) {
      mask.mutable_as<bool>()[static_cast<size_t>(query * rows() + key)] = true;
    }
  }
  return mask;
}

Tensor PrefixLayout::SuffixAttentionMask(int64_t suffix, int64_t alone) const {
  const int64_t columns = rows() + suffix;
  Tensor mask = Make(DType::kBool, {1, suffix, columns});
  for (int64_t query = 0; query < suffix; ++query) {
    const auto row = mask.mutable_as<bool>().subspan(static_cast<size_t>(query * columns),
                                                     static_cast<size_t>(columns));
    for (int64_t key : valid_) row[static_cast<size_t>(key)] = true;
    const int64_t seen = query < alone ? alone : suffix;
    std::fill_n(row.begin() + rows(), seen, true);
  }
  return mask;
}

Tensor PrefixLayout::SuffixPositions(int64_t suffix) const {
  Tensor positions = Make(DType::kI32, {1, suffix});
  auto next = static_cast<int32_t>(valid_.size());
  for (int32_t& position : positions.mutable_as<int32_t>()) position = next++;
  return positions;
}

}  // namespace midstream::policy
