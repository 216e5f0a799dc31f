// Names of devices, and the choice of the fastest.
#include "gavotte/device.h"

namespace gavotte {

std::string Device::to_string() const {
  return kind == DeviceKind::cpu ? "cpu" : "cuda:" + std::to_string(index);
}

}  // namespace gavotte
