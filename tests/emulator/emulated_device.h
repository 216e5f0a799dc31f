// The emulated CUDA backend as the device cuda:0, beside the CPU's own backend: for tests that
// compare the two.
#pragma once

#include <cstring>

#include "backend.h"
#include "cuda/cuda_backend.h"
#include "emulator.h"

namespace gavotte::testing {

/// ThreadSanitizer runs a std::thread for each CUDA thread: the tests that compare schedules run every
/// kernel there, the others only where fibers do.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kUnderThreadSanitizer = true;
#else
inline constexpr bool kUnderThreadSanitizer = false;
#endif

class EmulatedDevice {
 public:
  EmulatedDevice() {
    execution.device = {DeviceKind::cuda, 0};
    internal::set_backend(DeviceKind::cuda, &backend);
  }
  ~EmulatedDevice() {
    internal::set_backend(DeviceKind::cuda, nullptr);
    emulator::reset_options();
  }
  EmulatedDevice(const EmulatedDevice&) = delete;
  EmulatedDevice& operator=(const EmulatedDevice&) = delete;

  internal::cuda::CudaBackend backend;
  Execution execution;
};

/// Calls body() once for several orders of blocks, for threads from the last to the first, and for
/// the engine of threads.
template <class Body>
void for_each_schedule(Body&& body) {
  const emulator::Options before = emulator::options();
  for (const std::uint64_t seed : {0, 1, 2}) {
    emulator::options().block_order_seed = seed;
    body();
  }
  emulator::options().descending_threads = true;
  body();
  emulator::options().engine = emulator::Engine::threads;
  body();
  emulator::options() = before;
}

/// A tensor of the CPU full of NaN: what an operation leaves unwritten shows.
inline Tensor unwritten(DType dtype, Shape shape) {
  Tensor tensor(dtype, shape);
  std::memset(tensor.data(), 0xff, static_cast<std::size_t>(tensor.view().bytes()));
  return tensor;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.view().bytes() == b.view().bytes() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.view().bytes())) == 0;
}

}  // namespace gavotte::testing
