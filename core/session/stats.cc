#include "core/session/stats.h"

#include <nlohmann/json.hpp>

namespace midstream {
namespace {

nlohmann::ordered_json Summary(const Histogram::Snapshot& values) {
  return {{"count", values.count},
          {"mean", values.mean()},
          {"min", values.min},
          {"p50", values.Quantile(0.5)},
          {"p90", values.Quantile(0.9)},
          {"p99", values.Quantile(0.99)},
          {"p999", values.Quantile(0.999)},
          {"max", values.max}};
}

}  // namespace

std::string SessionStats::ToJson() const {
  const nlohmann::ordered_json json = {{"queued", queued},
                                       {"queued_bytes", queued_bytes},
                                       {"executing", executing},
                                       {"submitted", submitted},
                                       {"completed", completed},
                                       {"failed", failed},
                                       {"cancelled", cancelled},
                                       {"expired", expired},
                                       {"refused", refused},
                                       {"to_device_bytes", to_device_bytes},
                                       {"from_device_bytes", from_device_bytes},
                                       {"transfers", transfers},
                                       {"queue_wait_ns", Summary(queue_wait_ns)},
                                       {"execution_ns", Summary(execution_ns)},
                                       {"latency_ns", Summary(latency_ns)},
                                       {"batch_rows", Summary(batch_rows)}};
  return json.dump();
}

}  // namespace midstream
