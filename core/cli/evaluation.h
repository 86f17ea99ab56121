// Evaluation: the batches that `midstream online` runs, and how many of their answers are right.
//
// The batches come from a file of images, or are one random batch. Made before the clock starts;
// each is a tensor of its own, aligned as the engine likes it.
#ifndef MIDSTREAM_CORE_CLI_EVALUATION_H_
#define MIDSTREAM_CORE_CLI_EVALUATION_H_

#include <optional>
#include <string>
#include <vector>

#include "core/engine/engine.h"

namespace midstream::cli {

class Evaluation {
 public:
  // Consecutive batches of the images along the first axis; the last one may be smaller. labels:
  // the class of each image, or "" when there is none. Errors: those of reading; INVALID_ARGUMENT
  // when the counts differ.
  static Result<Evaluation> FromFiles(const std::string& images, const std::string& labels,
                                      int64_t batch);
  static Evaluation FromBatch(Tensor batch);

  const std::vector<Tensor>& batches() const { return batches_; }
  // Batches that have the full size; at least one.
  size_t full_batches() const { return full_batches_; }
  int64_t images() const { return images_; }
  bool has_labels() const { return !labels_.empty(); }

  // How many of a batch's answers are right. prediction is the class of each image, or the scores
  // of all classes, of which the first highest counts. Requires: has_labels(), index <
  // batches().size(). Errors: INVALID_ARGUMENT for a prediction of another kind.
  Result<int64_t> CountCorrect(size_t index, const Tensor& prediction) const;

 private:
  std::vector<Tensor> batches_;
  size_t full_batches_ = 1;
  int64_t images_ = 0;
  int64_t batch_ = 0;
  std::vector<int64_t> labels_;
};

}  // namespace midstream::cli

#endif  // MIDSTREAM_CORE_CLI_EVALUATION_H_
