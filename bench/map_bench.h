// The map step: from shuffled coordinates to pair lists, sort, search and post-processing together.
#pragma once

#include "gavotte/config.h"
#include "gavotte/kernel_map.h"
#include "hash_map_baseline.h"
#include "report.h"
#include "scenes.h"

namespace gavotte::bench {

/// The map of a 3x3x3 submanifold layer, sets and all, built from nothing.
KernelMap build_map(const Scene& scene, const MapConfig& config, int threads);

SceneFacts facts_of(const Scene& scene);

/// Throws Error unless both hold the same pairs at every offset.
void check_equal(const KernelMap& map, const HashMapBaseline& baseline);

/// Checks the builders against the hash map, then times them; adds rows.
void bench_map_step(const Scene& scene, const std::vector<int>& threads, int rounds,
                    Report& report);

}  // namespace gavotte::bench
