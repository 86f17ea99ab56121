#include "runtime/programs.h"

#include <algorithm>

#include "runtime/kernel_sources.h"

namespace midstream::opencl {
namespace {

constexpr const char* kKind = "program";

std::string_view SourceText(std::string_view name) {
  for (unsigned i = 0; i < kKernelSourceCount; ++i) {
    if (kKernelSources[i].name == name) return kKernelSources[i].text;
  }
  throw sdk::Error(MS_INTERNAL, "there is no kernel source '" + std::string(name) + "'");
}

std::string BuildLog(cl_program program, cl_device_id device) {
  size_t size = 0;
  clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size);
  std::string log(size, '\0');
  clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log.data(), nullptr);
  log.resize(std::min(log.find('\0'), log.size()));
  return log;
}

// The part of a build log that a message of limited length should hold.
std::string FromFirstError(const std::string& log) {
  const size_t error = log.find("error");
  if (error == std::string::npos) return log;
  const size_t line = log.rfind('\n', error);
  return log.substr(line == std::string::npos ? 0 : line + 1);
}

// Drivers tell small ranges from large ones, too.
std::string Signature(const Call& call) {
  const bool large = *std::ranges::max_element(call.global) > UINT16_MAX;
  std::string text = call.kernel;
  for (size_t n : call.local) text += ' ' + std::to_string(n);
  return text + (large ? " large" : "");
}

}  // namespace

Programs::Programs(const ms_host* host, cl_context context, cl_device_id id, const Traits& traits,
                   const Cache* cache)
    : host_(host),
      context_(context),
      id_(id),
      traits_(traits),
      cache_(cache),
      device_key_(traits.platform + '\n' + traits.name + '\n' + traits.version + '\n' +
                  traits.driver + '\n') {
  flags_ = "-cl-std=CL1.2 ";
  if (traits_.tiles) flags_ += "-DMS_TILES ";
  if (traits_.fp64) flags_ += "-DMS_FP64 ";
  if (traits_.rounded_divide) flags_ += "-cl-fp32-correctly-rounded-divide-sqrt ";
}

std::string Programs::KeyOfAll() const {
  std::string text;
  for (unsigned i = 0; i < kKernelSourceCount; ++i) text += kKernelSources[i].text;
  return device_key_ + "sources " + std::to_string(Hash(text)) + '\n' + flags_ + '\n';
}

std::string Programs::NameOfLaunch(const Call& call) {
  return call.source + ' ' + call.defines + '\n' + Signature(call);
}

KernelObject Programs::MakeKernel(const Call& call) {
  const BuiltPtr built = Get(call);
  cl_int code = CL_SUCCESS;
  KernelObject kernel(clCreateKernel(built->program.get(), call.kernel.c_str(), &code));
  if (code != CL_SUCCESS) Throw(code, "kernel " + call.kernel + " of " + call.source + ".cl");
  return kernel;
}

bool Programs::IsWarm(const Call& call) {
  const BuiltPtr built = Get(call);
  std::lock_guard lock(mutex_);
  return built->warm.contains(Signature(call));
}

void Programs::SetWarm(const Call& call) {
  const BuiltPtr built = Get(call);
  std::lock_guard lock(mutex_);
  built->changed |= built->warm.insert(Signature(call)).second;
}

void Programs::Save() {
  if (!cache_->enabled()) return;
  std::vector<std::pair<BuiltPtr, std::string>> changed;  // with the list of what is warm
  {
    std::lock_guard lock(mutex_);
    for (auto& [name, future] : programs_) {
      if (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) continue;
      const BuiltPtr built = future.get();
      if (!std::exchange(built->changed, false)) continue;
      std::string list;
      for (const std::string& signature : built->warm) list += signature + '\n';
      changed.emplace_back(built, list + '\n');
    }
  }
  for (const auto& [built, list] : changed) {
    const std::string binary = Binary(built->program.get());
    if (!binary.empty()) cache_->Write(kKind, built->key, list + binary);
  }
}

Programs::BuiltPtr Programs::Get(const Call& call) {
  std::promise<BuiltPtr> promise;
  std::shared_future<BuiltPtr> future;
  bool mine = false;
  const std::string name = call.source + ' ' + call.defines;
  {
    std::lock_guard lock(mutex_);
    auto [it, inserted] = programs_.try_emplace(name);
    if (inserted) it->second = promise.get_future().share();
    future = it->second;
    mine = inserted;
  }
  if (!mine) return future.get();
  try {
    promise.set_value(Make(call.source, call.defines));
    return future.get();
  } catch (...) {
    {
      std::lock_guard lock(mutex_);
      programs_.erase(name);  // another try may do better: memory may have been short
    }
    // Out of the table by now: the error is for those who asked for this program, not for Save().
    promise.set_exception(std::current_exception());
    throw;
  }
}

Programs::BuiltPtr Programs::Make(const std::string& source, const std::string& defines) const {
  const std::string flags = flags_ + defines;
  auto built = std::make_shared<Built>();
  const uint64_t hash = Hash(std::string(SourceText("common")) + std::string(SourceText(source)));
  built->key = device_key_ + source + ' ' + std::to_string(hash) + '\n' + flags + '\n';
  if (!Load(built.get(), flags)) Compile(built.get(), source, flags);
  return built;
}

bool Programs::Load(Built* built, const std::string& flags) const {
  const std::optional<std::string> entry = cache_->Read(kKind, built->key);
  if (!entry) return false;
  size_t at = 0;
  for (size_t end = entry->find('\n'); end != std::string::npos && end != at;
       at = end + 1, end = entry->find('\n', at)) {
    built->warm.insert(entry->substr(at, end - at));
  }
  const auto* binary = reinterpret_cast<const unsigned char*>(entry->data() + at + 1);
  const size_t size = entry->size() - std::min(entry->size(), at + 1);
  cl_int code = CL_SUCCESS, of_binary = CL_SUCCESS;
  built->program =
      Program(clCreateProgramWithBinary(context_, 1, &id_, &size, &binary, &of_binary, &code));
  if (code == CL_SUCCESS) code = of_binary;
  if (code == CL_SUCCESS) {
    code = clBuildProgram(built->program.get(), 1, &id_, flags.c_str(), nullptr, nullptr);
  }
  if (code == CL_SUCCESS) return true;
  cache_->Distrust(kKind, built->key, "the driver refuses it: " + CodeName(code));
  built->warm.clear();
  return false;
}

void Programs::Compile(Built* built, const std::string& source, const std::string& flags) const {
  const std::string_view parts[] = {SourceText("common"), SourceText(source)};
  const char* texts[] = {parts[0].data(), parts[1].data()};
  const size_t sizes[] = {parts[0].size(), parts[1].size()};
  cl_int code = CL_SUCCESS;
  built->program = Program(clCreateProgramWithSource(context_, 2, texts, sizes, &code));
  Check(code, "clCreateProgramWithSource");
  code = clBuildProgram(built->program.get(), 1, &id_, flags.c_str(), nullptr, nullptr);
  if (code == CL_SUCCESS) return;
  const std::string log = BuildLog(built->program.get(), id_);
  sdk::Host(host_).Log(MS_LOG_ERROR,
                       "opencl: " + source + ".cl with " + flags + " does not build: " + log);
  throw sdk::Error(ToMs(code),
                   source + ".cl does not build (" + CodeName(code) + "): " + FromFirstError(log));
}

std::string Programs::Binary(cl_program program) const {
  size_t size = 0;
  if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, nullptr) !=
      CL_SUCCESS) {
    return {};
  }
  std::string binary(size, '\0');
  char* data = binary.data();
  if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof data, &data, nullptr) != CL_SUCCESS) {
    return {};
  }
  return binary;
}

}  // namespace midstream::opencl
