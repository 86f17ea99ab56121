// HeaderEvents: takes the header of a .safetensors file from nlohmann's event parser, which keeps no
// tree and does not recurse. What the format does not allow ends the parse where it stands.
#ifndef MIDSTREAM_CORE_FORMATS_SAFETENSORS_HEADER_EVENTS_H_
#define MIDSTREAM_CORE_FORMATS_SAFETENSORS_HEADER_EVENTS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/formats/safetensors/header.h"

namespace midstream::safetensors {

struct RawEntry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  // Empty: the header is well formed as JSON and in its fields.
  const std::string& problem() const { return problem_; }
  std::vector<RawEntry> TakeEntries() && { return std::move(entries_); }
  Metadata TakeMetadata() && { return std::move(metadata_); }

  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("true or false"); }
  bool number_integer(int64_t) override { return Unexpected("a negative number"); }
  bool number_unsigned(uint64_t number) override;
  bool number_float(double, const std::string& text) override { return Unexpected(text); }
  bool string(std::string& text) override;
  bool binary(nlohmann::json::binary_t&) override { return Unexpected("bytes"); }
  bool start_object(size_t) override;
  bool key(std::string& name) override;
  bool end_object() override;
  bool start_array(size_t) override;
  bool end_array() override;
  bool parse_error(size_t position, const std::string& token,
                   const nlohmann::json::exception& error) override;

 private:
  enum class At { kStart, kTop, kMetadata, kTensor, kDType, kShape, kOffsets, kEnd };

  bool Fail(std::string problem);
  bool Unexpected(const std::string& what);
  bool FieldKey(const std::string& name);
  bool EndTensor();
  std::string Where() const;

  At at_ = At::kStart;
  bool in_array_ = false;
  std::string key_;  // of the metadata, or of the object that comes next
  std::unordered_set<std::string> names_;
  bool has_metadata_ = false;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  std::vector<uint64_t> offsets_;
  bool has_offsets_ = false;
  std::vector<RawEntry> entries_;
  Metadata metadata_;
  std::string problem_;
};

}  // namespace midstream::safetensors

#endif  // MIDSTREAM_CORE_FORMATS_SAFETENSORS_HEADER_EVENTS_H_
