// What is fuzzed: one function per format, which gives arbitrary bytes to the entry point that the
// engine uses for that format and asks everything of whatever comes back.
//
// The same functions are run by libFuzzer (`make fuzz`, Clang) and by the ordinary tests, which
// replay corpus/<name>. A target returns, whatever the bytes; it checks what holds for every input
// with MS_FUZZ_CHECK. Threads: one per process, they share scratch files.
#ifndef MIDSTREAM_TESTS_FUZZ_TARGETS_H_
#define MIDSTREAM_TESTS_FUZZ_TARGETS_H_

#include <span>
#include <string_view>

namespace midstream::fuzz {

struct Target {
  std::string_view name;  // of its folder in corpus/
  void (*run)(std::string_view input);
};

std::span<const Target> AllTargets();

// tensorflow_target.cc
void FuzzBundleIndex(std::string_view input);      // the bytes of a `.index`
void FuzzBundleData(std::string_view input);       // its rows, and the bytes of a data file
void FuzzV1Table(std::string_view input);          // the bytes of a checkpoint of format V1
void FuzzV1Rows(std::string_view input);           // its rows
void FuzzMetaGraph(std::string_view input);        // the bytes of a `.meta`
void FuzzTextGraph(std::string_view input);        // the text of a graph, `.meta` or `.pbtxt`
void FuzzSavedModel(std::string_view input);       // the bytes of a `saved_model.pb`
void FuzzCheckpointState(std::string_view input);  // the text of a `checkpoint` file
// config_target.cc
void FuzzConfig(std::string_view input);      // TOML; overrides on the lines behind a NUL
void FuzzNpuOptions(std::string_view input);  // JSON; a file that options name behind a NUL
// npy_target.cc
void FuzzNpy(std::string_view input);
void FuzzNpz(std::string_view input);
// openpi_target.cc
void FuzzOrbax(std::string_view input);        // the files of an Orbax folder, one after the other
void FuzzSafetensors(std::string_view input);  // the bytes of a `.safetensors`
void FuzzNormStats(std::string_view input);    // the text of a `norm_stats.json`
// `tokenizer.json`; behind a NUL, `processor_config.json`
void FuzzFastTokenizer(std::string_view input);
// package_target.cc
void FuzzPackage(std::string_view input);  // the bytes of a `.mspkg`
// A manifest beside entries that are always the same.
void FuzzPackageManifest(std::string_view input);
void FuzzTorchPackage(std::string_view input);  // the bytes of an archive of torch.package
void FuzzPickle(std::string_view input);        // a pickle in one
// push_target.cc
void FuzzPushMessage(std::string_view input);  // a message of the protocol of docs/sources.md

}  // namespace midstream::fuzz

// Ends the process: both runners report the input.
#define MS_FUZZ_CHECK(condition)        \
  do {                                  \
    if (!(condition)) __builtin_trap(); \
  } while (false)

#endif  // MIDSTREAM_TESTS_FUZZ_TARGETS_H_
