// What moves rows more than it computes: poolings, convolutions between strides, element-wise operations.
#pragma once

#include <vector>

#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// Each operation beside a copy of as many bytes as it must read and write (features, and the map's pairs once), by as
/// many threads: that ratio is the fraction of memory speed. A convolution is compared with as many multiply-adds from
/// registers where those take longer.
void bench_rows(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report);

}  // namespace gavotte::bench
