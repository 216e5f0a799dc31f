// multiply_groups by the tiles of AMX. None of their instructions is reached unless may_use_tiles says so.
#include "cpu/simd/group_tiles.h"

#include <hwy/base.h>

#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/matrix_tiles.h"
#include "cpu/simd/unroll.h"

#if HWY_ARCH_X86_64

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")
namespace gavotte::internal::cpu::amx_groups {
namespace {

#include "cpu/simd/amx_tiles-inl.h"
#include "cpu/simd/group_tiles-inl.h"

}  // namespace
}  // namespace gavotte::internal::cpu::amx_groups
HWY_POP_ATTRIBUTES

namespace gavotte::internal::cpu {

void multiply_groups(const GroupProduct& product) {
  amx_groups::multiply_groups<amx_groups::Tiles>(product);
}

}  // namespace gavotte::internal::cpu

#else

namespace gavotte::internal::cpu {

void multiply_groups(const GroupProduct&) {}

}  // namespace gavotte::internal::cpu

#endif

namespace gavotte::internal::cpu {

bool takes_groups(std::int64_t in, std::int64_t out, bool matrix_tiles) {
  // Each group reads the weights, which stay in the second-level cache (Xeon with AMX, 2026-11-23, room_10, two threads,
  // against indirect_gemm: 32 -> 32 1.04, 64 -> 64 1.14, 96 -> 96 1.2, 128 -> 128 1.1 of the rate; 192 -> 128 0.84,
  // 256 -> 256 0.81).
  constexpr std::int64_t kMostWeights = 128 * 128, kFewest = 32;
  if (!matrix_tiles || in < kFewest || out < kFewest || out % 16 != 0 || in * out > kMostWeights ||
      in > kMostGroupInputs)
    return false;
  const PanelLayout layout = panel_layout(DType::uint8, in, out);
  return layout.lanes == 16 && layout.widest == 64 && layout.inputs == 4 &&
         may_use_tiles(DType::uint8);
}

}  // namespace gavotte::internal::cpu
