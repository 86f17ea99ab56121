// The JSON of files that anybody may have written.
//
// The library copies, compares and prints values by recursion, so a file of nothing but brackets
// would end the process; no format that is read here nests deeper than a few levels.
#ifndef MIDSTREAM_CORE_FORMATS_JSON_H_
#define MIDSTREAM_CORE_FORMATS_JSON_H_

#include <nlohmann/json.hpp>
#include <string_view>

namespace midstream::formats {

constexpr int kDeepestJson = 64;

// Discarded (is_discarded) where the text is malformed or nested deeper than kDeepestJson.
inline nlohmann::json ParseJson(std::string_view text) {
  using Json = nlohmann::json;
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json&) {
    const bool opens =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    too_deep |= opens && depth >= kDeepestJson;
    return !too_deep;
  };
  Json json = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  return too_deep ? Json(Json::value_t::discarded) : json;
}

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_JSON_H_
