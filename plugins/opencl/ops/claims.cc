#include "ops/claims.h"

namespace midstream::opencl {

std::vector<int64_t> KnownInts(const PlanBuilder& plan, uint32_t input) {
  std::vector<int64_t> values(static_cast<size_t>(plan.in(input).count()));
  const std::span<const std::byte> bytes = plan.HostValue(input);
  const size_t width = sdk::ByteWidth(plan.in(input).dtype);
  if (bytes.size() < values.size() * width) {
    throw sdk::Error(MS_UNIMPLEMENTED,
                     "opencl needs the value of input " + std::to_string(input) +
                         " when a plan is made, and it is known only when the plan runs");
  }
  for (size_t i = 0; i < values.size(); ++i) {
    int32_t narrow = 0;
    if (width == sizeof narrow) {
      std::memcpy(&narrow, bytes.data() + i * width, width);
      values[i] = narrow;
    } else {
      std::memcpy(&values[i], bytes.data() + i * width, width);
    }
  }
  return values;
}

}  // namespace midstream::opencl
