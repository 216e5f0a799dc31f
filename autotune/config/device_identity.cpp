// Which device a config is for.
#include "backend.h"
#include "gavotte/device_config.h"

namespace gavotte {

DeviceIdentity DeviceIdentity::of(const Device& device) {
  return internal::backend(device).identity(device);
}

bool DeviceIdentity::same_device(const DeviceIdentity& other) const {
  return kind == other.kind && name == other.name && target == other.target &&
         compute_capability == other.compute_capability;
}

std::string DeviceIdentity::to_string() const {
  if (kind == DeviceKind::cpu) return name + " (" + target + ")";
  return name + " (compute capability " + std::to_string(compute_capability[0]) + "." +
         std::to_string(compute_capability[1]) + ")";
}

}  // namespace gavotte
