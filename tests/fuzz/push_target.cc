// What a client sends to the socket that weights are pushed to, and what an engine answers.
#include <algorithm>
#include <string>

#include "core/serve/push_message.h"
#include "tests/fuzz/targets.h"

namespace midstream::fuzz {

void FuzzPushMessage(std::string_view input) {
  const auto size =
      serve::ParsePrelude(input.substr(0, serve::kPreludeSize), serve::kLargestRequest);
  if (size.ok()) MS_FUZZ_CHECK(*size <= serve::kLargestRequest);
  const std::string_view body = input.substr(std::min(input.size(), serve::kPreludeSize));
  const auto request = serve::ParseRequest(body);
  if (request.ok()) {
    // Said again, it means the same.
    const std::string again = serve::FormatRequest(*request);
    const auto back = serve::ParseRequest(again);
    MS_FUZZ_CHECK(back.ok() && serve::FormatRequest(*back) == again);
  } else {
    MS_FUZZ_CHECK(request.status().code() == Code::kInvalidArgument);
    const std::string told = serve::FormatReply(request.status());
    MS_FUZZ_CHECK(serve::ParseReply(told).status().code() == Code::kInvalidArgument);
  }
  const auto reply = serve::ParseReply(body);
  MS_FUZZ_CHECK(reply.ok() || !serve::FormatReply(reply.status()).empty());
}

}  // namespace midstream::fuzz
