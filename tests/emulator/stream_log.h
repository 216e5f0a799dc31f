// Which stream waited for which: in the emulator work is done at once, so a wait shows in this list alone.
#pragma once

#include "cuda/runtime.h"

namespace gavotte::emulator {

struct StreamOrder {
  internal::cuda::StreamHandle first = nullptr, later = nullptr;
  friend bool operator==(const StreamOrder&, const StreamOrder&) = default;
};

void log_order(internal::cuda::StreamHandle first, internal::cuda::StreamHandle later);
/// The oldest that was not taken yet, of all threads; false where there is none.
bool take_order(StreamOrder& order);

}  // namespace gavotte::emulator
