#include "core/config/npu/translation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/config/keys.h"

namespace midstream::config {

void Translation::Set(const std::string& section, const std::string& key,
                      const std::string& value) {
  std::string& place = sections_[section][key];
  const std::string full = section.empty() ? key : section + "." + key;
  if (!place.empty() && place != value) {
    Note(fmt::format("{} = {} takes the place of {}", full, value, place));
  }
  place = value;
  if (std::find(keys_.begin(), keys_.end(), full) == keys_.end()) keys_.push_back(full);
}

void Translation::SetText(const std::string& section, const std::string& key,
                          std::string_view text) {
  Set(section, key, Quoted(text));
}

void Translation::SetList(const std::string& section, const std::string& key,
                          const std::vector<std::string>& items) {
  if (items.empty()) return;
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ", ") + Quoted(item);
  Set(section, key, "[" + list + "]");
}

std::vector<std::string> Translation::TakeKeys() { return std::exchange(keys_, {}); }
std::vector<std::string> Translation::TakeNotes() { return std::exchange(notes_, {}); }

std::string Translation::ToToml() const {
  std::string text;
  for (const auto& [section, keys] : sections_) {
    if (!text.empty()) text += '\n';
    if (!section.empty()) text += fmt::format("[{}]\n", section);
    for (const auto& [key, value] : keys) text += fmt::format("{} = {}\n", key, value);
  }
  return text;
}

}  // namespace midstream::config
