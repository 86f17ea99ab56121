// The `midstream` command.
#include "core/cli/command.h"

int main(int argc, char** argv) { return midstream::cli::Main(argc, argv); }
