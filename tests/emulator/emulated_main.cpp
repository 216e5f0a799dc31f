// Runs a test program of the CPU backend with the emulated CUDA backend in its place.
#include <gtest/gtest.h>

#include "backend.h"
#include "cuda/cuda_backend.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gavotte::internal::cuda::CudaBackend emulated;
  gavotte::internal::set_backend(gavotte::DeviceKind::cpu, &emulated);
  return RUN_ALL_TESTS();
}
