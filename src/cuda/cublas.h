// The four functions of cuBLAS that the dataflow minuet calls, found when they are first asked for:
// the backend runs without the library. Prototypes and constants are those of cublas_api.h and
// library_types.h of CUDA 12 and 13.
#pragma once

#include <initializer_list>

namespace gavotte::internal::cuda {

struct Cublas {
  using Handle = void*;
  using Status = int;  ///< 0: success

  static constexpr int kNotTransposed = 0;                                     ///< CUBLAS_OP_N
  static constexpr int kReal32 = 0, kReal64 = 1, kReal16 = 2, kBFloat16 = 14;  ///< CUDA_R_...
  static constexpr int kCompute32 = 68, kCompute64 = 70, kComputeTf32 = 77;  ///< CUBLAS_COMPUTE_...
  static constexpr int kDefaultAlgorithm = -1;  ///< CUBLAS_GEMM_DEFAULT

  Status (*create)(Handle*) = nullptr;
  Status (*destroy)(Handle) = nullptr;
  Status (*set_stream)(Handle, void* stream) = nullptr;
  /// Column-major C[i] = alpha A[i] B[i] + beta C[i]; A m x k, B k x n.
  Status (*gemm_strided_batched)(Handle, int transpose_a, int transpose_b, int m, int n, int k,
                                 const void* alpha, const void* a, int type_a, int lda,
                                 long long stride_a, const void* b, int type_b, int ldb,
                                 long long stride_b, const void* beta, void* c, int type_c, int ldc,
                                 long long stride_c, int count, int compute_type,
                                 int algorithm) = nullptr;
};

/// From the first of the libraries that the loader finds. Throws Error (runtime) that says why where
/// none of them can be loaded, or lacks a function.
Cublas load_cublas(std::initializer_list<const char*> libraries);

/// The seam: cuBLAS itself (cublas_loaded.cu), or the emulator's (tests/emulator/cublas_emulated.cpp).
const Cublas& cublas();

}  // namespace gavotte::internal::cuda
