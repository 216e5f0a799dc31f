// Layers in bfloat16 beside the same in float32.
#pragma once

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// 3x3x3 submanifold layers of several widths, map at hand, forward and dgrad by tile_indirect, on one
/// thread by its CPU time; bfloat16 is compared with float32.
void bench_dtypes(const Scene& scene, int rounds, Report& report);

}  // namespace gavotte::bench
