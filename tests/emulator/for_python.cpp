// What tests/python/on_gpu asks of the emulator itself, by ctypes: captures in the place of CUDA graphs, and which
// stream waited for which.
#include <cstdint>
#include <exception>

#include "capture.h"
#include "stream_log.h"

#define FOR_PYTHON extern "C" __attribute__((visibility("default")))

using gavotte::emulator::Capture;

/// Records what `body` starts on this thread. Null where that may not be captured.
FOR_PYTHON void* emulator_capture(void (*body)()) {
  try {
    return new Capture(body);
  } catch (const std::exception&) {
    return nullptr;
  }
}

FOR_PYTHON std::int64_t emulator_captured_nodes(const void* capture) {
  return static_cast<std::int64_t>(static_cast<const Capture*>(capture)->size());
}

FOR_PYTHON void emulator_replay(const void* capture) {
  static_cast<const Capture*>(capture)->replay();
}

FOR_PYTHON void emulator_end_capture(void* capture) { delete static_cast<Capture*>(capture); }

/// Takes the oldest of the waits of one stream for another; false where there is none.
FOR_PYTHON bool emulator_take_order(std::uintptr_t* first, std::uintptr_t* later) {
  gavotte::emulator::StreamOrder order;
  if (!gavotte::emulator::take_order(order)) return false;
  *first = reinterpret_cast<std::uintptr_t>(order.first);
  *later = reinterpret_cast<std::uintptr_t>(order.later);
  return true;
}
