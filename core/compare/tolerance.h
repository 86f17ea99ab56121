// How large a difference may be: |a - b| <= atol + rtol * |b| for every element, b being the
// baseline's.
//
// What is not asked for comes from the dtype (the table in tolerance.cc): rtol is the dtype's
// tolerance, atol is that times the largest |b| of the tensor, so that sums in which large terms
// cancel are held to the size of the terms.
#ifndef MIDSTREAM_CORE_COMPARE_TOLERANCE_H_
#define MIDSTREAM_CORE_COMPARE_TOLERANCE_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/graph/dtype.h"

namespace midstream::compare {

struct Tolerance {
  std::optional<double> atol;
  std::optional<double> rtol;
};

// 0 for what is no float: such values must be equal.
double ToleranceOf(DType dtype);

// Values of an option that may name an output: "1e-3", "logits:1e-2".
class PerOutput {
 public:
  // Errors: INVALID_ARGUMENT for what is no number of 0 or more, or a name that is given twice.
  static Result<PerOutput> Parse(const std::vector<std::string>& texts, std::string_view option);

  // The output's own value, or that for all; nothing when neither is given.
  std::optional<double> Of(std::string_view output) const;
  bool empty() const { return !all_ && named_.empty(); }
  // Errors: INVALID_ARGUMENT for a name that is none of the outputs.
  Status CheckNames(const std::vector<std::string>& outputs, std::string_view option) const;

 private:
  std::optional<double> all_;
  std::map<std::string, double, std::less<>> named_;  // without ":0"
};

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_TOLERANCE_H_
