// The CUDA backend is a library of its own, libgavotte_cuda.so, which the core loads when a GPU is
// first asked for: the core runs where neither driver nor cudart is installed.
#pragma once

#include <cstdint>
#include <string>

#include "backend.h"

namespace gavotte::internal {

/// Throws Error (runtime) that says why where the library, the driver or the device is missing.
Backend& load_cuda(int index);
/// GPUs that can be used; 0 with the reason in `why_none`. Loads the library.
int cuda_devices(std::string* why_none);
/// Waits of its calls so far.
std::int64_t cuda_synchronizations();

}  // namespace gavotte::internal
