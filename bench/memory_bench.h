// Memory that the Executor holds, beside the least that it could.
#pragma once

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// The built-in networks in float32 and bfloat16, one thread: the most bytes of operator new that the scan, the Executor
/// and a steady run of it hold, kept blocks included, over RunStats::needed_bytes with its parts. The network is let go
/// beforehand.
void bench_memory(const Scene& scene, Report& report);

}  // namespace gavotte::bench
