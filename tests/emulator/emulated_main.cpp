// Runs a test program of the CPU backend with the emulated CUDA backend in its place.
#include "backend.h"
#include "cuda/cuda_backend.h"
#include "run_tests.h"

int main(int argc, char** argv) {
  gavotte::internal::cuda::CudaBackend emulated;
  gavotte::internal::set_backend(gavotte::DeviceKind::cpu, &emulated);
  return gavotte::emulator::run_tests(argc, argv);
}
