// What a step did, for people.
#pragma once

#include <span>

#include "executor/plan.h"
#include "executor/weights.h"
#include "gavotte/coordinate_manager.h"
#include "gavotte/executor.h"
#include "gavotte/kernel_map.h"

namespace gavotte::internal {

/// The part of a step's statistics that no scan changes.
LayerStats static_stats(const Plan& plan, const PlanStep& step);

/// Of an element of what a step reads and writes.
struct ElementBytes {
  std::int64_t in, out, residual;
};
ElementBytes element_bytes(const Plan& plan, const PlanStep& step, DType dtype);

/// Counts pairs, work and compulsory bytes. map: empty for steps without one.
void count_work(LayerStats& stats, const PlanStep& step, const StepWeights& weights,
                const KernelMap& map, std::int64_t in_rows, std::int64_t out_rows,
                const ElementBytes& element);

/// Of the coordinates of all sets, each set once; empty handles count nothing.
std::int64_t needed_bytes(std::span<const Coordinates> sets);
/// Of the pairs of all maps, each map once: two int32 for each pair, those of mirrored offsets once, none for the
/// identity.
std::int64_t needed_bytes(std::span<const MapResult> maps);

}  // namespace gavotte::internal
