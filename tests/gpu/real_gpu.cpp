// A GPU of this machine, through libgavotte_cuda.so beside the program.
#include <dlfcn.h>

#include "check.h"
#include "cuda_plugin.h"
#include "gpu.h"

namespace gavotte::testing_gpu {

std::string why_no_gpu() {
  std::string why;
  return Device::cuda_count(&why) > 0 ? "" : why;
}

std::int64_t waits() {
  static const internal::CudaPlugin plugin = [] {
    why_no_gpu();  // loads the library
    void* library = dlopen("libgavotte_cuda.so", RTLD_NOW | RTLD_NOLOAD);
    GAVOTTE_CHECK_RUNTIME(library != nullptr, "libgavotte_cuda.so is not loaded");
    return reinterpret_cast<internal::CudaPluginEntry>(dlsym(library, GAVOTTE_CUDA_PLUGIN_ENTRY))();
  }();
  return plugin.synchronizations();
}

void shuffle_blocks(std::uint64_t) {}  // a GPU shuffles them as it likes

std::int64_t sized(std::int64_t, std::int64_t gpu) { return gpu; }

}  // namespace gavotte::testing_gpu
