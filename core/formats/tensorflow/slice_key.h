// Parts of partitioned variables: each part is a row of the checkpoint's index under a binary key
// that encodes the whole tensor's name and the part's position.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_SLICE_KEY_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_SLICE_KEY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::tensorflow {

constexpr int64_t kWholeAxis = -1;  // length of an extent that covers its axis

struct SliceExtent {
  int64_t start = 0;
  int64_t length = kWholeAxis;
};

// A Saver's description of a part: "10 22 0,5:0,22" is the first half of a [10, 22] tensor; "-"
// stands for a whole axis and is given as the extent that covers it. Errors: INVALID_ARGUMENT.
Result<std::vector<SliceExtent>> ParseSlice(std::string_view text);

// The key of a part in the index.
std::string SliceKey(std::string_view name, const std::vector<SliceExtent>& extents);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_SLICE_KEY_H_
