// ldmatrix: four 8x8 matrices of 16-bit elements from shared memory into a warp's registers.
// PTX ISA, "Warp-Level Matrix Load Instruction: ldmatrix".
#pragma once

#include <cstring>

#include "cuda/device/kernel.h"
#include "cuda/ptx/cp_async.h"

namespace gavotte::internal::cuda::ptx {

/// Lane 8 m + r names row r of matrix m: 16 bytes, aligned to them. Register m of lane l gets
/// elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4 of matrix m, the first in the low half.
GAVOTTE_DEVICE void ldmatrix_x4(std::uint32_t (&registers)[4], const void* row) {
#ifdef __CUDACC__
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
               : "r"(shared_address(row))
               : "memory");
#else
  const auto rows = emulator::exchange_all(kFullMask, row);
  const int lane = emulator::lane_index();
  for (int m = 0; m < 4; ++m)
    std::memcpy(&registers[m],
                static_cast<const unsigned char*>(rows[8 * m + lane / 4]) + 4 * (lane % 4), 4);
#endif
}

/// The same matrices transposed: register m of lane l gets elements l / 4 of rows 2 (l % 4) and
/// 2 (l % 4) + 1.
GAVOTTE_DEVICE void ldmatrix_x4_trans(std::uint32_t (&registers)[4], const void* row) {
#ifdef __CUDACC__
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
               : "r"(shared_address(row))
               : "memory");
#else
  const auto rows = emulator::exchange_all(kFullMask, row);
  const int lane = emulator::lane_index();
  for (int m = 0; m < 4; ++m) {
    std::uint16_t pair[2];
    for (int i = 0; i < 2; ++i)
      std::memcpy(
          &pair[i],
          static_cast<const unsigned char*>(rows[8 * m + 2 * (lane % 4) + i]) + 2 * (lane / 4), 2);
    std::memcpy(&registers[m], pair, 4);
  }
#endif
}

}  // namespace gavotte::internal::cuda::ptx
