#include "core/config/npu/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/base/file.h"
#include "core/config/keys.h"
#include "core/config/nearest.h"
#include "core/config/npu/conflicts.h"
#include "core/config/npu/nesting.h"
#include "core/config/npu/shapes.h"
#include "core/config/npu/side_files.h"
#include "core/config/npu/translation.h"

namespace midstream::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxShown = 60;

std::string Found(const Json& json) {
  std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
  return text;
}

std::optional<NpuValue> Scalar(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX) return std::nullopt;
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_string()) return json.get<std::string>();
  return std::nullopt;
}

// The integer that a text spells; protobuf's JSON writes 64-bit integers as text.
std::optional<NpuValue> IntegerOf(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// true, 1, "x", or as the protobuf of the map spells it: {"b": true}, {"i": 1}, {"s": "x"}.
std::optional<NpuValue> ReadValue(const Json& json) {
  if (!json.is_object()) return Scalar(json);
  if (json.size() != 1) return std::nullopt;
  auto value = Scalar(json.front());
  if (!value) return std::nullopt;
  const std::string& type = json.begin().key();
  if (type == "i" && json.front().is_string()) {
    return IntegerOf(json.front().get_ref<const std::string&>());
  }
  const bool fits = (type == "b" && std::holds_alternative<bool>(*value)) ||
                    (type == "i" && std::holds_alternative<int64_t>(*value)) ||
                    (type == "s" && std::holds_alternative<std::string>(*value));
  return fits ? value : std::nullopt;
}

std::string TomlOf(const NpuValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  return Quoted(std::get<std::string>(value));
}

class Importer {
 public:
  Importer(const std::string& file, std::vector<Problem>& problems)
      : file_(file), problems_(problems) {}

  NpuImport Run(std::string_view text) {
    Json json;
    if (!Parse(text, json)) return {};
    for (const auto& [name, value] : json.items()) ReadOption(name, value);
    FindNpuConflicts(values_, [this](std::string_view option, std::string message) {
      Add(option, std::move(message));
    });
    // Options that beat others come after them in the table.
    std::stable_sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) {
      return FindNpuOption(a) < FindNpuOption(b);
    });
    NpuImport result;
    for (const std::string& name : order_) result.report.push_back(Translate(name));
    result.toml = fmt::format("# Made by midstream config import-npu from {}.\n\n",
                              std::filesystem::path(file_).filename().string()) +
                  out_.ToToml();
    if (problems_.empty()) CheckToml(result.toml);
    return result;
  }

 private:
  void Add(std::string_view option, std::string message) {
    problems_.push_back({file_, 0, 0, std::string(option), std::move(message)});
  }

  bool Parse(std::string_view text, Json& json) {
    if (NestsTooDeep(text)) {
      Add("", fmt::format("its JSON nests more than {} levels deep", kDeepestJson));
      return false;
    }
    std::set<std::string> seen;
    std::vector<std::string> twice;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (event == Json::parse_event_t::key && depth == 1 &&
          !seen.insert(parsed.get<std::string>()).second) {
        twice.push_back(parsed.get<std::string>());
      }
      return true;
    };
    try {
      json = Json::parse(text, watch);
    } catch (const Json::exception& error) {
      Add("", fmt::format("not JSON: {}", error.what()));
      return false;
    }
    if (json.is_object() && json.size() == 1 && json.contains("parameter_map")) {
      json = Json(json["parameter_map"]);
    }
    if (!json.is_object()) {
      Add("", "expected an object from option to value");
      return false;
    }
    for (const std::string& name : twice) Add(name, "is given twice");
    return true;
  }

  void ReadOption(const std::string& name, const Json& json) {
    const NpuOption* option = FindNpuOption(name);
    if (option == nullptr) {
      std::vector<std::string_view> names;
      for (const NpuOption& known : NpuOptions()) names.push_back(known.name);
      const std::string_view nearest = Nearest(name, names);
      return Add(name, nearest.empty() ? "unknown option"
                                       : fmt::format("unknown option; did you mean {}?", nearest));
    }
    const auto value = ReadValue(json);
    if (!value || !Accepts(*option, *value)) {
      return Add(name, fmt::format("expected {}, found {}", Expected(*option), Found(json)));
    }
    values_.emplace(name, *value);
    order_.push_back(name);
  }

  NpuReportRow Translate(const std::string& name) {
    const NpuOption& option = *FindNpuOption(name);
    const NpuValue& value = values_.at(name);
    NpuReportRow row{name, option.fate, {}, std::string(option.reason), {}};
    if (option.fate == NpuFate::kKept) {
      Keep(name);
    } else if (option.to_toml != nullptr) {
      const std::string toml = option.to_toml(value);
      const size_t dot = option.key.rfind('.');
      const bool top = dot == std::string_view::npos;
      const std::string section(top ? "" : option.key.substr(0, dot));
      if (!toml.empty()) out_.Set(section, std::string(option.key.substr(top ? 0 : dot + 1)), toml);
    } else if (option.fate == NpuFate::kMapped) {
      if (const Status status = TranslateOne(name, row); !status.ok()) {
        Add(name, std::string(status.message()));
      }
    }
    for (std::string& key : out_.TakeKeys()) row.keys.push_back(std::move(key));
    row.notes = out_.TakeNotes();
    if (row.fate == NpuFate::kMapped && row.keys.empty()) {
      row.fate = NpuFate::kIgnored;
      if (row.reason == option.reason) row.reason = "this value asks for nothing here";
    }
    return row;
  }

  void Keep(const std::string& name) {
    out_.Set("backends.ascend", QuotedKey(name), TomlOf(values_.at(name)));
  }

  Status TranslateOne(const std::string& name, NpuReportRow& row) {
    if (name == "modify_mixlist") return FromFile(name, TranslateMixlist);
    if (name == "op_precision_mode") return FromFile(name, TranslateOpPrecision);
    if (name == "fusion_switch_file") return FromFile(name, TranslateFusionSwitches);
    if (name == "customize_dtypes") {
      const std::string_view mode = PrecisionModeOf(values_);
      if (mode != "origin" && mode != "must_keep_origin_dtype") {
        return FromFile(name, TranslateDtypes);
      }
      row.reason = fmt::format("has no effect on the NPU in the mode \"{}\"", mode);
      return OkStatus();
    }
    if (name == "op_select_implmode") {
      if (IsGiven(values_, "optypelist_for_implmode")) {
        row.reason = "with optypelist_for_implmode";
        Implementations();
        row.keys = implementation_keys_ = out_.TakeKeys();
        return OkStatus();
      }
      row.fate = NpuFate::kKept;
      row.reason = "chooses among the NPU's own kernels where no types are listed";
      Keep(name);
      return OkStatus();
    }
    if (name == "optypelist_for_implmode") {
      row.keys = implementation_keys_;
      return OkStatus();
    }
    if (name == "dynamic_inputs_shape_range") return Ranges();
    if (name == "compile_hybrid_mode") {
      const bool dynamic = std::get<int64_t>(values_.at(name)) == 1;
      if (dynamic || IsGiven(values_, "dynamic_dims")) Outside(dynamic);
      return OkStatus();
    }
    if (name == "dynamic_node_type") {
      if (IsGiven(values_, "input_shape")) row.keys = {"inputs"};
      return OkStatus();
    }
    return Profiles(name);
  }

  Status FromFile(const std::string& option, Status (*translate)(std::string_view, Translation&)) {
    if (!IsGiven(values_, option)) return OkStatus();
    const std::filesystem::path name = std::get<std::string>(values_.at(option));
    const std::string path = (std::filesystem::path(file_).parent_path() / name).string();
    MS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
    const Status status = translate(text, out_);
    if (status.ok()) return status;
    return Status(status.code(), path + ": " + std::string(status.message()));
  }

  void Implementations() {
    const auto& impl = std::get<std::string>(values_.at("op_select_implmode"));
    std::string_view types = std::get<std::string>(values_.at("optypelist_for_implmode"));
    // op_precision_mode beats these two, wherever it stands in the map.
    while (!types.empty()) {
      const std::string_view type = types.substr(0, types.find(','));
      types.remove_prefix(std::min(types.size(), type.size() + 1));
      TranslateImplementation(type, impl, out_);
    }
  }

  void Outside(bool dynamic) {
    out_.SetText("shapes", "outside_buckets", dynamic ? "dynamic" : "error");
  }

  Status Profiles(const std::string& name) {
    if (!IsGiven(values_, "input_shape")) return OkStatus();
    MS_ASSIGN_OR_RETURN(const NpuShapes shapes,
                        ParseInputShape(std::get<std::string>(values_.at("input_shape"))));
    if (name == "input_shape") {
      for (const auto& [input, shape] : shapes) {
        if (shape.empty()) {
          out_.Note(fmt::format("\"{}\" is a scalar, as the model says itself", input));
        } else {
          out_.Set(Section(input), "shape", fmt::format("[{}]", fmt::join(shape, ", ")));
        }
      }
      return OkStatus();
    }
    if (!IsGiven(values_, name)) return OkStatus();
    MS_ASSIGN_OR_RETURN(
        const auto buckets,
        ParseDynamicDims(std::get<std::string>(values_.at("dynamic_dims")), shapes));
    for (const auto& [input, table] : buckets) out_.Set(Section(input), "buckets", Table(table));
    if (!values_.contains("compile_hybrid_mode")) Outside(false);
    return OkStatus();
  }

  Status Ranges() {
    if (!IsGiven(values_, "dynamic_inputs_shape_range")) return OkStatus();
    MS_ASSIGN_OR_RETURN(
        const auto ranges,
        ParseShapeRanges(std::get<std::string>(values_.at("dynamic_inputs_shape_range"))));
    for (const auto& [input, table] : ranges) {
      if (input == "getnext") {
        out_.Note("\"getnext\" is a dataset: name the input that is fed instead");
      } else if (!table.empty()) {
        out_.Set(Section(input), "range", Table(table));
      }
    }
    return OkStatus();
  }

  static std::string Section(const std::string& input) { return "inputs." + QuotedKey(input); }
  static std::string Table(const NpuTable& table) {
    std::string text;
    for (const auto& row : table) {
      text += fmt::format("{}[{}]", text.empty() ? "" : ", ", fmt::join(row, ", "));
    }
    return "[" + text + "]";
  }

  // What the options do not know of each other, the configuration may.
  void CheckToml(const std::string& toml) {
    std::vector<Problem> found;
    if (ParseConfig(toml, "", {}, &found).ok()) return;
    for (const Problem& problem : found) Add(problem.key, problem.message);
  }

  const std::string& file_;
  std::vector<Problem>& problems_;
  NpuValues values_;
  std::vector<std::string> order_;
  Translation out_;
  std::vector<std::string> implementation_keys_;
};

std::string Joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

Result<NpuImport> ImportNpu(std::string_view json, const std::string& file,
                            std::vector<Problem>* problems) try {
  std::vector<Problem> found;
  NpuImport result = Importer(file, found).Run(json);
  if (problems != nullptr) *problems = found;
  if (found.empty()) return result;
  std::string message = found.size() == 1
                            ? found.front().ToString()
                            : fmt::format("the parameter map has {} problems:", found.size());
  for (const Problem& problem : found) {
    if (found.size() > 1) message += "\n  " + problem.ToString();
  }
  return InvalidArgument(std::move(message));
} catch (const std::exception& error) {
  return ResourceExhausted(file + ": cannot be imported: " + error.what());
}

std::string NpuReportText(const NpuImport& import) {
  std::string text;
  for (const NpuReportRow& row : import.report) {
    text += fmt::format("{}: {}{}{}: {}\n", row.option, FateName(row.fate),
                        row.keys.empty()             ? ""
                        : row.fate == NpuFate::kKept ? " as "
                                                     : " to ",
                        Joined(row.keys), row.reason);
    for (const std::string& note : row.notes) text += "    " + note + "\n";
  }
  return text;
}

}  // namespace midstream::config
