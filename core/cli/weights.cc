// midstream weights: the values of a model, written to files, listed and compared.
#include "core/cli/weights.h"

namespace midstream::cli {

void AddOnly(CLI::App& command, std::vector<std::string>* patterns) {
  AddRepeated(
      command, "--only", patterns,
      "Only weights whose name matches, where * and ? stand for any characters (repeatable)")
      ->type_name("GLOB");
}

void AddWeights(CLI::App& app, Action* action) {
  CLI::App* weights =
      app.add_subcommand("weights", "Write weights to a file, list them, compare them");
  weights->footer(std::string(kExitCodesHelp));
  AddWeightsExport(*weights, action);
  AddWeightsShow(*weights, action);
  AddWeightsDiff(*weights, action);
}

}  // namespace midstream::cli
