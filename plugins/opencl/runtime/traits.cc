#include "runtime/traits.h"

#include <algorithm>
#include <cctype>

namespace midstream::opencl {
namespace {

template <typename T>
T Number(cl_device_id device, cl_device_info what) {
  T value{};
  Check(clGetDeviceInfo(device, what, sizeof value, &value, nullptr), "clGetDeviceInfo");
  return value;
}

std::string Text(cl_device_id device, cl_device_info what) {
  size_t size = 0;
  Check(clGetDeviceInfo(device, what, 0, nullptr, &size), "clGetDeviceInfo");
  std::string text(size, '\0');
  Check(clGetDeviceInfo(device, what, size, text.data(), nullptr), "clGetDeviceInfo");
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

std::string PlatformName(cl_device_id device) {
  auto platform = Number<cl_platform_id>(device, CL_DEVICE_PLATFORM);
  char text[256] = {};
  clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof text - 1, text, nullptr);
  return text;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool Matches(cl_device_id device, const std::string& wanted) {
  const auto type = Number<cl_device_type>(device, CL_DEVICE_TYPE);
  if (wanted.empty()) return true;
  if (wanted == "gpu") return (type & CL_DEVICE_TYPE_GPU) != 0;
  if (wanted == "cpu") return (type & CL_DEVICE_TYPE_CPU) != 0;
  if (wanted == "accelerator") return (type & CL_DEVICE_TYPE_ACCELERATOR) != 0;
  return Lower(Text(device, CL_DEVICE_NAME)).find(wanted) != std::string::npos ||
         Lower(PlatformName(device)).find(wanted) != std::string::npos;
}

}  // namespace

Traits QueryTraits(cl_device_id device) {
  Traits traits;
  traits.name = Text(device, CL_DEVICE_NAME);
  traits.platform = PlatformName(device);
  traits.version = Text(device, CL_DEVICE_VERSION);
  traits.driver = Text(device, CL_DRIVER_VERSION);
  traits.cpu = (Number<cl_device_type>(device, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU) != 0;
  traits.tiles = traits.cpu;
  traits.compute_units = Number<cl_uint>(device, CL_DEVICE_MAX_COMPUTE_UNITS);
  traits.float_lanes = Number<cl_uint>(device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
  traits.max_group = Number<size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE);
  std::vector<size_t> items(
      std::max(3u, Number<cl_uint>(device, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS)));
  Check(clGetDeviceInfo(device, CL_DEVICE_MAX_WORK_ITEM_SIZES, items.size() * sizeof(size_t),
                        items.data(), nullptr),
        "clGetDeviceInfo");
  std::copy_n(items.begin(), 3, traits.max_items.begin());
  traits.local_bytes = Number<cl_ulong>(device, CL_DEVICE_LOCAL_MEM_SIZE);
  traits.global_bytes = Number<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_SIZE);
  traits.max_buffer_bytes = Number<cl_ulong>(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  traits.fp64 = Text(device, CL_DEVICE_EXTENSIONS).find("cl_khr_fp64") != std::string::npos;
  traits.rounded_divide = (Number<cl_device_fp_config>(device, CL_DEVICE_SINGLE_FP_CONFIG) &
                           CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
  return traits;
}

std::vector<cl_device_id> AllDevices() {
  cl_uint n_platforms = 0;
  if (clGetPlatformIDs(0, nullptr, &n_platforms) != CL_SUCCESS) return {};
  std::vector<cl_platform_id> platforms(n_platforms);
  if (clGetPlatformIDs(n_platforms, platforms.data(), nullptr) != CL_SUCCESS) return {};
  std::vector<cl_device_id> all;
  for (cl_platform_id platform : platforms) {
    cl_uint n = 0;  // a platform without a device says CL_DEVICE_NOT_FOUND
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &n) != CL_SUCCESS) continue;
    std::vector<cl_device_id> devices(n);
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, devices.data(), nullptr) != CL_SUCCESS)
      continue;
    all.insert(all.end(), devices.begin(), devices.end());
  }
  return all;
}

std::vector<cl_device_id> MatchingDevices(const std::string& wanted) {
  std::vector<cl_device_id> devices = AllDevices();
  std::erase_if(devices, [&](cl_device_id id) { return !Matches(id, Lower(wanted)); });
  return devices;
}

}  // namespace midstream::opencl
