// Networks in int8 beside the same in bfloat16 and float32.
#pragma once

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// SparseResUNet42 end to end, maps built in every call, compared with bfloat16; int8 with static
/// scales calibrated on the scene itself. One thread is timed by its CPU clock, several by the
/// wall's. Of errors nothing: features die away in a network whose batch norms are new, so that
/// little of an error would show; bench/peers.py and docs/quantization.md have them.
void bench_int8(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report);

}  // namespace gavotte::bench
