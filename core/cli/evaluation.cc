// The batches that `midstream online` runs, and how many of their answers are right.
#include "core/cli/evaluation.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/formats/npy/npy.h"

namespace midstream::cli {
namespace {

// Rows [begin, begin + count) as a tensor of their own. Requires: they are there.
Result<Tensor> Rows(const Tensor& tensor, int64_t begin, int64_t count) {
  Shape shape = tensor.shape();
  const size_t row_bytes = tensor.byte_size() / static_cast<size_t>(shape[0]);
  shape.mutable_dims()[0] = count;
  return Tensor::Copy(tensor.dtype(), shape,
                      tensor.bytes().subspan(static_cast<size_t>(begin) * row_bytes,
                                             static_cast<size_t>(count) * row_bytes));
}

// The first index of the highest score of each row.
std::vector<int64_t> ArgMax(std::span<const float> scores, int64_t rows) {
  std::vector<int64_t> classes;
  const size_t width = scores.size() / static_cast<size_t>(rows);
  for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
    const auto begin = scores.begin() + row * width;
    classes.push_back(std::max_element(begin, begin + width) - begin);
  }
  return classes;
}

Result<std::vector<int64_t>> Classes(const Tensor& prediction, int64_t rows) {
  const Shape& shape = prediction.shape();
  if (shape == Shape({rows})) {
    Result<std::vector<int64_t>> classes = prediction.ToInts();
    if (classes.ok()) return classes;
  } else if (shape.rank() == 2 && shape[0] == rows && shape[1] > 0 &&
             prediction.dtype() == DType::kF32) {
    return ArgMax(prediction.as<float>(), rows);
  }
  return InvalidArgument(fmt::format(
      "accuracy needs an output that holds one class or float32 scores for each of the {} images; "
      "this one is {} {}",
      rows, DTypeName(prediction.dtype()), shape.ToString()));
}

}  // namespace

Result<Evaluation> Evaluation::FromFiles(const std::string& images, const std::string& labels,
                                         int64_t batch) {
  Evaluation evaluation;
  MS_ASSIGN_OR_RETURN(const Tensor all, formats::ReadNpy(images));
  if (all.shape().rank() == 0 || all.count() == 0) {
    return InvalidArgument(fmt::format("{}: there are no images in an array of shape {}", images,
                                       all.shape().ToString()));
  }
  evaluation.images_ = all.shape()[0];
  evaluation.batch_ = std::min(batch, evaluation.images_);
  evaluation.full_batches_ = static_cast<size_t>(evaluation.images_ / evaluation.batch_);
  for (int64_t begin = 0; begin < evaluation.images_; begin += evaluation.batch_) {
    MS_ASSIGN_OR_RETURN(Tensor rows,
                        Rows(all, begin, std::min(evaluation.batch_, evaluation.images_ - begin)));
    evaluation.batches_.push_back(std::move(rows));
  }
  if (labels.empty()) return evaluation;

  MS_ASSIGN_OR_RETURN(const Tensor classes, formats::ReadNpy(labels));
  Result<std::vector<int64_t>> values = classes.ToInts();
  if (!values.ok()) return values.status().WithContext(labels);
  if (classes.shape() != Shape({evaluation.images_})) {
    return InvalidArgument(
        fmt::format("{}: expected one label for each of the {} images in {}, "
                    "found shape {}",
                    labels, evaluation.images_, images, classes.shape().ToString()));
  }
  evaluation.labels_ = *std::move(values);
  return evaluation;
}

Evaluation Evaluation::FromBatch(Tensor batch) {
  Evaluation evaluation;
  evaluation.images_ = batch.shape().rank() == 0 ? 1 : batch.shape()[0];
  evaluation.batch_ = evaluation.images_;
  evaluation.batches_ = {std::move(batch)};
  return evaluation;
}

Result<int64_t> Evaluation::CountCorrect(size_t index, const Tensor& prediction) const {
  const auto begin = static_cast<int64_t>(index) * batch_;
  const int64_t rows = std::min(batch_, images_ - begin);
  MS_ASSIGN_OR_RETURN(const std::vector<int64_t> classes, Classes(prediction, rows));
  int64_t correct = 0;
  for (int64_t i = 0; i < rows; ++i) correct += classes[i] == labels_[begin + i];
  return correct;
}

}  // namespace midstream::cli
