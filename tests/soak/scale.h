// How long a soak is: the shortened form, or the full one where the environment has MS_SOAK=full. A
// thread sanitizer makes everything some twenty times slower, so its shortened form is shorter.
#ifndef MIDSTREAM_TESTS_SOAK_SCALE_H_
#define MIDSTREAM_TESTS_SOAK_SCALE_H_

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace midstream {

inline bool FullSoak() {
  const char* value = std::getenv("MS_SOAK");
  return value != nullptr && std::string_view(value) == "full";
}

inline int64_t SoakCount(int64_t shortened, int64_t full) {
  if (FullSoak()) return full;
#if defined(__SANITIZE_THREAD__)
  return shortened / 20;
#elif defined(__SANITIZE_ADDRESS__)
  return shortened / 4;
#else
  return shortened;
#endif
}

}  // namespace midstream

#endif  // MIDSTREAM_TESTS_SOAK_SCALE_H_
