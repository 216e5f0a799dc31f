// mma.sync: a warp's product of two small matrices, added to float32 sums.
// PTX ISA, "Warp-level Matrix Fragments and Instructions: mma.m16n8k16, mma.m16n8k8".
//
// With g = lane / 4 and t = lane % 4, sums d[i] are those of row g (i < 2) or g + 8 and of column
// 2 t + i % 2, for every shape below.
//
// The hardware adds the products of one instruction in an order and with an inner rounding of its
// own; the host body adds them one by one in float32.
#pragma once

#include <bit>

#include "cuda/device/kernel.h"
#include "half.h"

namespace gavotte::internal::cuda::ptx {

#ifndef __CUDACC__
namespace host {

/// A lane's registers of both factors.
template <int InputRegisters, int WeightRegisters>
struct Fragments {
  std::uint32_t a[InputRegisters];
  std::uint32_t b[WeightRegisters];
};

/// Element `half` (0: low) of a register of two 16-bit values.
template <class T>
float element(std::uint32_t pair, int half) {
  return static_cast<float>(T::from_bits(static_cast<std::uint16_t>(pair >> (16 * half))));
}

template <class T>
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  Fragments<4, 2> own;
  for (int i = 0; i < 4; ++i) own.a[i] = a[i];
  for (int i = 0; i < 2; ++i) own.b[i] = b[i];
  const auto lanes = emulator::exchange_all(kFullMask, own);
  const int g = emulator::lane_index() / 4, t = emulator::lane_index() % 4;
  Fragments<4, 2> rows[4], columns[2][4];
  for (int i = 0; i < 4; ++i) {
    rows[i] = lanes[4 * g + i];
    columns[0][i] = lanes[4 * (2 * t) + i];
    columns[1][i] = lanes[4 * (2 * t + 1) + i];
  }
  // a[0]: row g, k 2 t ..; a[1]: row g + 8; a[2], a[3]: the same with k + 8. b[0]: column g, k 2 t
  // ..; b[1]: k + 8.
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < 16; ++k)
      d[i] += element<T>(rows[k % 8 / 2].a[i / 2 + k / 8 * 2], k % 2) *
              element<T>(columns[i % 2][k % 8 / 2].b[k / 8], k % 2);
}

}  // namespace host
#endif

/// d += a b; a [16, 16] by rows, b [16, 8] by columns, of T.
template <class T>
GAVOTTE_DEVICE void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4],
                                 const std::uint32_t (&b)[2]) {
#ifdef __CUDACC__
  if constexpr (std::is_same_v<T, Float16>)
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  host::mma_m16n8k16<T>(d, a, b);
#endif
}

/// A float32 as the tf32 nearest to it, ties away from zero: 10 fraction bits, the rest zeros.
GAVOTTE_DEVICE std::uint32_t to_tf32(float value) {
#ifdef __CUDACC__
  std::uint32_t result;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(result) : "f"(value));
  return result;
#else
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7f800000U) == 0x7f800000U) return bits;  // infinity and NaN
  return (bits + 0x1000U) & ~0x1fffU;
#endif
}

/// d += a b; a [16, 8] by rows, b [8, 8] by columns, of tf32.
GAVOTTE_DEVICE void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4],
                                     const std::uint32_t (&b)[2]) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  host::Fragments<4, 2> own;
  for (int i = 0; i < 4; ++i) own.a[i] = a[i];
  for (int i = 0; i < 2; ++i) own.b[i] = b[i];
  const auto lanes = emulator::exchange_all(kFullMask, own);
  const int g = emulator::lane_index() / 4, t = emulator::lane_index() % 4;
  // a[0]: row g, k t; a[1]: row g + 8; a[2], a[3]: the same with k + 4. b[0]: column g, k t; b[1]:
  // k + 4.
  for (int k = 0; k < 8; ++k) {
    const auto row = lanes[4 * g + k % 4];
    for (int i = 0; i < 4; ++i) {
      const auto column = lanes[4 * (2 * t + i % 2) + k % 4];
      d[i] +=
          std::bit_cast<float>(row.a[i / 2 + k / 4 * 2]) * std::bit_cast<float>(column.b[k / 4]);
    }
  }
#endif
}

}  // namespace gavotte::internal::cuda::ptx
