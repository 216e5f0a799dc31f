#include "cuda/cublas.h"

namespace gavotte::internal::cuda {

const Cublas& cublas() {
  static const Cublas loaded = load_cublas({"libcublas.so.13", "libcublas.so.12"});
  return loaded;
}

}  // namespace gavotte::internal::cuda
