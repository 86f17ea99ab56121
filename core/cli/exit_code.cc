// Which errors are the data's fault.
#include "core/cli/exit_code.h"

namespace midstream::cli {

Outcome DataFailure(const Status& status) {
  switch (status.code()) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kPermissionDenied:
    case Code::kFailedPrecondition:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
    case Code::kDataLoss:
      return {Exit::kData, status};
    default:
      return {Exit::kFailed, status};
  }
}

}  // namespace midstream::cli
