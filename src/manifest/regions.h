// The regions of a run: the input's sorting, each kernel map, each step of the plan, the return of the result. On a CPU
// each is a launch; on a GPU it has launches of its own.
#pragma once

#include <string>
#include <vector>

#include "executor/executor_access.h"
#include "gavotte/manifest.h"
#include "manifest/overlaps.h"

namespace gavotte::internal {

/// What does not depend on how the region is launched: layer, op, shape, config, work and segments; without a place.
struct Region {
  manifest::Launch launch;
  std::string dataflow;  ///< Of a step that multiplies; else empty.
  bool multiplies = false;
};

/// In the order of durations.h: input, maps, steps, return. `stats` are of the run that was made last.
std::vector<Region> run_regions(const ExecutorAccess::Impl& impl, const RunStats& stats,
                                const Overlaps& buffers);

/// "0007.layer.op.dataflow" in the letters of a key.
std::string key_of(std::int64_t seq, const std::string& layer, const std::string& op,
                   const std::string& dataflow);
/// No model: of a launch, of the run.
void leave_out_prediction(manifest::Prediction& predict);
void leave_out_predictions(manifest::Run& run);
/// Compute or memory by the device's balance, where that and the work are known.
void set_class(const manifest::DeviceFacts& device, manifest::Launch& launch);

}  // namespace gavotte::internal
