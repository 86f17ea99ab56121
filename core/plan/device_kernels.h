// What the devices of a placement take, as the precision pass asks it.
#ifndef MIDSTREAM_CORE_PLAN_DEVICE_KERNELS_H_
#define MIDSTREAM_CORE_PLAN_DEVICE_KERNELS_H_

#include <memory>
#include <vector>

#include "core/backend/handles.h"
#include "core/passes/precision_plan.h"

namespace midstream::plan {

// The claims of the devices, the same that place the nodes later.
class DeviceKernels final : public passes::Kernels {
 public:
  // `devices` must outlive it.
  explicit DeviceKernels(const std::vector<std::shared_ptr<backend::Device>>& devices)
      : devices_(devices) {}

  size_t backend_count() const override { return devices_.size(); }
  std::string_view backend_name(size_t backend) const override {
    return devices_[backend]->label();
  }
  Result<std::vector<bool>> Takes(size_t backend, const Graph& graph) const override {
    MS_ASSIGN_OR_RETURN(auto claims, devices_[backend]->Claim(graph));
    std::vector<bool> takes;
    for (const backend::NodeClaim& claim : claims) takes.push_back(claim.mine);
    return takes;
  }

 private:
  const std::vector<std::shared_ptr<backend::Device>>& devices_;
};

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_DEVICE_KERNELS_H_
