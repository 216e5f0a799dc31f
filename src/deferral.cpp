// What a backend that never works asynchronously does about sizes that stay on the device.
#include "backend.h"
#include "check.h"

namespace gavotte::internal {

std::shared_ptr<const CoordinateData> Backend::make_deferred_set(const Execution& execution, Tensor,
                                                                 ConstTensorView, const Box&,
                                                                 PerAxis) {
  throw_error(
      ErrorKind::runtime,
      "a run without waits needs a CUDA device; this one is on " + execution.device.to_string(),
      __FILE__, __LINE__);
}

std::vector<std::int64_t> Backend::counts(
    const Execution&, std::span<const std::shared_ptr<const CoordinateData>> sets) {
  std::vector<std::int64_t> rows;
  for (const auto& set : sets) rows.push_back(set->rows);
  return rows;
}

Tensor Backend::transpose_table(const Execution&, ConstTensorView, std::int64_t) {
  throw_error(ErrorKind::runtime, "this device makes no deferred maps", __FILE__, __LINE__);
}

}  // namespace gavotte::internal
