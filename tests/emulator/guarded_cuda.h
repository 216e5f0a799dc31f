// The emulated backend as the devices of kind cuda, with device memory that the host cannot touch.
#pragma once

#include "backend.h"
#include "cuda/cuda_backend.h"
#include "emulator.h"
#include "gavotte/device.h"

namespace gavotte::testing_cuda {

inline constexpr Device kCuda = {DeviceKind::cuda, 0};

/// For a whole program, before its first allocation on kCuda.
inline void serve_guarded_cuda() {
  static internal::cuda::CudaBackend emulated;
  emulator::options().guard_device_memory = true;
  internal::set_backend(DeviceKind::cuda, &emulated);
}

}  // namespace gavotte::testing_cuda
