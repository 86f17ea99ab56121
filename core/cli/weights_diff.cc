// midstream weights diff: how two sets of weights differ. Like diff(1), it ends with 0 for equal sets
// and 1 for different ones.
#include <fmt/format.h>

#include "core/cli/weights.h"
#include "core/cli/weights_difference.h"

namespace midstream::cli {
namespace {

struct Args {
  std::string a;
  std::string b;
  std::vector<std::string> only;
  bool json = false;
};

Outcome Diff(const Args& args) {
  const Result<WeightDifferences> found = CompareWeights(args.a, args.b, args.only);
  // Whatever went wrong, it is not 1: that says that the sets differ.
  if (!found.ok()) return {Exit::kData, found.status()};
  if (args.json) {
    PrintJson(ToJson(*found));
  } else {
    PrintText(ToText(*found));
  }
  if (found->count() == 0) return {};
  return {Exit::kFailed, fmt::format("{} and {} differ", args.a, args.b)};
}

}  // namespace

void AddWeightsDiff(CLI::App& weights, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      weights, "diff", "Compare two sets of weights bit by bit; exit code 0: equal, 1: different",
      "  midstream weights diff model.ckpt-0 model.ckpt-100\n"
      "  midstream weights diff policy.safetensors model.ckpt-100 --only 'fc*'\n",
      &args->json);
  command->add_option("A", args->a, ".safetensors, .npz, or a checkpoint, of Orbax too")
      ->required();
  command->add_option("B", args->b, "The same")->required();
  AddOnly(*command, &args->only);
  command->callback([=] { *action = [=] { return Diff(*args); }; });
}

}  // namespace midstream::cli
