// How much faster more threads are.
#pragma once

#include <vector>

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// The map step and 3x3x3 submanifold layers of several widths, forward, dgrad and wgrad by tile_indirect, on each number
/// of threads beside the first, by wall clock; and with them as many multiply-adds from registers, which say what the
/// cores gave at that time.
void bench_threads(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report);

}  // namespace gavotte::bench
