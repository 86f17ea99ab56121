#include "core/cli/exit_code.h"

#include <gtest/gtest.h>

namespace midstream::cli {
namespace {

TEST(ExitCode, BlamesTheDataForWhatIsWrongWithIt) {
  for (const Status& status : {InvalidArgument("m"), NotFound("m"), DataLoss("m"), OutOfRange("m"),
                               Unimplemented("m"), Status(Code::kPermissionDenied, "m")}) {
    const Outcome outcome = DataFailure(status);
    EXPECT_EQ(outcome.exit(), Exit::kData) << status.ToString();
    EXPECT_EQ(outcome.message(), "m");
  }
}

TEST(ExitCode, DoesNotBlameTheDataForOtherFailures) {
  for (const Status& status : {Internal("m"), ResourceExhausted("m"), DeadlineExceeded("m")}) {
    EXPECT_EQ(DataFailure(status).exit(), Exit::kFailed) << status.ToString();
  }
}

}  // namespace
}  // namespace midstream::cli
