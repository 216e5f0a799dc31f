// Matrix products by Eigen.
#define EIGEN_DONT_PARALLELIZE  // threads are the caller's business
#include <Eigen/Core>

#include "cpu/gemm.h"

namespace gavotte::internal::cpu {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using View = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using ConstView = Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class T, class Left>
void multiply(const Left& left, const ConstView<T>& right, View<T> result, bool accumulate) {
  if (!accumulate) result.setZero();
  if (left.cols() > 0) result.noalias() += left * right;
}

}  // namespace

template <class T>
void gemm_portable(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                   const T* b, std::int64_t ldb, T* c, std::int64_t ldc, bool accumulate) {
  if (m == 0 || n == 0) return;
  const ConstView<T> left(a, m, k, Eigen::OuterStride<>(lda));
  multiply<T>(left, ConstView<T>(b, k, n, Eigen::OuterStride<>(ldb)),
              View<T>(c, m, n, Eigen::OuterStride<>(ldc)), accumulate);
}

template <class T>
void gemm_transposed_portable(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                              std::int64_t lda, const T* b, std::int64_t ldb, T* c,
                              std::int64_t ldc, bool accumulate) {
  if (m == 0 || n == 0) return;
  const ConstView<T> left(a, k, m, Eigen::OuterStride<>(lda));
  multiply<T>(left.transpose(), ConstView<T>(b, k, n, Eigen::OuterStride<>(ldb)),
              View<T>(c, m, n, Eigen::OuterStride<>(ldc)), accumulate);
}

template void gemm_portable(std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t,
                            const float*, std::int64_t, float*, std::int64_t, bool);
template void gemm_portable(std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t,
                            const double*, std::int64_t, double*, std::int64_t, bool);
template void gemm_transposed_portable(std::int64_t, std::int64_t, std::int64_t, const float*,
                                       std::int64_t, const float*, std::int64_t, float*,
                                       std::int64_t, bool);
template void gemm_transposed_portable(std::int64_t, std::int64_t, std::int64_t, const double*,
                                       std::int64_t, const double*, std::int64_t, double*,
                                       std::int64_t, bool);

}  // namespace gavotte::internal::cpu
