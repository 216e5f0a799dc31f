// From a run's plan and statistics to its launches.
#pragma once

#include "executor/executor_access.h"
#include "gavotte/manifest.h"

namespace gavotte::internal {

/// What the plan and the statistics of `rounds`, of one scan, say: symbols, buffers and launches with their work,
/// durations, segments, safety and dependencies, and the hash. device.balance is what launches are classed by. tiles: of
/// each launch.
void describe_run(const ExecutorAccess::Impl& impl, const std::vector<RunStats>& rounds,
                  const std::vector<std::int64_t>& tiles, Manifest& manifest);

}  // namespace gavotte::internal
