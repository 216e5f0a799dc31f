// Matrix products by libxsmm's kernels, which it compiles at run time for the CPU it finds. A
// kernel is bound to its extents, so products are cut into blocks of few distinct extents: 64 rows,
// then a multiple of 8, then 1 to 7. That bounds the kernels to 15 for each (n, k). Looking a
// kernel up is safe from any number of threads.
#include "cpu/gemm.h"

#ifdef GAVOTTE_WITH_XSMM
#include <libxsmm.h>

#include <algorithm>
#include <limits>
#endif

namespace gavotte::internal::cpu {

#ifdef GAVOTTE_WITH_XSMM
namespace {

constexpr std::int64_t kLargestBlock = 64;
constexpr std::int64_t kStep = 8;

// The next block of what is left: 64, or a multiple of 8 below that, or 1 to 7.
std::int64_t next_block(std::int64_t left) {
  if (left >= kLargestBlock) return kLargestBlock;
  return left >= kStep ? left / kStep * kStep : left;
}

bool fits_kernel(std::int64_t n, std::int64_t k, std::int64_t lda, std::int64_t ldb,
                 std::int64_t ldc) {
  return std::max({n, k, lda, ldb, ldc}) <= std::numeric_limits<libxsmm_blasint>::max();
}

// libxsmm is column-major: c^T [n, m] = b^T [n, k] * a^T [k, m], so operands and extents change
// places.
template <class T>
auto find_kernel(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t lda, std::int64_t ldb,
                 std::int64_t ldc, bool a_is_transposed, bool accumulate) {
  const auto as_int = [](std::int64_t value) { return static_cast<libxsmm_blasint>(value); };
  const libxsmm_blasint left_ld = as_int(ldb), right_ld = as_int(lda), result_ld = as_int(ldc);
  const T alpha = 1, beta = accumulate ? T{1} : T{0};
  const int flags = a_is_transposed ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
  const int prefetch = LIBXSMM_GEMM_PREFETCH_NONE;
  if constexpr (sizeof(T) == sizeof(float)) {
    return libxsmm_smmdispatch(as_int(n), as_int(m), as_int(k), &left_ld, &right_ld, &result_ld,
                               &alpha, &beta, &flags, &prefetch);
  } else {
    return libxsmm_dmmdispatch(as_int(n), as_int(m), as_int(k), &left_ld, &right_ld, &result_ld,
                               &alpha, &beta, &flags, &prefetch);
  }
}

}  // namespace
#endif

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda, const T* b,
          std::int64_t ldb, T* c, std::int64_t ldc, bool accumulate) {
#ifdef GAVOTTE_WITH_XSMM
  if (n > 0 && k > 0 && fits_kernel(n, k, lda, ldb, ldc)) {
    while (m > 0) {
      const std::int64_t block = next_block(m);
      const auto kernel = find_kernel<T>(block, n, k, lda, ldb, ldc, false, accumulate);
      if (kernel == nullptr) break;  // the rest is Eigen's
      const std::int64_t blocks = block == kLargestBlock ? m / kLargestBlock : 1;
      for (std::int64_t i = 0; i < blocks; ++i, a += block * lda, c += block * ldc) kernel(b, a, c);
      m -= blocks * block;
    }
    if (m == 0) return;
  }
#endif
  gemm_portable(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

template <class T>
void gemm_transposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                     const T* b, std::int64_t ldb, T* c, std::int64_t ldc, bool accumulate) {
#ifdef GAVOTTE_WITH_XSMM
  if (m > 0 && n > 0 && fits_kernel(n, k, lda, ldb, ldc)) {
    while (k > 0) {
      const std::int64_t depth = next_block(k);
      bool done = true;
      for (std::int64_t row = 0; row < m && done;) {
        const std::int64_t block = next_block(m - row);
        const auto kernel = find_kernel<T>(block, n, depth, lda, ldb, ldc, true, accumulate);
        done = kernel != nullptr;
        // A block without a kernel: only this block of rows and of k goes to Eigen, the order of k
        // stays.
        if (done) {
          kernel(b, a + row, c + row * ldc);
        } else {
          gemm_transposed_portable(m - row, n, depth, a + row, lda, b, ldb, c + row * ldc, ldc,
                                   accumulate);
        }
        row += block;
      }
      a += depth * lda;
      b += depth * ldb;
      k -= depth;
      accumulate = true;
    }
    if (accumulate) return;
  }
#endif
  gemm_transposed_portable(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t,
                   const float*, std::int64_t, float*, std::int64_t, bool);
template void gemm(std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t,
                   const double*, std::int64_t, double*, std::int64_t, bool);
template void gemm_transposed(std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t,
                              const float*, std::int64_t, float*, std::int64_t, bool);
template void gemm_transposed(std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t,
                              const double*, std::int64_t, double*, std::int64_t, bool);

}  // namespace gavotte::internal::cpu
