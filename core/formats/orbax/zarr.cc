#include "core/formats/orbax/zarr.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/formats/file.h"
#include "core/formats/json.h"
#include "core/formats/numpy_dtype.h"

namespace midstream::orbax {
namespace {

using formats::Quoted;
using Json = nlohmann::json;

constexpr size_t kMostAxes = 32;

Status Malformed(const std::string& field, const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return DataLoss("its " + field + " is " + Quoted(text));
}

Status ReadDType(const Json& json, ArrayLayout* layout) {
  if (!json.is_string()) {
    return Unimplemented("its dtype is " +
                         Quoted(json.dump(-1, ' ', true, Json::error_handler_t::replace)));
  }
  const auto& text = json.get_ref<const std::string&>();
  if (text == "bfloat16") {  // TensorStore's own name, without a byte order
    layout->dtype = DType::kBF16;
    return OkStatus();
  }
  const std::string_view letters = std::string_view(text).substr(text.empty() ? 0 : 1);
  const std::optional<DType> dtype = formats::FromNumpyLetters(letters);
  if (dtype) {
    const char order = text[0];
    const bool one_byte = DTypeSize(*dtype) == 1;
    if (order == '<' || order == '>' || (order == '|' && one_byte)) {
      layout->dtype = *dtype;
      layout->big_endian = order == '>' && !one_byte;
      return OkStatus();
    }
  }
  return Unimplemented("its dtype is " + Quoted(text));
}

Result<std::vector<int64_t>> ReadDims(const Json& json, const std::string& field, int64_t least) {
  if (!json.is_array() || json.size() > kMostAxes) return Malformed(field, json);
  std::vector<int64_t> dims;
  for (const Json& dim : json) {
    if (!dim.is_number_integer()) return Malformed(field, json);
    const bool large = dim.is_number_unsigned() && dim.get<uint64_t>() > INT64_MAX;
    if (large || dim.get<int64_t>() < least) return Malformed(field, json);
    dims.push_back(dim.get<int64_t>());
  }
  return dims;
}

// Numbers, and the names that Zarr has for those that JSON does not.
Result<double> FillNumber(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json.is_boolean()) return json.get<bool>() ? 1.0 : 0.0;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (json == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (json == "Infinity") return kInfinity;
  if (json == "-Infinity") return -kInfinity;
  return Malformed("fill_value", json);
}

template <typename T>
void Put(T value, std::string* fill) {
  std::memcpy(fill->data(), &value, sizeof(value));
}

// Integers are taken as such: a double does not hold all of them.
Result<bool> ReadIntegerFill(const Json& json, DType dtype, std::string* fill) {
  if (!IsInteger(dtype)) return false;
  if (!json.is_number_integer()) return Malformed("fill_value", json);
  const auto bits =
      json.is_number_unsigned() ? json.get<uint64_t>() : static_cast<uint64_t>(json.get<int64_t>());
  std::memcpy(fill->data(), &bits, fill->size());  // little endian hosts, as elsewhere in the core
  return true;
}

Status ReadFill(const Json& json, ArrayLayout* layout) {
  layout->fill.assign(DTypeSize(layout->dtype), '\0');
  if (json.is_null()) return OkStatus();
  MS_ASSIGN_OR_RETURN(const bool done, ReadIntegerFill(json, layout->dtype, &layout->fill));
  if (done) return OkStatus();
  MS_ASSIGN_OR_RETURN(const double value, FillNumber(json));
  const auto single = static_cast<float>(value);
  switch (layout->dtype) {
    case DType::kF64:
      Put(value, &layout->fill);
      break;
    case DType::kF32:
      Put(single, &layout->fill);
      break;
    case DType::kF16:
      Put(FloatToHalf(single), &layout->fill);
      break;
    case DType::kBF16:
      Put(FloatToBFloat16(single), &layout->fill);
      break;
    default:
      layout->fill[0] = value != 0;
      break;
  }
  return OkStatus();
}

Status ReadCompressor(const Json& json, ArrayLayout* layout) {
  if (json.is_null()) return OkStatus();
  const auto id = json.is_object() ? json.find("id") : json.end();
  if (id == json.end() || !id->is_string()) return Malformed("compressor", json);
  layout->compressed = *id == "zstd";
  if (layout->compressed) return OkStatus();
  return Unimplemented("its compressor is " + Quoted(id->get_ref<const std::string&>()) +
                       "; zstd and none are read");
}

// The shape of a chunk, checked as that of a tensor.
Status CheckSizes(const ArrayLayout& layout) {
  if (layout.chunk.size() != layout.shape.rank()) {
    return DataLoss("its shape has " + std::to_string(layout.shape.rank()) +
                    " dimensions and its chunks " + std::to_string(layout.chunk.size()));
  }
  auto size = ByteSize(layout.dtype, layout.shape);
  if (!size.ok()) return DataLoss("its shape: " + std::string(size.status().message()));
  size = ByteSize(layout.dtype, Shape(layout.chunk));
  if (!size.ok()) return DataLoss("its chunks: " + std::string(size.status().message()));
  return OkStatus();
}

Status ReadFormat(const Json& json, ArrayLayout* layout) {
  const auto field = [&](const char* name) { return json.value(name, Json()); };
  if (field("zarr_format") != 2) return Malformed("zarr_format", field("zarr_format"));
  const Json filters = field("filters");
  if (!filters.is_null() && !filters.empty()) return Unimplemented("it has filters");
  const Json order = field("order");
  if (order != "C" && order != "F") return Malformed("order", order);
  layout->column_major = order == "F";
  const Json separator = json.value("dimension_separator", Json("."));
  if (separator != "." && separator != "/") return Malformed("dimension_separator", separator);
  layout->separator = separator == "/" ? '/' : '.';
  return OkStatus();
}

}  // namespace

Result<ArrayLayout> ParseArrayLayout(std::string_view text) {
  const Json json = formats::ParseJson(text);
  if (!json.is_object()) return DataLoss("it is no JSON object");
  const auto field = [&](const char* name) { return json.value(name, Json()); };
  ArrayLayout layout;
  MS_RETURN_IF_ERROR(ReadFormat(json, &layout));
  MS_RETURN_IF_ERROR(ReadDType(field("dtype"), &layout));
  MS_ASSIGN_OR_RETURN(layout.shape, ReadDims(field("shape"), "shape", 0));
  MS_ASSIGN_OR_RETURN(layout.chunk, ReadDims(field("chunks"), "chunks", 1));
  MS_RETURN_IF_ERROR(ReadCompressor(field("compressor"), &layout));
  MS_RETURN_IF_ERROR(ReadFill(field("fill_value"), &layout));
  MS_RETURN_IF_ERROR(CheckSizes(layout));
  return layout;
}

}  // namespace midstream::orbax
