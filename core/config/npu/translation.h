// What the translators of single options write to: keys of the configuration, and notes.
// Threads: one thread per Translation.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_TRANSLATION_H_
#define MIDSTREAM_CORE_CONFIG_NPU_TRANSLATION_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace midstream::config {

class Translation {
 public:
  // section: "" or as TOML spells it, "precision.op.Softmax"; value: TOML. The last one stands.
  void Set(const std::string& section, const std::string& key, const std::string& value);
  void SetText(const std::string& section, const std::string& key, std::string_view text);
  void SetList(const std::string& section, const std::string& key,
               const std::vector<std::string>& items);
  void Note(std::string note) { notes_.push_back(std::move(note)); }

  // What was set and noted since the last call.
  std::vector<std::string> TakeKeys();
  std::vector<std::string> TakeNotes();

  std::string ToToml() const;

 private:
  // "" sorts first, so keys of the top level come before every table.
  std::map<std::string, std::map<std::string, std::string>> sections_;
  std::vector<std::string> keys_;
  std::vector<std::string> notes_;
};

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_TRANSLATION_H_
