// The parameters of a plan's steps as the backend reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend.h"
#include "executor/plan.h"
#include "gavotte/executor.h"

namespace gavotte::internal {

struct StepWeights {
  Tensor weight;  ///< Owner of the memory; the network's own where dtype, layout and device fit.
  ConstTensorView matrix;  ///< [K, Cin / groups, Cout]
  /// In place of `weight`, where the backend reads them so; the matrix has its shape and dtype
  /// then, but no data.
  std::unique_ptr<const PackedWeights> packed;
  Tensor scale, shift;  ///< float32 [Cout], float64 for float64 features; empty: left out.
};

/// One for each step. Converts once; a parameter that already fits is shared with the network, not
/// copied.
std::vector<StepWeights> make_weights(const Plan& plan, const Network& network, DType dtype,
                                      const Execution& execution);

/// Packs the weights of convolutions where the backend wants that. kinds: of each step; a step that options.config may
/// run by a dataflow without packed weights keeps both forms.
void pack_weights(const Plan& plan, const std::vector<LayerKind>& kinds,
                  const ExecutorOptions& options, const Execution& execution,
                  std::vector<StepWeights>& weights);

/// As they are kept.
std::int64_t weight_bytes(const StepWeights& weights);
/// Each value once, without the padding of packed ones.
std::int64_t needed_bytes(const StepWeights& weights);

}  // namespace gavotte::internal
