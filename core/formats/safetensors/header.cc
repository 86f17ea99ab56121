#include "core/formats/safetensors/header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/formats/file.h"
#include "core/formats/safetensors/header_events.h"

namespace midstream::safetensors {
namespace {

using formats::Quoted;

struct DTypeRow {
  std::string_view name;
  DType dtype;
};

// In the order in which tensors are written.
constexpr std::array<DTypeRow, 13> kDTypes = {{{"U64", DType::kU64},
                                               {"I64", DType::kI64},
                                               {"F64", DType::kF64},
                                               {"F32", DType::kF32},
                                               {"U32", DType::kU32},
                                               {"I32", DType::kI32},
                                               {"BF16", DType::kBF16},
                                               {"F16", DType::kF16},
                                               {"U16", DType::kU16},
                                               {"I16", DType::kI16},
                                               {"I8", DType::kI8},
                                               {"U8", DType::kU8},
                                               {"BOOL", DType::kBool}}};

const DTypeRow* FindDType(std::string_view name) {
  auto row = std::find_if(kDTypes.begin(), kDTypes.end(),
                          [&](const DTypeRow& r) { return r.name == name; });
  return row == kDTypes.end() ? nullptr : &*row;
}

const DTypeRow* FindDType(DType dtype) {
  auto row = std::find_if(kDTypes.begin(), kDTypes.end(),
                          [&](const DTypeRow& r) { return r.dtype == dtype; });
  return row == kDTypes.end() ? nullptr : &*row;
}

Result<Entry> CheckEntry(RawEntry raw) {
  const DTypeRow* row = FindDType(raw.dtype);
  if (row == nullptr) return Unimplemented("has the dtype " + Quoted(raw.dtype));
  Entry entry{std::move(raw.name), row->dtype, Shape(std::move(raw.shape)), raw.begin, raw.end};
  auto size = ByteSize(entry.dtype, entry.shape);
  if (!size.ok()) return DataLoss("is malformed: " + std::string(size.status().message()));
  if (entry.begin > entry.end || *size != entry.end - entry.begin) {
    return DataLoss("is " + raw.dtype + entry.shape.ToString() + ", which has " +
                    std::to_string(*size) + " bytes; its data_offsets are " +
                    std::to_string(entry.begin) + " to " + std::to_string(entry.end));
  }
  return entry;
}

// The bytes of the tensors, one after the other, are the data.
Status CheckCover(const std::vector<Entry>& entries, uint64_t data_size) {
  uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at) {
      return DataLoss("tensor " + Quoted(entry.name) + " begins at " + std::to_string(entry.begin) +
                      (entry.begin < at ? ", inside the tensor before it, which ends at "
                                        : ", which leaves a hole behind ") +
                      std::to_string(at));
    }
    at = entry.end;
  }
  if (at == data_size) return OkStatus();
  return DataLoss("its tensors have " + std::to_string(at) + " bytes; there are " +
                  std::to_string(data_size) + " behind the header");
}

nlohmann::ordered_json ToJson(const Entry& entry, std::string_view dtype) {
  return {
      {"dtype", dtype}, {"shape", entry.shape.dims()}, {"data_offsets", {entry.begin, entry.end}}};
}

}  // namespace

Result<Header> ParseHeader(std::string_view json, uint64_t data_size) {
  if (!json.starts_with('{')) return DataLoss("its header is no JSON object");
  HeaderEvents events;
  const bool parsed = nlohmann::json::sax_parse(json.begin(), json.end(), &events);
  if (!events.problem().empty()) return DataLoss("its header is malformed: " + events.problem());
  if (!parsed) return DataLoss("its header is malformed");

  Header header;
  header.metadata = std::move(events).TakeMetadata();
  for (RawEntry& raw : std::move(events).TakeEntries()) {
    const std::string where = "tensor " + Quoted(raw.name);
    auto entry = CheckEntry(std::move(raw));
    if (!entry.ok())
      return Status(entry.status().code(), where + " " + std::string(entry.status().message()));
    header.entries.push_back(*std::move(entry));
  }
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const Entry& a, const Entry& b) {
                     return a.begin != b.begin ? a.begin < b.begin
                                               : a.end < b.end;  // empty tensors before others
                   });
  MS_RETURN_IF_ERROR(CheckCover(header.entries, data_size));
  return header;
}

Result<std::string> FormatHeader(const Header& header) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) json["__metadata__"] = header.metadata;
  for (const Entry& entry : header.entries) {
    const DTypeRow* row = FindDType(entry.dtype);
    if (row == nullptr) {
      return InvalidArgument("tensor " + Quoted(entry.name) + " is " +
                             std::string(DTypeName(entry.dtype)) +
                             ", which the safetensors format does not have");
    }
    if (entry.name == "__metadata__")
      return InvalidArgument("a tensor cannot be named '__metadata__'");
    json[entry.name] = ToJson(entry, row->name);
  }
  std::string text;
  try {
    text = json.dump();
  } catch (const nlohmann::json::exception&) {
    return InvalidArgument("the name of a tensor or a metadata text is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kLargestHeader) {
    return InvalidArgument("its header would have " + std::to_string(text.size()) +
                           " bytes; the format allows " + std::to_string(kLargestHeader));
  }
  std::string bytes;
  for (size_t i = 0; i < kPreludeSize; ++i) bytes += static_cast<char>(text.size() >> (8 * i));
  return bytes + text;
}

bool ComesBefore(DType a, DType b) { return FindDType(a) < FindDType(b); }

}  // namespace midstream::safetensors
