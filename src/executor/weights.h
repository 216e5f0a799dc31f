// The parameters of a plan's steps as the backend reads them.
#pragma once

#include <cstdint>
#include <vector>

#include "executor/plan.h"

namespace gavotte::internal {

struct StepWeights {
  Tensor weight;  ///< Owner of the memory; the network's own where dtype, layout and device fit.
  ConstTensorView matrix;  ///< [K, Cin / groups, Cout]
  Tensor scale, shift;     ///< float32 [Cout], float64 for float64 features; empty: left out.
};

/// One for each step. Converts once; a parameter that already fits is shared with the network, not copied.
std::vector<StepWeights> make_weights(const Plan& plan, const Network& network, DType dtype,
                                      const Execution& execution);

std::int64_t weight_bytes(const StepWeights& weights);

}  // namespace gavotte::internal
