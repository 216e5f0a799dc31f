// Which backend serves a device.
#include "backend.h"

#include <array>
#include <atomic>
#include <string>

#include "check.h"
#include "cpu/cpu_backend.h"
#include "cuda_loader.h"

namespace gavotte::internal {
namespace {

std::atomic<Backend*>& chosen(DeviceKind kind) {
  static std::array<std::atomic<Backend*>, 2> backends = {};
  return backends[static_cast<std::size_t>(kind)];
}

}  // namespace

Backend& backend(const Device& device) {
  if (Backend* set = chosen(device.kind)) return *set;
  if (device.kind == DeviceKind::cuda) return load_cuda(device.index);
  GAVOTTE_CHECK_RUNTIME(device.index == 0,
                        "expected the device cpu; got index " + std::to_string(device.index));
  static cpu::CpuBackend cpu_backend;  // stateless
  return cpu_backend;
}

void set_backend(DeviceKind kind, Backend* backend) noexcept { chosen(kind) = backend; }

}  // namespace gavotte::internal

namespace gavotte {

int Device::cuda_count(std::string* why_none) { return internal::cuda_devices(why_none); }

std::int64_t Device::synchronizations() { return internal::cuda_synchronizations(); }

Device Device::best() { return cuda_count() > 0 ? Device{DeviceKind::cuda, 0} : cpu(); }

}  // namespace gavotte
