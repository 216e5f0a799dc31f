// What a backend that never works asynchronously does about sizes that stay on the device.
#include "backend.h"
#include "check.h"

namespace gavotte::internal {

// NOLINTNEXTLINE(performance-unnecessary-value-param): those that override it keep the tensor
std::shared_ptr<const CoordinateData> Backend::make_deferred_set(const Execution& execution, Tensor,
                                                                 ConstTensorView, const Box&,
                                                                 PerAxis) {
  throw_error(
      ErrorKind::runtime,
      "a run without waits needs a CUDA device; this one is on " + execution.device.to_string(),
      __FILE__, __LINE__);
}

Tensor Backend::transpose_table(const Execution&, ConstTensorView, std::int64_t) {
  throw_error(ErrorKind::runtime, "this device makes no deferred maps", __FILE__, __LINE__);
}

}  // namespace gavotte::internal
