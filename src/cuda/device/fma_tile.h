// The tile of a GEMM on the ordinary units: each thread has a few rows times four columns of sums in
// registers. For float32 and float64; sums run over k in ascending order, each step one fused
// multiply-add.
#pragma once

#include <cmath>

#include "cuda/device/kernel.h"
#include "cuda/device/pack.h"

namespace gavotte::internal::cuda {

/// Rows x Columns sums of T over Depth elements of k at a time, by 256 threads.
template <class T, int Rows, int Columns, int Depth>
struct FmaTile {
  using Element = T;
  using Sum = T;
  static constexpr int kThreads = 256, kBlocksPerMultiprocessor = 2;
  static constexpr int kRows = Rows, kColumns = Columns, kDepth = Depth;
  static constexpr int kVector = kPackBytes / sizeof(T);
  // One vector more than the depth: threads of a warp that read neighbouring rows meet different
  // banks.
  static constexpr int kInputStride = Depth + kVector, kWeightStride = Columns;
  static constexpr int kProductStride = Columns + kVector;

  static constexpr int kThreadColumns = 4;
  static constexpr int kAcross = Columns / kThreadColumns, kDown = kThreads / kAcross;
  static constexpr int kThreadRows = Rows / kDown;
  static_assert(Rows % kDown == 0 && Depth % kVector == 0);

  struct Stage {
    alignas(16) T inputs[Rows * kInputStride];
    alignas(16) T weights[Depth * kWeightStride];
  };

  T sums[kThreadRows][kThreadColumns] = {};

  GAVOTTE_DEVICE static int first_row() { return thread_index() / kAcross; }
  GAVOTTE_DEVICE static int first_column() { return thread_index() % kAcross * kThreadColumns; }

  GAVOTTE_DEVICE void multiply(const Stage& stage) {
    const T* inputs = stage.inputs + first_row() * kInputStride;
    const T* weights = stage.weights + first_column();
    GAVOTTE_UNROLL(1)
    for (int k = 0; k < Depth; k += kVector) {
      Pack<T, kVector> input[kThreadRows];
      for (int r = 0; r < kThreadRows; ++r)
        input[r] = load_pack<kVector>(inputs + r * kDown * kInputStride + k);
      for (int i = 0; i < kVector; ++i) {
        const auto weight = load_pack<kThreadColumns>(weights + (k + i) * kWeightStride);
        for (int r = 0; r < kThreadRows; ++r)
          for (int c = 0; c < kThreadColumns; ++c)
            sums[r][c] = std::fma(input[r][i], weight[c], sums[r][c]);
      }
    }
  }

  /// To `products` [Rows, kProductStride].
  GAVOTTE_DEVICE void store(T* products) const {
    for (int r = 0; r < kThreadRows; ++r)
      for (int c = 0; c < kThreadColumns; ++c)
        products[(first_row() + r * kDown) * kProductStride + first_column() + c] = sums[r][c];
  }
};

}  // namespace gavotte::internal::cuda
