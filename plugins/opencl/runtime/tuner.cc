#include "runtime/tuner.h"

#include <chrono>
#include <sstream>

#include "runtime/commands.h"

namespace midstream::opencl {
namespace {

constexpr const char* kKind = "tuning";
constexpr int kRounds = 3;

// What the calls do, without where their operands lie.
std::string NameOf(const std::vector<Call>& calls) {
  std::string text;
  for (const Call& call : calls) {
    text += call.source + ' ' + call.kernel + ' ' + call.defines;
    for (size_t n : call.global) text += ' ' + std::to_string(n);
    for (const Arg& arg : call.args) {
      if (const auto* scalar = std::get_if<Scalar>(&arg))
        text.append(reinterpret_cast<const char*>(scalar->bytes.data()), scalar->size);
    }
  }
  return std::to_string(Hash(text));
}

// The best of a few rounds, in nanoseconds; programs are built and warm before the clock starts.
int64_t Time(Device* device, const Call& call) {
  CommandList list(device, {{MS_NONE, call}});
  list.Warm();
  const DummyMemory memory(device, list);
  int64_t best = INT64_MAX;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    device->RunNow([&](Queue* queue) { list.Enqueue(queue, memory); });
    const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - begin;
    best = std::min<int64_t>(best, taken.count());
  }
  return best;
}

}  // namespace

Tuner::Tuner(const Cache* cache, std::string key) : cache_(cache), key_(std::move(key)) {
  std::istringstream lines(cache_->Read(kKind, key_).value_or(""));
  std::string name;
  size_t index = 0;
  while (lines >> name >> index) chosen_[name] = index;
}

size_t Tuner::Choose(Device* device, const std::vector<Call>& calls) {
  if (calls.size() == 1) return 0;
  const std::string name = NameOf(calls);
  std::lock_guard lock(mutex_);
  if (auto it = chosen_.find(name); it != chosen_.end() && it->second < calls.size())
    return it->second;
  size_t best = 0;
  int64_t least = INT64_MAX;
  for (size_t i = 0; i < calls.size(); ++i) {
    const int64_t taken = Time(device, calls[i]);
    if (taken < least) least = taken, best = i;
  }
  chosen_[name] = best;
  changed_ = true;
  return best;
}

void Tuner::Save() {
  std::lock_guard lock(mutex_);
  if (!changed_) return;
  changed_ = false;
  std::string lines;
  for (const auto& [name, index] : chosen_) lines += name + ' ' + std::to_string(index) + '\n';
  cache_->Write(kKind, key_, lines);
}

}  // namespace midstream::opencl
