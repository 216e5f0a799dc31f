// Two jobs on the same cores: what eviction gives the urgent one, and costs the other.
#pragma once

#include <vector>

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// An urgent SparseResNet21D arrives at regular times; a SparseResUNet42 runs again and again as best effort, each on so
/// many threads, all on as many cores. A row for each way of sharing; ways take turns, `rounds` times.
void bench_sharing(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report);

}  // namespace gavotte::bench
