// The messages of pushing: what a trainer asks of an engine, and what that answers (docs/sources.md).
//
// A message is four bytes "MSP1", the length of the rest as four bytes, the least significant first,
// and one JSON object. With the message that pushes weights goes one file descriptor.
//
// Decoding is strict and bounded: no unknown field, no value of another type than expected.
// Threads: functions of their arguments.
#ifndef MIDSTREAM_CORE_SERVE_PUSH_MESSAGE_H_
#define MIDSTREAM_CORE_SERVE_PUSH_MESSAGE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/formats/tensor_file.h"
#include "core/sources/source_event.h"
#include "core/weights/update_options.h"

namespace midstream::serve {

constexpr size_t kPreludeSize = 8;
constexpr uint32_t kLargestRequest = uint32_t{1} << 20;
constexpr uint32_t kLargestReply = uint32_t{16} << 20;

// Requires: at most 4 GiB.
std::string WithPrelude(const std::string& body);
// The length of what follows. Errors: INVALID_ARGUMENT for another magic or more than `largest`.
Result<uint32_t> ParsePrelude(std::string_view prelude, uint32_t largest);

enum class Verb { kPush, kStatus, kRollback };

struct PushRequest {
  Verb verb = Verb::kStatus;
  // Of kPush.
  std::string name;  // what messages call the weights
  formats::TensorFormat format = formats::TensorFormat::kSafetensors;
  UpdateOptions options;
  // Of kRollback.
  uint64_t version = 0;
};

// Errors: INVALID_ARGUMENT naming the field.
Result<PushRequest> ParseRequest(std::string_view json);
std::string FormatRequest(const PushRequest& request);

// `subset`, `exact` and `superset`. Errors: INVALID_ARGUMENT.
Result<CheckMode> ParseCheckMode(std::string_view text);

// What the engine answers to a request that succeeded; of kStatus and kRollback only the version.
std::string FormatReply(Verb verb, const AppliedWeights& applied);
std::string FormatReply(const Status& status);
// Errors: the status that was sent; DATA_LOSS for what is no reply.
Result<AppliedWeights> ParseReply(std::string_view json);

}  // namespace midstream::serve

#endif  // MIDSTREAM_CORE_SERVE_PUSH_MESSAGE_H_
