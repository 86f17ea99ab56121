// Files for fuzz targets: a folder in memory that goes when the process ends. Entry points open
// paths, so the bytes have to lie in files.
#ifndef MIDSTREAM_TESTS_FUZZ_SCRATCH_H_
#define MIDSTREAM_TESTS_FUZZ_SCRATCH_H_

#include <string>
#include <string_view>

namespace midstream::fuzz {

std::string ScratchPath(const std::string& name);
// Replaces the file; returns its path.
std::string WriteScratch(const std::string& name, std::string_view bytes);

}  // namespace midstream::fuzz

#endif  // MIDSTREAM_TESTS_FUZZ_SCRATCH_H_
