// The emulator as the GPU of tests/gpu. Under AddressSanitizer memory comes from the heap, whose ends it
// watches.
#include "cuda/memory.h"
#include "emulator.h"
#include "gpu/gpu.h"
#include "guarded_cuda.h"

namespace gavotte::testing_gpu {
namespace {

const bool served = [] {
  testing_cuda::serve_guarded_cuda();
#if defined(__SANITIZE_ADDRESS__)
  emulator::options().guard_device_memory = false;
#endif
  return true;
}();

}  // namespace

std::string why_no_gpu() { return served ? "" : "not served"; }
std::int64_t waits() { return internal::cuda::synchronizations(); }
void shuffle_blocks(std::uint64_t seed) {
  if (seed == 0)
    emulator::reset_options();
  else
    emulator::options().block_order_seed = seed;
}
std::int64_t sized(std::int64_t emulated, std::int64_t) { return emulated; }

}  // namespace gavotte::testing_gpu
