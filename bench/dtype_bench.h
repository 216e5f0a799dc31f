// Layers in bfloat16 beside the same in float32.
#pragma once

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// 3x3x3 submanifold layers of several widths, map at hand, forward and dgrad by tile_indirect, on one
/// thread by its CPU time; bfloat16 is compared with float32, and each with as many multiply-adds from
/// registers: that ratio is the fraction of the peak.
void bench_dtypes(const Scene& scene, int rounds, Report& report);

}  // namespace gavotte::bench
