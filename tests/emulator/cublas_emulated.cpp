// The functions of cuBLAS that the backend calls, on the host: as their manual says, column-major,
// with its checks of arguments.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "cuda/cublas.h"
#include "device_memory.h"
#include "half.h"

namespace gavotte::internal::cuda {
namespace {

constexpr int kSuccess = 0, kInvalidValue = 7, kNotSupported = 15;

struct EmulatedHandle {
  void* stream = nullptr;
};

double read(const void* data, int type, long long index) {
  switch (type) {
    case Cublas::kReal64:
      return static_cast<const double*>(data)[index];
    case Cublas::kReal32:
      return static_cast<double>(static_cast<const float*>(data)[index]);
    case Cublas::kReal16:
      return static_cast<double>(static_cast<const Float16*>(data)[index]);
    default:
      return static_cast<double>(static_cast<const BFloat16*>(data)[index]);
  }
}

struct Gemm {
  int m, n, k;
  const void *a, *b;
  int type, lda, ldb;
  void* c;
  int ldc;

  template <class T>
  void run() const {
    for (int column = 0; column < n; ++column) {
      for (int row = 0; row < m; ++row) {
        T sum = 0;
        for (int i = 0; i < k; ++i)
          sum = std::fma(static_cast<T>(read(a, type, row + static_cast<long long>(i) * lda)),
                         static_cast<T>(read(b, type, i + static_cast<long long>(column) * ldb)),
                         sum);
        static_cast<T*>(c)[row + static_cast<long long>(column) * ldc] = sum;
      }
    }
  }
};

const void* advanced(const void* data, int type, long long elements) {
  const int bytes = type == Cublas::kReal64 ? 8 : type == Cublas::kReal32 ? 4 : 2;
  return static_cast<const char*>(data) + elements * bytes;
}

Cublas::Status gemm_strided_batched(Cublas::Handle handle, int transpose_a, int transpose_b, int m,
                                    int n, int k, const void* alpha, const void* a, int type_a,
                                    int lda, long long stride_a, const void* b, int type_b, int ldb,
                                    long long stride_b, const void* beta, void* c, int type_c,
                                    int ldc, long long stride_c, int count, int compute_type,
                                    int /*algorithm*/) {
  if (handle == nullptr || static_cast<EmulatedHandle*>(handle)->stream == nullptr) return 1;
  if (m < 0 || n < 0 || k < 0 || count < 0 || lda < std::max(1, m) || ldb < std::max(1, k) ||
      ldc < std::max(1, m))
    return kInvalidValue;
  const bool wide = type_a == Cublas::kReal64;
  if (transpose_a != Cublas::kNotTransposed || transpose_b != Cublas::kNotTransposed ||
      type_a != type_b || type_c != (wide ? Cublas::kReal64 : Cublas::kReal32) ||
      compute_type != (wide ? Cublas::kCompute64 : Cublas::kCompute32))
    return kNotSupported;
  const double one = wide ? *static_cast<const double*>(alpha) : *static_cast<const float*>(alpha);
  const double zero = wide ? *static_cast<const double*>(beta) : *static_cast<const float*>(beta);
  if (one != 1 || zero != 0) return kNotSupported;
  const emulator::DeviceAccess access;
  for (int i = 0; i < count; ++i) {
    const Gemm gemm{m,
                    n,
                    k,
                    advanced(a, type_a, i * stride_a),
                    advanced(b, type_b, i * stride_b),
                    type_a,
                    lda,
                    ldb,
                    const_cast<void*>(advanced(c, type_c, i * stride_c)),
                    ldc};
    if (wide)
      gemm.run<double>();
    else
      gemm.run<float>();
  }
  return kSuccess;
}

}  // namespace

const Cublas& cublas() {
  static const Cublas emulated = {[](Cublas::Handle* handle) {
                                    *handle = new EmulatedHandle;
                                    return kSuccess;
                                  },
                                  [](Cublas::Handle handle) {
                                    delete static_cast<EmulatedHandle*>(handle);
                                    return kSuccess;
                                  },
                                  [](Cublas::Handle handle, void* stream) {
                                    static_cast<EmulatedHandle*>(handle)->stream = stream;
                                    return kSuccess;
                                  },
                                  gemm_strided_batched};
  return emulated;
}

}  // namespace gavotte::internal::cuda
