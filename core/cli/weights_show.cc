// midstream weights show: what a file of weights or a model holds.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "core/cli/table.h"
#include "core/cli/tensor_statistics.h"
#include "core/cli/tensor_text.h"
#include "core/cli/weight_set.h"
#include "core/cli/weights.h"
#include "core/graph/tensor_digest.h"

namespace midstream::cli {
namespace {

struct Args {
  std::string path;
  std::vector<std::string> only;
  bool statistics = false;
  bool digest = false;
  bool json = false;
};

struct Row {
  formats::TensorInfo info;
  size_t bytes = 0;
  std::optional<TensorStatistics> statistics;
  std::string digest;
};

struct Contents {
  std::string path;
  std::vector<Row> rows;
  uint64_t bytes = 0;
  std::string digest;
};

Result<Contents> Gather(const Args& args) {
  MS_ASSIGN_OR_RETURN(WeightSet set, OpenWeightSet(args.path));
  MS_RETURN_IF_ERROR(KeepOnly(args.only, &set));
  Contents contents;
  contents.path = set.path;
  SetDigest digests;
  for (size_t i = 0; i < set.tensors.size(); ++i) {
    Row row;
    row.info = set.tensors[i];
    MS_ASSIGN_OR_RETURN(row.bytes, ByteSize(row.info.dtype, row.info.shape));
    contents.bytes += row.bytes;
    if (args.statistics || args.digest) {
      MS_ASSIGN_OR_RETURN(const Tensor value, set.read(i));
      if (args.statistics) row.statistics = StatisticsOf(value);
      if (args.digest) {
        MS_ASSIGN_OR_RETURN(const Sha256Digest digest, digests.Add(row.info.name, value));
        row.digest = Hex(digest);
      }
    }
    contents.rows.push_back(std::move(row));
  }
  if (args.digest) {
    MS_ASSIGN_OR_RETURN(const Sha256Digest digest, digests.Finish());
    contents.digest = Hex(digest);
  }
  return contents;
}

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json ToJson(const Row& row) {
  Json json = {{"name", row.info.name},
               {"dtype", DTypeName(row.info.dtype)},
               {"shape", ShapeJson(row.info.shape)},
               {"bytes", row.bytes}};
  if (row.statistics) {
    json["min"] = Number(row.statistics->min);
    json["max"] = Number(row.statistics->max);
    json["mean"] = Number(row.statistics->mean);
    json["std"] = Number(row.statistics->standard_deviation);
    json["nonfinite"] = row.statistics->nonfinite;
  }
  if (!row.digest.empty()) json["sha256"] = row.digest;
  return json;
}

Json ToJson(const Contents& contents) {
  Json tensors = Json::array();
  for (const Row& row : contents.rows) tensors.push_back(ToJson(row));
  Json json = {{"path", contents.path}, {"tensors", tensors}, {"bytes", contents.bytes}};
  if (!contents.digest.empty()) json["sha256"] = contents.digest;
  return json;
}

std::string ToText(const Args& args, const Contents& contents) {
  std::string columns = "lllr";
  std::vector<std::string> titles = {"name", "dtype", "shape", "bytes"};
  if (args.statistics) {
    columns += "rrrrr";
    titles.insert(titles.end(), {"min", "max", "mean", "std", "nonfinite"});
  }
  if (args.digest) {
    columns += "l";
    titles.emplace_back("SHA-256");
  }
  Table table(columns);
  table.Add(titles);
  for (const Row& row : contents.rows) {
    std::vector<std::string> cells = {row.info.name, std::string(DTypeName(row.info.dtype)),
                                      row.info.shape.ToString(), Grouped(row.bytes)};
    if (row.statistics) {
      for (double value : {row.statistics->min, row.statistics->max, row.statistics->mean,
                           row.statistics->standard_deviation}) {
        cells.push_back(fmt::format("{:.6g}", value));
      }
      cells.push_back(std::to_string(row.statistics->nonfinite));
    }
    if (args.digest) cells.push_back(row.digest);
    table.Add(std::move(cells));
  }
  std::string text = fmt::format("{}: {} tensors, {} bytes\n{}", contents.path,
                                 contents.rows.size(), Grouped(contents.bytes), table.ToString());
  if (args.digest) text += fmt::format("SHA-256 of the set: {}\n", contents.digest);
  return text;
}

Outcome Show(const Args& args) {
  const Result<Contents> contents = Gather(args);
  if (!contents.ok()) return DataFailure(contents.status());
  if (args.json) {
    PrintJson(ToJson(*contents));
  } else {
    PrintText(ToText(args, *contents));
  }
  return {};
}

}  // namespace

void AddWeightsShow(CLI::App& weights, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command =
      AddCommand(weights, "show", "List the weights of a file or model, with figures and digests",
                 "  midstream weights show policy.safetensors --digest\n"
                 "  midstream weights show model.ckpt-4000 --stats --only 'conv*'\n",
                 &args->json);
  command
      ->add_option(
          "FILE", args->path,
          ".safetensors, .npz, an Orbax checkpoint, or one of TensorFlow with its graph or without")
      ->required();
  command->add_flag("--stats", args->statistics,
                    "Smallest, largest and mean value, standard deviation, values that are not "
                    "finite");
  command->add_flag("--digest", args->digest, "SHA-256 of each tensor and of the set");
  AddOnly(*command, &args->only);
  command->callback([=] { *action = [=] { return Show(*args); }; });
}

}  // namespace midstream::cli
