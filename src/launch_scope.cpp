#include "launch_scope.h"

namespace gavotte::internal {

RunPlace& current_run_place() noexcept {
  thread_local RunPlace place;
  return place;
}

}  // namespace gavotte::internal
