#include "core/weights/version.h"

#include "core/weights/version_pin.h"

namespace midstream::weights {

uint64_t Version::Bytes() const {
  uint64_t total = 0;
  for (const auto& [name, value] : host) total += value.charge->bytes();
  for (const ProgramSets& program : programs) {
    for (const auto& segment : program.charges) {
      if (segment == nullptr) continue;
      for (const auto& charge : *segment) total += charge == nullptr ? 0 : charge->bytes();
    }
  }
  return total;
}

}  // namespace midstream::weights

namespace midstream {

uint64_t VersionPin::version() const { return version_ == nullptr ? 0 : version_->id; }

}  // namespace midstream
