// Where a call from Python runs: a device by number and the stream and threads of the caller's framework.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "gavotte/device.h"
#include "torch_allocator.h"

namespace gavotte::python {

/// device: -1 for the CPU, else the number of a GPU, whose memory comes from PyTorch; stream: a cudaStream_t as a
/// number; threads: 0 = one a core.
inline Execution execution_on(int device, std::uintptr_t stream, int threads) {
  Execution execution;
  if (device >= 0) {
    execution.device = {DeviceKind::cuda, device};
    execution.allocator = &torch_allocator();
  }
  execution.stream.handle = reinterpret_cast<void*>(stream);
  execution.threads = threads;
  return execution;
}

}  // namespace gavotte::python
