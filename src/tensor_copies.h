// Copies of tensors in the order of a stream; Tensor's own functions use the default stream.
#pragma once

#include "gavotte/tensor.h"

namespace gavotte::internal {

/// A copy on `device`. execution.device: the GPU where one side is on a GPU. Waits only where the
/// other side is the host.
Tensor copy_on(const Execution& execution, Device device, ConstTensorView view);

}  // namespace gavotte::internal
