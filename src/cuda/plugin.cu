// The way into libgavotte_cuda.so. The library carries its own copy of the core's value types
// (tensors, shapes, errors), so that it loads into a program that links the core statically.
#include "cuda_plugin.h"

#include "backend.h"
#include "cuda/cuda_backend.h"
#include "cuda/memory.h"
#include "cuda/runtime.h"
#include "gavotte/version.h"

namespace gavotte::internal {
namespace {

cuda::CudaBackend& own_backend() {
  static cuda::CudaBackend instance;
  return instance;
}

}  // namespace

Backend& backend(const Device&) { return own_backend(); }

}  // namespace gavotte::internal

extern "C" __attribute__((visibility("default"))) gavotte::internal::CudaPlugin
gavotte_cuda_plugin() {
  return {GAVOTTE_VERSION, &gavotte::internal::own_backend(),
          [](std::string& why_none) { return gavotte::internal::cuda::device_count(&why_none); },
          &gavotte::internal::cuda::synchronizations};
}
