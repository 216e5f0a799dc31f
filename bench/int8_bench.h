// Networks in int8 beside the same in bfloat16 and float32.
#pragma once

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// SparseResUNet42 end to end, maps built in every call, compared with bfloat16; int8 with static
/// scales calibrated on the scene itself. One thread is timed by its CPU clock, several by the
/// wall's. The library's name holds the mean relative error of the output against float32.
void bench_int8(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report);

}  // namespace gavotte::bench
