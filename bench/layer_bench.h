// Layers and networks on the scenes: forward passes, and the gradients of layers.
#pragma once

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// 3x3x3 submanifold layers of several widths, map at hand. "forward": tile_indirect and gather_gemm_scatter with each rule
/// of grouping, compared with gather_gemm_scatter and `exact`; rows hold the padding of the grouped GEMMs. "wgrad": the
/// weights' gradient by tile_indirect, compared with gather_gemm_scatter. "backward": both gradients, which are twice the
/// products, compared with the forward pass: 0.5 is its rate. One thread is timed by its CPU clock, several by the wall's.
void bench_layers(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report);

/// The built-in networks end to end, maps built in every call; two threads compare with one.
void bench_networks(const Scene& scene, const std::vector<int>& threads, int rounds,
                    Report& report);

}  // namespace gavotte::bench
