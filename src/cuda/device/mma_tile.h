// The tile of a GEMM on the matrix units, by mma.sync: 16-bit elements, or float32 rounded to TF32;
// float32 sums.
#pragma once

#include <bit>
#include <type_traits>

#include "cuda/device/kernel.h"
#include "cuda/device/pack.h"
#include "cuda/ptx/ldmatrix.h"
#include "cuda/ptx/mma.h"

namespace gavotte::internal::cuda {

/// Rows x Columns sums, 64 bytes of k at a time, by WarpsDown x WarpsAcross warps of equal parts.
/// T: Float16, BFloat16, or float for TF32.
template <class T, int Rows, int Columns, int WarpsDown, int WarpsAcross>
struct MmaTile {
  using Element = T;
  using Sum = float;
  static constexpr bool kTf32 = std::is_same_v<T, float>;
  static constexpr int kThreads = kWarpThreads * WarpsDown * WarpsAcross;
  static constexpr int kBlocksPerMultiprocessor = 512 / kThreads;
  static constexpr int kRows = Rows, kColumns = Columns;
  static constexpr int kDepth = 64 / sizeof(T);  ///< Elements of k.
  static constexpr int kStep = 32 / sizeof(T);   ///< Of one instruction.
  // Rows of 80 bytes, and of 16 bytes over a multiple of 128 (TF32: of 32 bytes over one): the
  // eight rows of a matrix that a warp loads lie in different banks.
  static constexpr int kInputStride = kDepth + 16 / sizeof(T);
  static constexpr int kWeightStride = Columns + 8;
  static constexpr int kProductStride = Columns + 8;

  static constexpr int kWarpRows = Rows / WarpsDown, kWarpColumns = Columns / WarpsAcross;
  static constexpr int kDown = kWarpRows / 16, kAcross = kWarpColumns / 8;
  static_assert(kWarpRows % 16 == 0 && kWarpColumns % 16 == 0);

  struct Stage {
    alignas(16) T inputs[Rows * kInputStride];
    alignas(16) T weights[kDepth * kWeightStride];
  };

  float sums[kDown][kAcross][4] = {};  ///< As mma.h says.

  GAVOTTE_DEVICE static int first_row() { return warp_index() / WarpsAcross * kWarpRows; }
  GAVOTTE_DEVICE static int first_column() { return warp_index() % WarpsAcross * kWarpColumns; }

  GAVOTTE_DEVICE void multiply(const Stage& stage) {
    for (int k = 0; k < kDepth; k += kStep) {
      std::uint32_t inputs[kDown][4], weights[kAcross][2];
      for (int i = 0; i < kDown; ++i) load_inputs(stage, first_row() + 16 * i, k, inputs[i]);
      load_weights(stage, k, weights);
      for (int i = 0; i < kDown; ++i)
        for (int j = 0; j < kAcross; ++j) {
          if constexpr (kTf32)
            ptx::mma_m16n8k8_tf32(sums[i][j], inputs[i], weights[j]);
          else
            ptx::mma_m16n8k16<T>(sums[i][j], inputs[i], weights[j]);
        }
    }
  }

  /// To `products` [Rows, kProductStride].
  GAVOTTE_DEVICE void store(float* products) const {
    const int row = first_row() + lane_index() / 4, column = first_column() + lane_index() % 4 * 2;
    for (int i = 0; i < kDown; ++i)
      for (int j = 0; j < kAcross; ++j)
        for (int half = 0; half < 2; ++half)
          store_pack(products + (row + 16 * i + 8 * half) * kProductStride + column + 8 * j,
                     Pack<float, 2>{sums[i][j][2 * half], sums[i][j][2 * half + 1]});
  }

 private:
  /// Rows [row, row + 16), elements [k, k + kStep): four matrices of 8 rows of 16 bytes.
  GAVOTTE_DEVICE static void load_inputs(const Stage& stage, int row, int k,
                                         std::uint32_t (&registers)[4]) {
    const int lane = lane_index();
    ptx::ldmatrix_x4(registers,
                     stage.inputs + (row + lane % 16) * kInputStride + k + lane / 16 * (kStep / 2));
    if constexpr (kTf32)
      for (std::uint32_t& element : registers)
        element = ptx::to_tf32(std::bit_cast<float>(element));
  }

  /// Elements [k, k + kStep) of the warp's columns.
  GAVOTTE_DEVICE static void load_weights(const Stage& stage, int k,
                                          std::uint32_t (&registers)[kAcross][2]) {
    const int lane = lane_index();
    if constexpr (kTf32) {
      const float* from =
          stage.weights + (k + lane % 4) * kWeightStride + first_column() + lane / 4;
      for (int j = 0; j < kAcross; ++j)
        for (int half = 0; half < 2; ++half)
          registers[j][half] = ptx::to_tf32(from[4 * half * kWeightStride + 8 * j]);
    } else {
      // Matrices: k [0, 8) and [8, 16) of eight columns, then of the next eight.
      const T* from =
          stage.weights + (k + lane % 16) * kWeightStride + first_column() + lane / 16 * 8;
      for (int j = 0; j < kAcross; j += 2) {
        std::uint32_t both[4];
        ptx::ldmatrix_x4_trans(both, from + 8 * j);
        for (int i = 0; i < 4; ++i) registers[j + i / 2][i % 2] = both[i];
      }
    }
  }
};

}  // namespace gavotte::internal::cuda
