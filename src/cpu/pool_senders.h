// Poolings of maps whose inputs have exactly one pair each, from the outputs to the inputs: gradients, and unpooling.
#pragma once

#include "backend.h"

namespace gavotte::internal::cpu {

/// Every row of the map's inputs is known to have exactly one pair.
bool has_inputs_once(const KernelMap& map);

/// Results that do not stay in the caches beside what they are made from: they are written past them.
bool is_streamed(const TensorView& y);

/// has_inputs_once, and rows of y are written faster pair by pair than one after another.
bool unpools_by_sending(const KernelMap& map, const TensorView& y);

/// For each pair grad_x[in] = grad_y[out] / divisor, 0: over the number of the output's inputs.
void send_quotients(const Execution& execution, const KernelMap& map, std::int64_t divisor,
                    const ConstTensorView& grad_y, const TensorView& grad_x);

/// The gradient of y, the maximum of x.
void send_to_first_equal(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                         const ConstTensorView& y, const ConstTensorView& grad_y,
                         const TensorView& grad_x);

}  // namespace gavotte::internal::cpu
