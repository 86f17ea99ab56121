// Commit, rollback, staging and deltas: one thread, nothing else runs.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "bench/update/nets.h"
#include "bench/update/questions.h"
#include "core/backend/host.h"
#include "core/base/thread_pool.h"
#include "core/measure/clock.h"
#include "core/measure/memory_copy.h"

namespace midstream::bench {
namespace {

using measure::MemoryCopy;
using measure::UpdateTimes;

int Rounds(const Options& options, int rounds) {
  return std::max(3, static_cast<int>(rounds * options.scale));
}

Result<Net> MakeNet(Runtime& runtime, const Model& model) {
  return runtime.MakeNet(model.graph, model.weights[0]);
}

std::string MB(uint64_t bytes) {
  return fmt::format("{:.4g} MB", static_cast<double>(bytes) / 1e6);
}

// Both versions in turn, `rounds` times; the first updates are not counted.
Status UpdateOften(Net& net, const std::vector<NamedTensor> (&weights)[2], int rounds,
                   Histogram* stage, Histogram* commit) {
  for (int i = -4; i < rounds; ++i) {
    MS_ASSIGN_OR_RETURN(const UpdateTimes times, Update(*net.store, weights[i & 1]));
    if (i < 0) continue;
    if (stage != nullptr) stage->Record(times.stage_ns);
    if (commit != nullptr) commit->Record(times.commit_ns);
  }
  return OkStatus();
}

// Requires: a version before the current one is kept.
Status RollBackOften(Net& net, int rounds, Histogram* rollback) {
  const uint64_t newest = net.store->Pin()->id;
  for (uint64_t i = 0; i < static_cast<uint64_t>(rounds); ++i) {
    const uint64_t wanted = newest - (i + 1) % 2;
    const uint64_t begin = measure::Now();
    MS_RETURN_IF_ERROR(net.store->Rollback(wanted));
    rollback->Record(measure::Now() - begin);
    if (net.store->Pin()->id != wanted) return Internal("a rollback has changed nothing");
  }
  return OkStatus();
}

void AddTimes(Results* results, const std::string& row, const Histogram& histogram) {
  const Histogram::Snapshot times = histogram.TakeSnapshot();
  results->Add("commit", row,
               {{"p50 us", QuantileUs(times, 0.5)},
                {"p99 us", QuantileUs(times, 0.99)},
                {"max us", QuantileUs(times, 1)},
                {"times", static_cast<double>(times.count)}});
}

Status CommitsOf(const std::string& name, const Options& options, const Model& model,
                 int full_rounds, Results* results) {
  MS_ASSIGN_OR_RETURN(auto runtime, Runtime::Open({.backend = options.backend, .threads = 0}));
  MS_ASSIGN_OR_RETURN(Net net, MakeNet(*runtime, model));
  Histogram full, one, rollback;
  MS_RETURN_IF_ERROR(UpdateOften(net, model.weights, full_rounds, nullptr, &full));
  const std::vector<NamedTensor> last[2] = {{model.weights[0].back()}, {model.weights[1].back()}};
  MS_RETURN_IF_ERROR(UpdateOften(net, last, Rounds(options, 1000), nullptr, &one));
  MS_RETURN_IF_ERROR(RollBackOften(net, Rounds(options, 1000), &rollback));
  AddTimes(results, name + ": commit of all weights", full);
  AddTimes(results, name + ": commit of one bias", one);
  AddTimes(results, name + ": rollback", rollback);
  return OkStatus();
}

void CopyToOne(const std::vector<NamedTensor>& from, uint32_t threads, Tensor* to) {
  const backend::ThreadLimit limit(threads);
  char* target = static_cast<char*>(to->mutable_data());
  for (const NamedTensor& tensor : from) {
    const size_t bytes = tensor.value.byte_size();
    const auto* source = static_cast<const char*>(tensor.value.data());
    backend::ParallelFor(threads, [&](uint32_t i) {
      const size_t begin = bytes * i / threads;
      std::memcpy(target + begin, source + begin, bytes * (i + 1) / threads - begin);
    });
    target += bytes;
  }
}

// Staging and commit, and copies of the same bytes, in turn.
Status StagingOf(const std::string& name, const Options& options, const Model& model, Hand hand,
                 uint32_t threads, Results* results) {
  MS_ASSIGN_OR_RETURN(auto runtime,
                      Runtime::Open({.backend = options.backend, .threads = threads}));
  MS_ASSIGN_OR_RETURN(Net net, MakeNet(*runtime, model));
  MS_ASSIGN_OR_RETURN(MemoryCopy to_two, MemoryCopy::Make(model.bytes(), threads));
  MS_ASSIGN_OR_RETURN(Tensor one,
                      Tensor::Allocate(DType::kU8, {static_cast<int64_t>(model.bytes())}));
  Histogram update, copy_one, copy_two;
  for (int i = -4; i < Rounds(options, 200); ++i) {
    const auto& weights = model.weights[i & 1];
    MS_ASSIGN_OR_RETURN(const UpdateTimes times, Update(*net.store, weights, hand));
    const uint64_t begin = measure::Now();
    CopyToOne(weights, threads, &one);
    const uint64_t middle = measure::Now();
    to_two.Copy(weights);
    const uint64_t end = measure::Now();
    if (i < 0) continue;
    update.Record(times.stage_ns + times.commit_ns);
    copy_one.Record(middle - begin);
    copy_two.Record(end - middle);
  }
  const double ours = QuantileUs(update.TakeSnapshot(), 0.5);
  const double to_one_us = QuantileUs(copy_one.TakeSnapshot(), 0.5);
  const double to_two_us = QuantileUs(copy_two.TakeSnapshot(), 0.5);
  results->Add("stage and commit, medians",
               fmt::format("{}, {} thread{}", name, threads, threads == 1 ? "" : "s"),
               {{"us", ours},
                {"memcpy us", to_one_us},
                {"ratio", ours / to_one_us},
                {"to two us", to_two_us},
                {"ratio to two", ours / to_two_us}});
  return OkStatus();
}

// The tensors of layers first .. first + count - 1 of an Mlp.
std::vector<NamedTensor> Layers(const std::vector<NamedTensor>& weights, size_t count) {
  return {weights.begin(), weights.begin() + static_cast<ptrdiff_t>(2 * count)};
}

// k bytes of a model of 67 MB beside a model that has no more than these.
Status DeltaOf(const std::string& name, const Options& options, const Model& whole,
               const Model& alone, const std::vector<NamedTensor> (&delta)[2], Results* results) {
  MS_ASSIGN_OR_RETURN(auto runtime, Runtime::Open({.backend = options.backend, .threads = 0}));
  MS_ASSIGN_OR_RETURN(Net whole_net, MakeNet(*runtime, whole));
  MS_ASSIGN_OR_RETURN(Net alone_net, MakeNet(*runtime, alone));
  Histogram in_whole, in_alone;
  for (int i = -4; i < Rounds(options, 100); ++i) {
    MS_ASSIGN_OR_RETURN(const UpdateTimes part, Update(*whole_net.store, delta[i & 1]));
    MS_ASSIGN_OR_RETURN(const UpdateTimes all, Update(*alone_net.store, delta[i & 1]));
    if (i < 0) continue;
    in_whole.Record(part.stage_ns + part.commit_ns);
    in_alone.Record(all.stage_ns + all.commit_ns);
  }
  const double part = QuantileUs(in_whole.TakeSnapshot(), 0.5);
  const double all = QuantileUs(in_alone.TakeSnapshot(), 0.5);
  results->Add("delta, medians", fmt::format("{} of {}", name, MB(whole.bytes())),
               {{"us", part},
                {"alone us", all},
                {"1.1 alone + 200", 1.1 * all + 200},
                {"ratio", part / all}});
  return OkStatus();
}

}  // namespace

Status MeasureCommits(const Options& options, Results* results) {
  MS_RETURN_IF_ERROR(
      CommitsOf("102 KB", options, Mlp({64, 128, 128, 8}), Rounds(options, 1000), results));
  MS_RETURN_IF_ERROR(CommitsOf("13.1 MB", options, MnistDeep(), Rounds(options, 500), results));
  // Sources, the packed current version, the one that is staged, and slack.
  const int64_t wanted = int64_t{4} << 30;
  if (int64_t{sysconf(_SC_AVPHYS_PAGES)} * sysconf(_SC_PAGESIZE) < wanted) {
    results->Skip("commit", "1.07 GB: less than 4 GB of memory are free");
    return OkStatus();
  }
  const std::vector<int64_t> widths(17, 4096);
  return CommitsOf("1.07 GB", options, Mlp(widths, true), Rounds(options, 10), results);
}

Status MeasureStaging(const Options& options, Results* results) {
  const Model packed = MnistDeep(), unpacked = Vectors(8, 409'329);
  std::vector<uint32_t> thread_counts = {1};
  if (AvailableCores() > 1) thread_counts.push_back(AvailableCores());
  for (const uint32_t threads : thread_counts) {
    MS_RETURN_IF_ERROR(
        StagingOf("13.1 MB packed (mnist_deep)", options, packed, Hand::kAssign, threads, results));
    MS_RETURN_IF_ERROR(
        StagingOf("13.1 MB unpacked", options, unpacked, Hand::kAssign, threads, results));
    MS_RETURN_IF_ERROR(
        StagingOf("13.1 MB unpacked, adopted", options, unpacked, Hand::kAdopt, threads, results));
  }
  return OkStatus();
}

Status MeasureDeltas(const Options& options, Results* results) {
  const Model whole = Mlp(std::vector<int64_t>(17, 1024));
  const std::pair<const char*, size_t> cases[] = {{"4.2 MB", 1}, {"16.8 MB", 4}};
  {
    const std::vector<NamedTensor> bias[2] = {{whole.weights[0][1]}, {whole.weights[1][1]}};
    MS_RETURN_IF_ERROR(DeltaOf("4 KB", options, whole, Mlp({1024, 1024}), bias, results));
  }
  for (const auto& [name, layers] : cases) {
    const Model alone = Mlp(std::vector<int64_t>(layers + 1, 1024));
    const std::vector<NamedTensor> delta[2] = {Layers(whole.weights[0], layers),
                                               Layers(whole.weights[1], layers)};
    MS_RETURN_IF_ERROR(DeltaOf(name, options, whole, alone, delta, results));
  }
  return OkStatus();
}

}  // namespace midstream::bench
