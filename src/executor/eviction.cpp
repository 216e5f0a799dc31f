#include "gavotte/eviction.h"

#include "check.h"

namespace gavotte {

void EvictionFlag::set_after(std::int64_t boundaries) {
  GAVOTTE_CHECK(boundaries >= 0,
                "set_after() expects 0 or more tile boundaries, got " + std::to_string(boundaries));
  left_.store(boundaries, std::memory_order_relaxed);
}

}  // namespace gavotte
