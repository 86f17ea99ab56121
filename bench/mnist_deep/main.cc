// bench_mnist_deep [--backend=NAME] [--precision=MODE] [--deterministic=true]
// [Google Benchmark's flags]

#include <cstdio>
#include <string_view>

#include "bench/mnist_deep/cases.h"
#include "bench/support/ratio_reporter.h"

namespace {

// Takes --name=value out of the arguments.
void TakeFlag(std::string_view name, std::string* value, int* argc, char** argv) {
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    std::string_view argument = argv[i];
    if (argument.substr(0, name.size()) == name) {
      *value = argument.substr(name.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
}

}  // namespace

int main(int argc, char** argv) {
  midstream::bench::RuntimeOptions options;
  TakeFlag("--backend=", &options.backend, &argc, argv);
  TakeFlag("--precision=", &options.precision, &argc, argv);
  std::string deterministic = "false";
  TakeFlag("--deterministic=", &deterministic, &argc, argv);
  options.deterministic = deterministic == "true";
  auto fixture = midstream::bench::MakeFixture(options);
  if (!fixture.ok()) {
    std::fprintf(stderr, "bench_mnist_deep: %s\n", fixture.status().ToString().c_str());
    return 1;
  }
  std::fprintf(stderr, "backend %s, precision %s, OpenBLAS core %s\n%s\n", options.backend.c_str(),
               options.precision.c_str(), (*fixture)->blas.core_name().c_str(),
               (*fixture)->nets.at(1).session->program()->graph().ToString().c_str());
  midstream::bench::RegisterInference(fixture->get());
  midstream::bench::RegisterUpdate(fixture->get());
  midstream::bench::RegisterEmptyCall(fixture->get());
  midstream::bench::RegisterMlp(fixture->get());
  return midstream::bench::RunBenches(argc, argv);
}
