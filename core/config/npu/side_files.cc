#include "core/config/npu/side_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config/keys.h"
#include "core/config/npu/nesting.h"
#include "core/config/npu/op_names.h"

namespace midstream::config {
namespace {

using Json = nlohmann::ordered_json;

Result<Json> ParseObject(std::string_view text) {
  if (NestsTooDeep(text)) return InvalidArgument("its JSON nests too deep");
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidArgument("expected a JSON object");
  return json;
}

std::string_view Trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// Calls line(number, text) for each line that is not empty and no comment.
Status ForEachLine(std::string_view text,
                   const std::function<Status(size_t, std::string_view)>& line) {
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view raw = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), raw.size() + 1));
    const std::string_view trimmed = Trim(raw);
    if (trimmed.empty() || trimmed[0] == '#' || trimmed[0] == ';') continue;
    MS_RETURN_IF_ERROR(line(number, trimmed));
  }
  return OkStatus();
}

std::string OpSection(std::string_view onnx) { return "precision.op." + QuotedKey(onnx); }
std::string NodeSection(std::string_view node) { return "precision.node." + QuotedKey(node); }

// The ONNX name of type; a type without one gives nothing and a note.
std::optional<std::string> Translated(std::string_view type, Translation& out) {
  const std::string_view onnx = OnnxName(type);
  if (!onnx.empty()) return std::string(onnx);
  out.Note(fmt::format("no operator here is \"{}\"", type));
  return std::nullopt;
}

void Append(std::vector<std::string>& list, std::string item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(std::move(item));
}

// impl of op_precision_mode in a section of the configuration.
void SetChoice(const std::string& section, std::string_view name, std::string_view choice,
               Translation& out) {
  if (choice == "high_precision" || choice == "high_performance") {
    out.SetText(section, "impl", choice);
  } else if (choice == "super_performance") {
    out.SetText(section, "impl", "high_performance");
  } else if (choice == "keep_fp16") {
    out.SetText(section, "dtype", "float16");
  } else if (choice == "enable_float_32_execution") {
    out.SetText(section, "dtype", "float32");
  } else {
    out.Note(fmt::format("\"{}\" of \"{}\" has no counterpart", choice, name));
  }
}

bool IsChoice(std::string_view text) {
  constexpr std::string_view kChoices[] = {"high_precision",
                                           "high_performance",
                                           "enable_float_32_execution",
                                           "support_out_of_bound_index",
                                           "enable_hi_float_32_execution",
                                           "keep_fp16",
                                           "super_performance"};
  return std::find(std::begin(kChoices), std::end(kChoices), text) != std::end(kChoices);
}

// A dtype of the NPU as one to compute in, or "".
std::string_view ComputeDtype(std::string_view dtype) {
  if (dtype == "float" || dtype == "float32") return "float32";
  if (dtype == "double" || dtype == "float64") return "float64";
  if (dtype == "float16" || dtype == "bfloat16") return dtype;
  return dtype == "bf16" ? "bfloat16" : "";
}

// "float16,float16": the one float dtype among them; other dtypes say nothing about it.
std::optional<std::string_view> OneDtype(std::string_view list) {
  std::string_view one;
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    const std::string_view dtype = ComputeDtype(Trim(item));
    if (dtype.empty()) continue;
    if (!one.empty() && one != dtype) return std::nullopt;
    one = dtype;
  }
  return one;
}

// The passes here by the names of the NPU's that do the same.
struct FusionPass {
  std::string_view npu;
  std::string_view section;
  std::string_view key;
};
constexpr FusionPass kFusionPasses[] = {
    {"ConvBatchnormFusionPass", "optimizer", "remapping"},
    {"BatchnormBninferenceFusionPass", "optimizer", "remapping"},
    {"ConvBiasAddFusionPass", "optimizer", "fuse"},
    {"ConvBiasaddFusionPass", "optimizer", "fuse"},
    {"MatMulBiasAddFusionPass", "optimizer", "fuse"},
    {"MatmulBiasaddFusionPass", "optimizer", "fuse"},
    {"ConstantFoldingPass", "optimizer.passes", "fold"},
    {"TransdataTransposeFusionPass", "optimizer.passes", "sink"},
    {"TransposeReshapeFusionPass", "optimizer.passes", "sink"},
};
constexpr std::pair<std::string_view, std::string_view> kAllPasses[] = {
    {"optimizer", "fuse"},
    {"optimizer", "remapping"},
    {"optimizer.passes", "simplify"},
    {"optimizer.passes", "sink"}};

void Switch(std::string_view pass, bool on, Translation& out) {
  const std::string value = on ? "true" : "false";
  if (pass == "ALL") {
    for (const auto& [section, key] : kAllPasses) {
      out.Set(std::string(section), std::string(key), value);
    }
    return;
  }
  const auto* found = std::find_if(std::begin(kFusionPasses), std::end(kFusionPasses),
                                   [&](const FusionPass& known) { return known.npu == pass; });
  if (found != std::end(kFusionPasses)) {
    out.Set(std::string(found->section), std::string(found->key), value);
  } else {
    out.Note(fmt::format("no pass here is \"{}\"", pass));
  }
}

}  // namespace

bool TranslateImplementation(std::string_view type, std::string_view impl, Translation& out) {
  const auto onnx = Translated(type, out);
  if (onnx) out.SetText(OpSection(*onnx), "impl", impl);
  return onnx.has_value();
}

Status TranslateMixlist(std::string_view text, Translation& out) {
  MS_ASSIGN_OR_RETURN(const Json json, ParseObject(text));
  std::vector<std::string> white;
  std::vector<std::string> black;
  std::vector<std::string> gray;
  for (const auto& [list, changes] : json.items()) {
    const bool known = list == "white-list" || list == "black-list" || list == "gray-list";
    if (!known || !changes.is_object()) {
      return InvalidArgument(fmt::format(
          "\"{}\": expected the objects \"black-list\", \"white-list\" and \"gray-list\"", list));
    }
    for (const auto& [change, types] : changes.items()) {
      if ((change != "to-add" && change != "to-remove") || !types.is_array()) {
        return InvalidArgument(fmt::format(
            "\"{}\": \"{}\": expected the arrays \"to-add\" and \"to-remove\"", list, change));
      }
      auto& to = change == "to-remove" || list == "gray-list" ? gray
                 : list == "white-list"                       ? white
                                                              : black;
      if (change == "to-remove" && list == "gray-list") {
        out.Note("to-remove of the gray-list says no list to move to");
        continue;
      }
      for (const Json& type : types) {
        if (!type.is_string()) {
          return InvalidArgument(
              fmt::format("\"{}\": \"{}\": expected types of operators", list, change));
        }
        const auto onnx = Translated(type.get_ref<const std::string&>(), out);
        if (onnx) Append(to, *onnx);
      }
    }
  }
  // Taken off one list and added to the other: moved.
  std::erase_if(gray, [&](const std::string& type) {
    return std::find(white.begin(), white.end(), type) != white.end() ||
           std::find(black.begin(), black.end(), type) != black.end();
  });
  for (const std::string& type : white) {
    if (std::find(black.begin(), black.end(), type) != black.end()) {
      return InvalidArgument(fmt::format("{} is added to both lists", type));
    }
  }
  out.SetList("precision", "white", white);
  out.SetList("precision", "black", black);
  out.SetList("precision", "gray", gray);
  return OkStatus();
}

Status TranslateOpPrecision(std::string_view text, Translation& out) {
  std::string_view section;
  return ForEachLine(text, [&](size_t number, std::string_view line) {
    if (line == "[ByOpType]" || line == "[ByNodeName]") {
      section = line;
      return OkStatus();
    }
    const size_t equals = line.rfind('=');
    const std::string_view name = Trim(line.substr(0, equals));
    const std::string_view choice =
        equals == std::string_view::npos ? "" : Trim(line.substr(equals + 1));
    if (section.empty() || name.empty() || !IsChoice(choice)) {
      return InvalidArgument(fmt::format(
          "line {}: expected [ByOpType] or [ByNodeName], then lines as Softmax=high_precision, "
          "found \"{}\"",
          number, line));
    }
    if (section == "[ByNodeName]") {
      SetChoice(NodeSection(name), name, choice, out);
    } else if (const auto onnx = Translated(name, out)) {
      SetChoice(OpSection(*onnx), name, choice, out);
    }
    return OkStatus();
  });
}

Status TranslateDtypes(std::string_view text, Translation& out) {
  return ForEachLine(text, [&](size_t number, std::string_view line) {
    constexpr std::string_view kByType = "OpType::";
    constexpr std::string_view kInput = "InputDtype:";
    constexpr std::string_view kOutput = "OutputDtype:";
    const bool by_type = line.starts_with(kByType);
    if (by_type) line.remove_prefix(kByType.size());
    const size_t input = line.find(kInput);
    const size_t output = line.find(kOutput);
    const size_t first = std::min(input, output);
    if (first == std::string_view::npos || first < 2 || line[first - 1] != ':') {
      return InvalidArgument(fmt::format(
          "line {}: expected node::InputDtype:dtypes,OutputDtype:dtypes or OpType::Type:..., "
          "found \"{}\"",
          number, line));
    }
    std::string_view name = line.substr(0, first - 1);
    if (name.ends_with(':')) name.remove_suffix(1);
    std::string section = NodeSection(name);
    if (by_type) {
      const auto onnx = Translated(name, out);
      if (!onnx) return OkStatus();
      section = OpSection(*onnx);
    }
    for (const auto& [label, at, other, key] :
         {std::tuple{kInput, input, output, "dtype"}, {kOutput, output, input, "output_dtype"}}) {
      if (at == std::string_view::npos) continue;
      const size_t begin = at + label.size();
      const size_t end = other > at ? other : std::string_view::npos;
      const auto dtype =
          OneDtype(line.substr(begin, end == std::string_view::npos ? end : end - begin));
      if (!dtype || dtype->empty()) {
        out.Note(fmt::format("\"{}\" has not one float dtype in {}", name,
                             label.substr(0, label.size() - 1)));
      } else {
        out.SetText(section, key, *dtype);
      }
    }
    return OkStatus();
  });
}

Status TranslateFusionSwitches(std::string_view text, Translation& out) {
  MS_ASSIGN_OR_RETURN(const Json json, ParseObject(text));
  const auto switches = json.find("Switch");
  if (switches == json.end() || !switches->is_object()) {
    return InvalidArgument("expected an object \"Switch\"");
  }
  for (const auto& [group, passes] : switches->items()) {
    if ((group != "GraphFusion" && group != "UBFusion") || !passes.is_object()) {
      return InvalidArgument(
          fmt::format("\"{}\": expected the objects \"GraphFusion\" and \"UBFusion\"", group));
    }
    // ALL first: single passes are exceptions from it.
    for (const bool all : {true, false}) {
      for (const auto& [pass, state] : passes.items()) {
        if ((pass == "ALL") != all) continue;
        if (state != "on" && state != "off") {
          return InvalidArgument(fmt::format("\"{}\": expected \"on\" or \"off\"", pass));
        }
        if (group == "GraphFusion") {
          Switch(pass, state == "on", out);
        } else {
          out.Note(fmt::format("UBFusion \"{}\" is about the NPU's buffers", pass));
        }
      }
    }
  }
  return OkStatus();
}

}  // namespace midstream::config
