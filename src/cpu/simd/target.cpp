// Which vector instructions run-time dispatch takes: Highway numbers its targets from the best.
#include <hwy/targets.h>

#include "gavotte/device.h"

namespace gavotte {

std::string simd_target() {
  const auto targets = hwy::SupportedTargets();
  return hwy::TargetName(targets & -targets);
}

}  // namespace gavotte
