// What tests/python/on_gpu asks of the emulator itself, by ctypes: captures in the place of CUDA graphs.
#include <cstdint>
#include <exception>

#include "capture.h"

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
