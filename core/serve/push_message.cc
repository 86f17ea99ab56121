#include "core/serve/push_message.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/formats/file.h"

namespace midstream::serve {
namespace {

using formats::Quoted;
using Json = nlohmann::json;

constexpr std::string_view kMagic = "MSP1";
constexpr size_t kLongestMessage = size_t{2} << 20;

constexpr std::array<std::pair<std::string_view, Verb>, 3> kVerbs = {
    {{"push", Verb::kPush}, {"status", Verb::kStatus}, {"rollback", Verb::kRollback}}};
constexpr std::array<std::pair<std::string_view, formats::TensorFormat>, 2> kFormats = {
    {{"safetensors", formats::TensorFormat::kSafetensors}, {"npz", formats::TensorFormat::kNpz}}};
constexpr std::array<std::pair<std::string_view, CheckMode>, 3> kChecks = {
    {{"subset", CheckMode::kSubset},
     {"exact", CheckMode::kExact},
     {"superset", CheckMode::kSuperset}}};

template <typename Table>
std::string Listed(const Table& table) {
  std::string text;
  for (const auto& [name, value] : table) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

template <typename Table, typename Value>
Status FromName(const Table& table, std::string_view name, Value* to) {
  for (const auto& [candidate, value] : table) {
    if (candidate != name) continue;
    *to = value;
    return OkStatus();
  }
  return InvalidArgument("is " + Quoted(name) + "; expected one of " + Listed(table));
}

template <typename Table, typename Value>
std::string NameOf(const Table& table, Value value) {
  auto at = std::find_if(table.begin(), table.end(),
                         [&](const auto& row) { return row.second == value; });
  return std::string(at->first);
}

Status Take(const Json& value, bool* to) {
  if (!value.is_boolean()) return InvalidArgument("expected true or false");
  *to = value.get<bool>();
  return OkStatus();
}

Status Take(const Json& value, uint64_t* to) {
  if (!value.is_number_unsigned()) return InvalidArgument("expected a number of a version");
  *to = value.get<uint64_t>();
  return OkStatus();
}

Status Take(const Json& value, std::string* to) {
  if (!value.is_string()) return InvalidArgument("expected a text");
  *to = value.get<std::string>();
  return OkStatus();
}

template <typename Table, typename Value>
Status TakeName(const Json& value, const Table& table, Value* to) {
  std::string name;
  MS_RETURN_IF_ERROR(Take(value, &name));
  return FromName(table, name, to);
}

// [["from", "to"], ...]
Status Take(const Json& value, std::vector<RenameRule>* to) {
  const Status wrong = InvalidArgument("expected an array of pairs [\"from\", \"to\"]");
  if (!value.is_array()) return wrong;
  for (const Json& pair : value) {
    if (!pair.is_array() || pair.size() != 2) return wrong;
    RenameRule rule;
    if (!Take(pair[0], &rule.from).ok() || !Take(pair[1], &rule.to).ok()) return wrong;
    to->push_back(std::move(rule));
  }
  return OkStatus();
}

Status TakePushField(const std::string& key, const Json& value, PushRequest* request) {
  UpdateOptions& options = request->options;
  if (key == "name") return Take(value, &request->name);
  if (key == "format") return TakeName(value, kFormats, &request->format);
  if (key == "check") return TakeName(value, kChecks, &options.check);
  if (key == "base") return Take(value, &options.base.emplace());
  if (key == "finite") return Take(value, &options.finite);
  if (key == "accept_float64") return Take(value, &options.accept_float64);
  if (key == "rename") return Take(value, &options.rename);
  if (key == "digest") {
    std::string digest;
    MS_RETURN_IF_ERROR(Take(value, &digest));
    return SetUpdateOption("digest", digest, &options);
  }
  return InvalidArgument("is no field of this request");
}

Status TakeField(const std::string& key, const Json& value, PushRequest* request) {
  if (request->verb == Verb::kPush) return TakePushField(key, value, request);
  if (request->verb == Verb::kRollback && key == "version") return Take(value, &request->version);
  return InvalidArgument("is no field of this request");
}

Status Missing(const Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (!object.contains(key)) return InvalidArgument("the request has no " + Quoted(key));
  }
  return OkStatus();
}

Code CodeFromName(std::string_view name) {
  for (int32_t code = 1; code <= static_cast<int32_t>(Code::kUnauthenticated); ++code) {
    if (CodeName(static_cast<Code>(code)) == name) return static_cast<Code>(code);
  }
  return Code::kUnknown;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string WithPrelude(const std::string& body) {
  std::string message(kMagic);
  for (size_t i = 0; i < 4; ++i) message += static_cast<char>(body.size() >> (8 * i));
  return message + body;
}

Result<uint32_t> ParsePrelude(std::string_view prelude, uint32_t largest) {
  if (prelude.size() != kPreludeSize || !prelude.starts_with(kMagic)) {
    return InvalidArgument("this is no message of the protocol: it begins with " +
                           Quoted(prelude.substr(0, kMagic.size())) + "; expected 'MSP1'");
  }
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) {
    size |= uint32_t{static_cast<uint8_t>(prelude[kMagic.size() + i])} << (8 * i);
  }
  if (size <= largest) return size;
  return InvalidArgument("a message of " + std::to_string(size) + " bytes; at most " +
                         std::to_string(largest) + " are allowed");
}

Result<PushRequest> ParseRequest(std::string_view text) {
  const Json object = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!object.is_object()) return InvalidArgument("the request is no JSON object");
  MS_RETURN_IF_ERROR(Missing(object, {"verb"}));
  PushRequest request;
  const Status verb = TakeName(object["verb"], kVerbs, &request.verb);
  if (!verb.ok()) return verb.WithContext("the request's field 'verb'");
  for (const auto& [key, value] : object.items()) {
    if (key == "verb") continue;
    const Status taken = TakeField(key, value, &request);
    if (!taken.ok()) return taken.WithContext("the request's field " + Quoted(key));
  }
  if (request.verb == Verb::kPush) MS_RETURN_IF_ERROR(Missing(object, {"name", "format"}));
  if (request.verb == Verb::kRollback) MS_RETURN_IF_ERROR(Missing(object, {"version"}));
  return request;
}

std::string FormatRequest(const PushRequest& request) {
  Json json = {{"verb", NameOf(kVerbs, request.verb)}};
  if (request.verb == Verb::kRollback) json["version"] = request.version;
  if (request.verb != Verb::kPush) return Dump(json);
  const UpdateOptions& options = request.options;
  json["name"] = request.name;
  json["format"] = NameOf(kFormats, request.format);
  json["check"] = NameOf(kChecks, options.check);
  if (options.base) json["base"] = *options.base;
  json["finite"] = options.finite;
  json["accept_float64"] = options.accept_float64;
  json["rename"] = Json::array();
  for (const RenameRule& rule : options.rename) {
    json["rename"].push_back(Json::array({rule.from, rule.to}));
  }
  if (!options.digest.empty()) json["digest"] = options.digest;
  return Dump(json);
}

Result<CheckMode> ParseCheckMode(std::string_view text) {
  CheckMode mode = CheckMode::kSubset;
  MS_RETURN_IF_ERROR(FromName(kChecks, text, &mode));
  return mode;
}

std::string FormatReply(Verb verb, const AppliedWeights& applied) {
  Json json = {{"version", applied.version}};
  if (verb == Verb::kPush) {
    json["tensors"] = applied.tensors;
    json["read_ms"] = applied.read_ms;
    json["update_ms"] = applied.update_ms;
  }
  return Dump(json);
}

std::string FormatReply(const Status& status) {
  std::string message(status.message().substr(0, kLongestMessage));
  if (message.size() < status.message().size()) message += "\n  ...";
  return Dump({{"code", CodeName(status.code())}, {"message", message}});
}

Result<AppliedWeights> ParseReply(std::string_view text) {
  const Json object = Json::parse(text.begin(), text.end(), nullptr, false);
  const Status wrong = DataLoss("the engine's answer makes no sense");
  if (!object.is_object()) return wrong;
  if (object.contains("code")) {
    std::string code;
    std::string message;
    if (!object.contains("message") || !Take(object["code"], &code).ok() ||
        !Take(object["message"], &message).ok()) {
      return wrong;
    }
    return Status(CodeFromName(code), message);
  }
  AppliedWeights applied;
  if (!object.contains("version") || !Take(object["version"], &applied.version).ok()) return wrong;
  if (!object.contains("tensors")) return applied;
  if (!object["tensors"].is_number_unsigned() || !object.value("read_ms", Json()).is_number() ||
      !object.value("update_ms", Json()).is_number()) {
    return wrong;
  }
  applied.tensors = object["tensors"].get<size_t>();
  applied.read_ms = object["read_ms"].get<double>();
  applied.update_ms = object["update_ms"].get<double>();
  return applied;
}

}  // namespace midstream::serve
