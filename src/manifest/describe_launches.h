// From what a backend started in a run to the launches of its manifest.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "executor/executor_access.h"
#include "gavotte/manifest.h"
#include "manifest/device_files.h"
#include "manifest/launch_recorder.h"
#include "manifest/occupancy.h"

namespace gavotte::internal {

/// What is known of the device that the manifest is for, beside its DeviceFacts.
struct LaunchFacts {
  std::int64_t run_units = 0;  ///< Multiprocessors of the device that ran.
  bool is_where_it_ran = true;
  std::string capability;  ///< "9.0"
  std::optional<SmLimits> limits;
  std::optional<ResourceTable> resources;
  std::vector<std::int64_t>
      tiles;  ///< Of each kernel, as count_kernel_tiles() gives them; none: no flag is taken.
};

/// Symbols, buffers, launches and the hash. `stats` are of the recorded run.
void describe_launches(const ExecutorAccess::Impl& impl, const RunStats& stats,
                       std::span<const RecordedLaunch> recorded, const LaunchFacts& facts,
                       Manifest& manifest);

}  // namespace gavotte::internal
