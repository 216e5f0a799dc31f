// The weights' gradient by the tiles of AMX. None of these instructions is reached unless may_use_tiles says so.
#include "cpu/simd/wgrad_tiles.h"

#include <hwy/base.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/simd/intrinsics.h"
#include "cpu/simd/matrix_tiles.h"
#include "cpu/simd/unroll.h"

#if HWY_ARCH_X86_64
HWY_PUSH_ATTRIBUTES("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")
#endif
namespace gavotte::internal::cpu::amx {
namespace {

#include "cpu/simd/wgrad_tiles-inl.h"

#if HWY_ARCH_X86_64
#include "cpu/simd/amx_tiles-inl.h"
#include "cpu/simd/wgrad_stage-inl.h"
#endif

}  // namespace
}  // namespace gavotte::internal::cpu::amx
#if HWY_ARCH_X86_64
HWY_POP_ATTRIBUTES
#endif

namespace gavotte::internal::cpu {

bool fills_wgrad_tiles(std::int64_t in, std::int64_t out, int groups) {
  // Against VDPBF16PS (Xeon with AMX, 2026-11-23, lidar_10): 4 -> 4 1.4 of the rate, 16 -> 1 2.8, 1 -> 16 1.3; in groups of
  // 8 x 8 1.5 to 1.9, of 4 x 4 0.9 to 1.3, of 2 x 2 0.6. Sums of small groups take the room of whole tiles.
  return groups == 1 || in * out >= 64;
}

bool takes_wgrad_tiles(std::int64_t in, std::int64_t out, int groups, bool matrix_tiles) {
  return matrix_tiles && fills_wgrad_tiles(in, out, groups) && may_use_tiles(DType::bfloat16);
}

std::int64_t tiled_wgrad_bytes(std::int64_t in, std::int64_t out) {
  return amx::takes_turned(in, out) ? amx::WgradMemory::bytes(out, in)
                                    : amx::WgradMemory::bytes(in, out);
}

std::int64_t tiled_elements(std::int64_t in, std::int64_t out) {
  return amx::tiles_of(in) * amx::tiles_of(out) * amx::kTileElements;
}

std::int64_t tiled_strips(std::int64_t in, std::int64_t out) {
  return std::min(amx::tiles_of(in), amx::tiles_of(out));
}

WgradStrip tiled_strip(std::int64_t in, std::int64_t out, std::int64_t strip) {
  const std::int64_t first = strip * amx::kTileSide;
  if (amx::takes_turned(in, out)) return {0, in, first, std::min(amx::kTileSide, out - first)};
  return {first, std::min(amx::kTileSide, in - first), 0, out};
}

void untile_strip(const float* sums, std::int64_t in, std::int64_t out, const WgradStrip& strip,
                  float* to, std::int64_t to_stride) {
  if (amx::takes_turned(in, out))
    return amx::untile_columns(sums, in, strip.columns, to, to_stride);
  amx::untile_rows(sums, out, strip.rows, to, to_stride);
}

void tiled_wgrad(const TiledWgrad& args) {
#if HWY_ARCH_X86_64
  amx::add_pairs_by_tiles<amx::Tiles, amx::VectorStage>(args);
#else
  static_cast<void>(args);
#endif
}

}  // namespace gavotte::internal::cpu
