// Which backend serves a device.
#include "backend.h"

#include "check.h"
#include "cpu/cpu_backend.h"

namespace gavotte::internal {

Backend& backend(const Device& device) {
  GAVOTTE_CHECK_RUNTIME(device.kind == DeviceKind::cpu && device.index == 0,
                        "expected a device of this build: cpu; got " + device.to_string());
  static cpu::CpuBackend cpu_backend;  // stateless
  return cpu_backend;
}

}  // namespace gavotte::internal
