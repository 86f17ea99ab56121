// A model that tells whether the weights of one answer belong together: every element of every
// weight holds one number, the stamp, and the answers are the largest and the spread of what comes
// out of all of them. A spread of zero means that one version made the answer.
//
// The weights take every way that weights take: packed matrix and filter, a transposed filter and a
// sum that recipes make, a table, a vector read as it is. All arithmetic on stamps is exact.
#ifndef MIDSTREAM_TESTS_SOAK_SENTINEL_H_
#define MIDSTREAM_TESTS_SOAK_SENTINEL_H_

#include <memory>
#include <string>
#include <vector>

#include "core/backend/handles.h"
#include "core/backend/registry.h"
#include "core/plan/evaluator.h"
#include "core/session/session.h"
#include "core/weights/store.h"

namespace midstream {

class Sentinel {
 public:
  static constexpr uint64_t kStamps = 4096;
  static float StampOf(uint64_t version) { return static_cast<float>(version % kStamps); }

  // On one backend and the reference, or split over two ("opencl+cpu_blas": convolutions and
  // look-ups on the second); on "python" the model is Python code. Version 1 holds the stamp 1.
  // Errors: UNAVAILABLE when the machine has no device for a backend.
  static Result<std::unique_ptr<Sentinel>> Make(const std::string& backend, size_t instances,
                                                const backend::DeviceOptions& first_device = {});

  weights::Store& store() { return *store_; }
  session::Session& session() { return *session_; }
  // One value for each weight, in the order of names().
  static const std::vector<std::string>& names();
  static std::vector<Tensor> Values(float stamp);
  static weights::Declared Declarations();
  // What a run feeds.
  static Tensor Input();

 private:
  Sentinel() = default;

  backend::Registry registry_;
  std::vector<std::shared_ptr<backend::Device>> devices_;
  std::unique_ptr<plan::BackendEvaluator> evaluator_;
  weights::Reaper reaper_;
  std::shared_ptr<weights::Store> store_;
  std::shared_ptr<session::Session> session_;
};

}  // namespace midstream

#endif  // MIDSTREAM_TESTS_SOAK_SENTINEL_H_
