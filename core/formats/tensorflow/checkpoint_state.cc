#include "core/formats/tensorflow/checkpoint_state.h"

#include <cstdint>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/tensorflow/checkpoint_files.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr uint64_t kLargestFile = uint64_t{16} << 20;

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char SimpleEscape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return c;  // \\ \" \'
  }
}

// Takes the escape after a backslash off `rest`.
char TakeEscape(std::string_view* rest) {
  char first = rest->front();
  rest->remove_prefix(1);
  int value = 0;
  if (IsOctal(first)) {
    value = first - '0';
    for (int i = 0; i < 2 && !rest->empty() && IsOctal(rest->front()); ++i) {
      value = value * 8 + (rest->front() - '0');
      rest->remove_prefix(1);
    }
    return static_cast<char>(value & 0xff);
  }
  if (first != 'x' || rest->empty() || HexDigit(rest->front()) < 0) return SimpleEscape(first);
  for (int i = 0; i < 2 && !rest->empty() && HexDigit(rest->front()) >= 0; ++i) {
    value = value * 16 + HexDigit(rest->front());
    rest->remove_prefix(1);
  }
  return static_cast<char>(value);
}

void SkipSpaces(std::string_view* rest) {
  size_t spaces = rest->find_first_not_of(" \t\r");
  rest->remove_prefix(spaces == std::string_view::npos ? rest->size() : spaces);
}

// A quoted string of the protobuf text format; false when it does not end.
bool TakeString(std::string_view* rest, std::string* out) {
  SkipSpaces(rest);
  if (rest->empty() || (rest->front() != '"' && rest->front() != '\'')) return false;
  char quote = rest->front();
  rest->remove_prefix(1);
  while (!rest->empty()) {
    char c = rest->front();
    rest->remove_prefix(1);
    if (c == quote) return true;
    if (c == '\\') {
      if (rest->empty()) return false;
      c = TakeEscape(rest);
    }
    *out += c;
  }
  return false;
}

// "C:\models\model.ckpt" has its last part behind a backslash.
std::string LastPart(const std::string& path) {
  size_t slash = path.find_last_of("/\\");
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool Exists(const std::string& checkpoint) { return FindCheckpointFiles(checkpoint).ok(); }

}  // namespace

Result<CheckpointState> ParseCheckpointState(std::string_view text) {
  CheckpointState state;
  for (int line = 1; !text.empty(); ++line) {
    size_t end = text.find('\n');
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    SkipSpaces(&rest);
    size_t colon = rest.find(':');
    if (rest.empty() || rest.front() == '#') continue;
    std::string_view key = rest.substr(0, colon);
    if (colon == std::string_view::npos) {
      return DataLoss("line " + std::to_string(line) + ": expected 'key: value'");
    }
    if (key != "model_checkpoint_path" && key != "all_model_checkpoint_paths") continue;
    rest.remove_prefix(colon + 1);
    std::string value;
    if (!TakeString(&rest, &value)) {
      return DataLoss("line " + std::to_string(line) + ": expected a quoted path after " +
                      Quoted(key));
    }
    if (key == "model_checkpoint_path") {
      state.latest = std::move(value);
    } else {
      state.all.push_back(std::move(value));
    }
  }
  if (state.latest.empty()) return DataLoss("it names no model_checkpoint_path");
  return state;
}

Result<std::string> LatestCheckpoint(const std::string& directory) {
  std::string file = directory + "/checkpoint";
  auto text = ReadFile(file, kLargestFile);
  if (!text.ok()) return text.status();
  auto state = ParseCheckpointState(*text);
  if (!state.ok()) return state.status().WithContext(file);
  const std::string& path = state->latest;
  std::string named = path.front() == '/' ? path : directory + "/" + path;
  if (Exists(named)) return named;
  std::string beside = directory + "/" + LastPart(path);
  if (Exists(beside)) return beside;
  return NotFound(file + " names " + Quoted(path) + ", which is neither there nor in " + directory);
}

}  // namespace midstream::tensorflow
