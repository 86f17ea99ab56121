// The JSON of files that anybody may have written.
//
// The library copies, compares and prints values by recursion, so a file of nothing but brackets
// would end the process; no format that is read here nests deeper than a few levels.
#ifndef MIDSTREAM_CORE_FORMATS_JSON_H_
#define MIDSTREAM_CORE_FORMATS_JSON_H_

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace midstream::formats {

constexpr int kDeepestJson = 64;

// Discarded (is_discarded) where the text is malformed or nested deeper than kDeepestJson. With
// `repeated`, also where an object has a key twice, which is then left there: readers differ in which
// of the two they take.
inline nlohmann::json ParseJson(std::string_view text, std::string* repeated = nullptr) {
  using Json = nlohmann::json;
  using Event = Json::parse_event_t;
  bool refused = false;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch_keys = [&](Event event, const Json& value) {
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event != Event::key || keys.back().insert(value.get<std::string>()).second) return true;
    *repeated = value.get<std::string>();
    return false;
  };
  const auto watch = [&](int depth, Event event, Json& value) {
    const bool opens = event == Event::object_start || event == Event::array_start;
    refused |= opens && depth >= kDeepestJson;
    if (!refused && repeated != nullptr) refused = !watch_keys(event, value);
    return !refused;
  };
  Json json = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  return refused ? Json(Json::value_t::discarded) : json;
}

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_JSON_H_
