#include "core/formats/tensorflow/checkpoint_state.h"

#include <cstdint>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/tensorflow/checkpoint_files.h"
#include "core/formats/tensorflow/text_proto.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

using formats::Quoted;

constexpr uint64_t kLargestFile = uint64_t{16} << 20;

// "C:\models\model.ckpt" has its last part behind a backslash.
std::string LastPart(const std::string& path) {
  size_t slash = path.find_last_of("/\\");
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool Exists(const std::string& checkpoint) { return FindCheckpointFiles(checkpoint).ok(); }

}  // namespace

Result<CheckpointState> ParseCheckpointState(std::string_view text) {
  MS_ASSIGN_OR_RETURN(std::string encoded, EncodeText(text, TextMessage::kCheckpointState));
  CheckpointState state;
  WireReader reader(encoded);
  while (reader.Next()) {
    if (reader.field() == 1) state.latest = reader.bytes();
    if (reader.field() == 2) state.all.emplace_back(reader.bytes());
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
