// Small single-threaded matrix products, row-major, float and double: the seam to libxsmm, with
// Eigen where libxsmm is not built in or has no kernel for this CPU. The same call gives the same
// bits whichever thread makes it.
#pragma once

#include <cstdint>

namespace gavotte::internal::cpu {

/// c[m, n] (+)= a[m, k] * b[k, n]; adds where `accumulate`. Leading dimensions in elements.
template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda, const T* b,
          std::int64_t ldb, T* c, std::int64_t ldc, bool accumulate);

/// c[m, n] (+)= transpose(a[k, m]) * b[k, n].
template <class T>
void gemm_transposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                     const T* b, std::int64_t ldb, T* c, std::int64_t ldc, bool accumulate);

/// The same two by Eigen alone.
template <class T>
void gemm_portable(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                   const T* b, std::int64_t ldb, T* c, std::int64_t ldc, bool accumulate);
template <class T>
void gemm_transposed_portable(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                              std::int64_t lda, const T* b, std::int64_t ldb, T* c,
                              std::int64_t ldc, bool accumulate);

}  // namespace gavotte::internal::cpu
