// Which launches may be cut and run again, alone or with those before them, and whose blocks need not wait for one
// another. Declared of each kernel here; tests/emulator/restart_groups_test.cpp cuts launches of whole runs and runs
// their groups again, and runs their blocks in other orders.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gavotte/manifest.h"
#include "manifest/launch_recorder.h"

namespace gavotte::internal {

struct LaunchSafety {
  manifest::Flag idempotent, block_independent;
  std::int64_t restart_group = 0;  ///< Index of the group's first launch.
};

/// Of the launches of one run, in order.
std::vector<LaunchSafety> launch_safety(std::span<const RecordedLaunch> launches);

}  // namespace gavotte::internal
