// Which vector instructions run-time dispatch takes: Highway numbers its targets from the best.
#include "cpu/simd/targets.h"

#include <hwy/targets.h>

#include "gavotte/device.h"

namespace gavotte {

std::string simd_target() {
  const auto targets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(targets & -targets);
}

}  // namespace gavotte
