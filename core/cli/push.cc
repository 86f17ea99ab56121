// midstream push: weights for an engine that listens on a Unix socket, once or as a trainer would.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "core/cli/command.h"
#include "core/cli/push_source.h"
#include "core/serve/push_client.h"

namespace midstream::cli {
namespace {

using serve::PushClient;
using serve::PushRequest;
using serve::Verb;

struct Args {
  std::string socket;
  std::vector<std::string> sources;
  double every = 0;
  double wait = 0;
  bool status = false;
  std::optional<uint64_t> rollback;
  std::string check = "subset";
  UpdateOptions options;
  std::vector<std::string> rename;
  bool json = false;
};

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

Json ToJson(const std::string& source, const AppliedWeights& applied) {
  return {{"source", source},
          {"version", applied.version},
          {"tensors", applied.tensors},
          {"read_ms", applied.read_ms},
          {"update_ms", applied.update_ms}};
}

std::string ToText(const std::string& source, const AppliedWeights& applied) {
  return fmt::format("version {}: {} tensors from {}, read in {:.3f} ms, updated in {:.3f} ms\n",
                     applied.version, applied.tensors, source, applied.read_ms, applied.update_ms);
}

// Each source in turn, the first at once. Of several with a base each is based on the one before.
Outcome PushAll(const Args& args, PushClient& client, PushRequest request) {
  Json pushes = Json::array();
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < args.sources.size(); ++i) {
    const std::string& path = args.sources[i];
    std::this_thread::sleep_until(begin + i * Milliseconds(args.every));
    const Result<PushSource> source = OpenPushSource(path);
    if (!source.ok()) return DataFailure(source.status());
    request.name = path;
    request.format = source->format;
    const Result<AppliedWeights> applied = client.Ask(request, source->file.get());
    if (!applied.ok()) return DataFailure(applied.status());
    if (request.options.base) request.options.base = applied->version;
    if (!args.json) PrintText(ToText(path, *applied));
    pushes.push_back(ToJson(path, *applied));
  }
  if (args.json) PrintJson({{"pushes", pushes}});
  return {};
}

// --status and --rollback.
Outcome AskForVersion(const Args& args, PushClient& client, const PushRequest& request) {
  const Result<AppliedWeights> answer = client.Ask(request, -1);
  if (!answer.ok()) return DataFailure(answer.status());
  if (args.json) {
    PrintJson({{"version", answer->version}});
  } else {
    PrintText(fmt::format("weights version {}\n", answer->version));
  }
  return {};
}

Result<PushRequest> MakeRequest(const Args& args) {
  PushRequest request;
  request.options = args.options;
  if (args.status) return request;
  if (args.rollback) {
    request.verb = Verb::kRollback;
    request.version = *args.rollback;
    return request;
  }
  if (args.sources.empty()) {
    return InvalidArgument("give a SOURCE to push, --status, or --rollback VERSION");
  }
  request.verb = Verb::kPush;
  MS_ASSIGN_OR_RETURN(request.options.check, serve::ParseCheckMode(args.check));
  for (const std::string& text : args.rename) {
    MS_ASSIGN_OR_RETURN(RenameRule rule, ParseRenameRule(text));
    request.options.rename.push_back(std::move(rule));
  }
  return request;
}

Outcome Push(const Args& args) {
  const Result<PushRequest> request = MakeRequest(args);
  if (!request.ok()) return {Exit::kUsage, request.status()};
  Result<PushClient> client = PushClient::Connect(args.socket, Milliseconds(args.wait));
  if (!client.ok()) return {Exit::kFailed, client.status()};
  return request->verb == Verb::kPush ? PushAll(args, *client, *request)
                                      : AskForVersion(args, *client, *request);
}

void AddUpdateOptions(CLI::App& command, Args* args) {
  command
      .add_option(
          "--check", args->check,
          "Which names there must be: a subset of the model's weights, exactly all of them, "
          "or a superset of them")
      ->capture_default_str()
      ->check(CLI::IsMember({"subset", "exact", "superset"}));
  command
      .add_option("--base", args->options.base,
                  "Refuse the weights unless this is the current version; of several sources, each "
                  "further one is based on the one before")
      ->type_name("VERSION");
  command.add_flag("--finite", args->options.finite,
                   "Refuse weights that are infinite or no number");
  command.add_flag("--accept-float64", args->options.accept_float64,
                   "Convert float64 values instead of refusing them");
  AddRepeated(
      command, "--rename", &args->rename,
      "Take the tensor FROM for the weight TO; one * at the same end of both stands for the "
      "rest of the name (repeatable, the first that matches counts)")
      ->type_name("FROM=TO");
  command
      .add_option("--digest", args->options.digest,
                  "Refuse the weights unless this is their digest, as `midstream weights show "
                  "--digest` prints it")
      ->type_name("SHA256")
      ->check(NotEmpty());
}

}  // namespace

void AddPush(CLI::App& app, Action* action) {
  auto args = std::make_shared<Args>();
  CLI::App* command = AddCommand(
      app, "push", "Send new weights to a model that listens on a Unix socket",
      "  midstream online model.ckpt-0 --listen /tmp/policy.sock     in another terminal\n"
      "  midstream push /tmp/policy.sock policy.safetensors --finite\n"
      "  midstream push /tmp/policy.sock model.ckpt-100 model.ckpt-200 --every 1 --wait 10\n"
      "  midstream push /tmp/policy.sock --rollback 3\n",
      &args->json);
  command->add_option("SOCKET", args->socket, "The socket that the engine listens on")
      ->required()
      ->check(NotEmpty());
  CLI::Option* sources =
      command
          ->add_option(
              "SOURCE", args->sources,
              "A .safetensors or .npz file, a package (.mspkg), a checkpoint, a SavedModel, or a "
              "folder of .npy files, whose paths are the names; of several, one after the other")
          ->check(NotEmpty());
  command->add_option("--every", args->every, "Seconds from one source to the next")
      ->type_name("SECONDS")
      ->check(NumberFrom(0.0, 86400));
  command->add_option("--wait", args->wait, "Seconds to wait for the socket to appear")
      ->type_name("SECONDS")
      ->check(NumberFrom(0.0, 86400));
  CLI::Option* status =
      command->add_flag("--status", args->status, "Print the current version")->excludes(sources);
  command->add_option("--rollback", args->rollback, "Make this version the current one again")
      ->type_name("VERSION")
      ->excludes(sources)
      ->excludes(status);
  AddUpdateOptions(*command, args.get());
  command->callback([=] { *action = [=] { return Push(*args); }; });
}

}  // namespace midstream::cli
