#include "config/kinds.h"

#include "parallel.h"

namespace gavotte {

int kind_threads(const Execution& execution) {
  return execution.device.kind == DeviceKind::cpu ? thread_count(execution) : 1;
}

MapKind internal::map_kind(const ConvSpec& spec, int dims, const Execution& execution) {
  return {kernel_name(spec, dims), kind_threads(execution)};
}

}  // namespace gavotte
