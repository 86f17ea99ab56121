// Checkpoints of OpenPI's policies: Orbax folders, safetensors files, the statistics beside them, and
// the files of the tokenizer of actions.
//
// A folder crosses as its files, one after the other: the length of the path, the path, two bytes of
// length, the bytes. Checksums of OCDBT's records are put right, else nothing behind them would ever
// be reached; which of them is tried without is the first byte's choice.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/formats/orbax/checkpoint.h"
#include "core/formats/safetensors/reader.h"
#include "core/models/openpi/norm_stats.h"
#include "core/policy/fast_tokenizer.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostRead = size_t{16} << 20;

void CheckError(const Status& status) { MS_FUZZ_CHECK(status.ok() || !status.message().empty()); }

uint64_t Take(std::string_view* input, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width && !input->empty(); ++i, input->remove_prefix(1)) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(input->front())) << (8 * i);
  }
  return value;
}

std::string_view TakeBytes(std::string_view* input, size_t size) {
  const std::string_view bytes = input->substr(0, size);
  input->remove_prefix(bytes.size());
  return bytes;
}

// Every record of OCDBT that the bytes hold gets the checksum that it should have.
std::string WithChecksums(std::string bytes) {
  constexpr std::string_view kMagic = "\x0c\xdb";
  for (size_t at = bytes.find(kMagic); at != bytes.npos; at = bytes.find(kMagic, at + 1)) {
    if (at + 16 > bytes.size()) break;
    std::string_view rest = std::string_view(bytes).substr(at + 4);
    const uint64_t size = Take(&rest, 8);
    if (size < 16 || size > bytes.size() - at) continue;
    const uint32_t crc = Crc32c(bytes.data() + at, size - 4);
    for (size_t i = 0; i < 4; ++i) bytes[at + size - 4 + i] = static_cast<char>(crc >> (8 * i));
  }
  return bytes;
}

// A path that stays in the folder and can be made; empty: leave the file out.
std::string SafePath(std::string_view path) {
  std::string safe;
  for (char c : path) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || c == '/' ||
                       (c >= 'A' && c <= 'Z');
    if (plain || (c == '.' && !safe.ends_with('.'))) safe += c;
  }
  return safe.starts_with('/') || safe.ends_with('/') || safe.find("/./") != safe.npos ? "" : safe;
}

void WriteFolder(std::string_view input, bool checksums) {
  while (!input.empty()) {
    const std::string path = SafePath(TakeBytes(&input, Take(&input, 1)));
    const std::string bytes(TakeBytes(&input, Take(&input, 2)));
    if (path.empty() || path.size() > 200) continue;
    std::error_code error;
    fs::create_directories(fs::path(ScratchPath("orbax/" + path)).parent_path(), error);
    if (error || fs::is_directory(ScratchPath("orbax/" + path), error)) continue;
    WriteScratch("orbax/" + path, checksums ? WithChecksums(bytes) : bytes);
  }
}

// Rows in any order are those of the whole.
void ReadAll(const formats::TensorFile& file) {
  for (size_t i = 0; i < file.tensors().size(); ++i) {
    const formats::TensorInfo& info = file.tensors()[i];
    const auto size = ByteSize(info.dtype, info.shape);
    MS_FUZZ_CHECK(size.ok());
    if (*size > kMostRead) continue;
    const auto whole = file.Read(i);
    CheckError(whole.status());
    if (whole.ok()) {
      MS_FUZZ_CHECK(whole->dtype() == info.dtype && whole->shape() == info.shape);
    }
    if (info.shape.rank() == 0 || *size == 0) continue;
    const int64_t rows = info.shape[0];
    const size_t row = *size / static_cast<size_t>(rows);
    for (int64_t begin : {int64_t{0}, rows / 2, rows - 1, rows / 3}) {
      const auto part = file.ReadRows(i, begin, 1);
      CheckError(part.status());
      if (!whole.ok()) continue;
      MS_FUZZ_CHECK(part.ok());
      const auto expected = whole->bytes().subspan(static_cast<size_t>(begin) * row, row);
      MS_FUZZ_CHECK(std::equal(expected.begin(), expected.end(), part->bytes().begin()));
    }
  }
}

}  // namespace

void FuzzOrbax(std::string_view input) {
  std::error_code error;
  fs::remove_all(ScratchPath("orbax"), error);
  fs::create_directories(ScratchPath("orbax"), error);
  const bool checksums = (Take(&input, 1) & 1) == 0;
  WriteFolder(input, checksums);
  const auto file = orbax::Checkpoint::Open(ScratchPath("orbax"));
  CheckError(file.status());
  if (!file.ok()) return;
  std::set<std::string> names;
  for (const formats::TensorInfo& info : (*file)->tensors()) {
    MS_FUZZ_CHECK(names.insert(info.name).second);
  }
  ReadAll(**file);
}

void FuzzSafetensors(std::string_view input) {
  const auto file = safetensors::Reader::Open(WriteScratch("a.safetensors", input));
  CheckError(file.status());
  if (file.ok()) ReadAll(**file);
}

void FuzzNormStats(std::string_view input) {
  const auto stats = openpi::ReadNormStats(WriteScratch("norm_stats.json", input));
  CheckError(stats.status());
  if (!stats.ok()) return;
  size_t numbers = 0;
  for (const auto& [key, statistics] : *stats) {
    numbers += statistics.mean.size() + statistics.deviation.size();
    for (const auto* percentile : {&statistics.q01, &statistics.q99}) {
      if (percentile->has_value()) numbers += (*percentile)->size();
    }
  }
  MS_FUZZ_CHECK(numbers <= input.size());
}

void FuzzFastTokenizer(std::string_view input) {
  const size_t end = std::min(input.find('\0'), input.size());
  std::error_code error;
  fs::create_directories(ScratchPath("fast"), error);
  WriteScratch("fast/tokenizer.json", input.substr(0, end));
  WriteScratch("fast/processor_config.json", input.substr(std::min(end + 1, input.size())));
  const auto tokenizer = policy::FastTokenizer::Open(ScratchPath("fast"));
  CheckError(tokenizer.status());
  if (!tokenizer.ok()) return;
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < 16; ++id) {
    ids.push_back(id);
    for (const int64_t rows : {int64_t{1}, id + 1}) {
      const auto actions = tokenizer->Decode(ids, rows, 1);
      CheckError(actions.status());
      if (actions.ok()) MS_FUZZ_CHECK(actions->shape() == Shape({rows, 1}));
    }
  }
}

}  // namespace midstream::fuzz
