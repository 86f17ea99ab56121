// Parts of partitioned variables: boxes inside a tensor, and how the files write them.
//
// A part is a row of the checkpoint under a binary key that encodes the whole tensor's name and the
// part's position. A file may list an axis that a part covers as a whole without its length.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_SLICE_KEY_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_SLICE_KEY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/tensor.h"

namespace midstream::tensorflow {

constexpr int64_t kWholeAxis = -1;  // length of an extent that covers its axis

struct SliceExtent {
  int64_t start = 0;
  int64_t length = kWholeAxis;
  friend bool operator==(const SliceExtent&, const SliceExtent&) = default;
};

// One extent for each axis, all lengths known.
using Box = std::vector<SliceExtent>;

// A Saver's description of a part: "10 22 0,5:0,22" is the first half of a [10, 22] tensor, "-"
// stands for a whole axis. Errors: INVALID_ARGUMENT.
struct PartOfTensor {
  Shape whole;
  Box box;
};
Result<PartOfTensor> ParseSlice(std::string_view text);

// TensorSliceProto, as the file has it. Errors: DATA_LOSS.
Result<std::vector<SliceExtent>> DecodeSlice(std::string_view bytes);

// The box inside a tensor of shape `whole`. Errors: DATA_LOSS when it does not lie inside.
Result<Box> ResolveSlice(const std::vector<SliceExtent>& extents, const Shape& whole);
Box WholeBox(const Shape& shape);
Shape BoxShape(const Box& box);
// Whether the boxes share an element; `*overlap`, if given, is what they share.
bool Intersect(const Box& a, const Box& b, Box* overlap);

// Copies what the boxes of the two tensors share. Requires: the same dtype, and shapes as the boxes.
void CopyOverlap(const Tensor& from, const Box& from_box, const Box& to_box, Tensor* to);

// The key of a part in the index.
std::string SliceKey(std::string_view name, const std::vector<SliceExtent>& extents);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_SLICE_KEY_H_
