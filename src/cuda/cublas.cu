// Finds cuBLAS with dlopen.
#include "cuda/cublas.h"

#include <dlfcn.h>

#include <string>

#include "check.h"

namespace gavotte::internal::cuda {
namespace {

template <class Function>
void find(void* library, const char* library_name, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  GAVOTTE_CHECK_RUNTIME(function != nullptr,
                        std::string(library_name) + " has no function " + name);
}

}  // namespace

Cublas load_cublas(std::initializer_list<const char*> libraries) {
  std::string tried;
  for (const char* name : libraries) {
    // Stays loaded: handles live as long as the process.
    void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* why = dlerror();
      tried += (tried.empty() ? "" : "; ") + std::string(why != nullptr ? why : name);
      continue;
    }
    Cublas found;
    find(library, name, "cublasCreate_v2", found.create);
    find(library, name, "cublasDestroy_v2", found.destroy);
    find(library, name, "cublasSetStream_v2", found.set_stream);
    find(library, name, "cublasGemmStridedBatchedEx", found.gemm_strided_batched);
    return found;
  }
  throw_error(ErrorKind::runtime,
              "dataflow minuet needs cuBLAS, which does not load (" + tried +
                  "): install it, or choose gather_gemm_scatter",
              __FILE__, __LINE__);
}

}  // namespace gavotte::internal::cuda
