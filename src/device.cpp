// Names of devices, and the choice of the fastest.
#include "gavotte/device.h"

namespace gavotte {

// No backend but the CPU's is built into this library.
Device Device::best() { return cpu(); }

std::string Device::to_string() const {
  return kind == DeviceKind::cpu ? "cpu" : "cuda:" + std::to_string(index);
}

}  // namespace gavotte
