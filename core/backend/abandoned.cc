#include "core/backend/abandoned.h"

#include <mutex>
#include <vector>

#include "core/backend/registry.h"

namespace midstream::backend {

void KeepForever(const Device& device, std::shared_ptr<void> what) {
  struct Kept {
    std::mutex mutex;
    std::vector<std::shared_ptr<void>> things;
  };
  static Kept& kept = *new Kept;  // never destroyed
  NeverShutDown(device.table());
  const std::lock_guard lock(kept.mutex);
  kept.things.push_back(std::move(what));
}

}  // namespace midstream::backend
