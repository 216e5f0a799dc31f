// Layers and networks: forward passes on the scenes.
#pragma once

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// 3x3x3 submanifold layers of several widths, map at hand, by tile_indirect and by gather_gemm_scatter
/// with each rule of grouping; all are compared with gather_gemm_scatter and `exact`. Rows hold the
/// padding of the grouped GEMMs.
void bench_layers(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report);

/// The built-in networks end to end, maps built in every call; two threads compare with one.
void bench_networks(const Scene& scene, const std::vector<int>& threads, int rounds,
                    Report& report);

}  // namespace gavotte::bench
