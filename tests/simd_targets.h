// The vector targets that run-time dispatch chooses from.
#pragma once

#include "cpu/simd/targets.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

namespace gavotte::test {

/// Runs the body once for each target that was compiled and that this CPU has.
template <class Body>
void for_each_target(Body&& body) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    SCOPED_TRACE(hwy::TargetName(target));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace gavotte::test
