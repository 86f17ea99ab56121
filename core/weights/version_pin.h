// VersionPin: holds a version of a model's weights in memory, so that requests can be run on it
// however many newer ones come, as for an episode.
//
// Copies hold the same version. Threads: any.
#ifndef MIDSTREAM_CORE_WEIGHTS_VERSION_PIN_H_
#define MIDSTREAM_CORE_WEIGHTS_VERSION_PIN_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "core/base/export.h"

namespace midstream {

namespace weights {
struct Version;
}

class MS_API VersionPin {
 public:
  // Holds none.
  VersionPin() = default;
  explicit VersionPin(std::shared_ptr<const weights::Version> version)
      : version_(std::move(version)) {}

  // 0: it holds none.
  uint64_t version() const;
  // For the engine's own use.
  const std::shared_ptr<const weights::Version>& held() const { return version_; }

 private:
  std::shared_ptr<const weights::Version> version_;
};

}  // namespace midstream

#endif  // MIDSTREAM_CORE_WEIGHTS_VERSION_PIN_H_
