// The weights' gradient of bfloat16 rows by matrix tiles: sums of outer products of rows that are read through indices.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd/indirect_wgrad.h"

namespace gavotte::internal::cpu {

/// Of each group of channels: sum[i, o] += the sum of x[row, i] * grad[row, o] over the pairs; `=` instead of `+=` where
/// `first`. The order of an element's additions follows from the arguments alone.
struct TiledWgrad {
  const void* x;         ///< bfloat16 [.., groups * in]
  const void* grad;      ///< bfloat16 [.., groups * out]
  std::int64_t in, out;  ///< Channels of a group.
  int groups;
  float* sums;  ///< [groups][tiled_elements(in, out)]: read and written
  PairRows pairs;
  bool first;
  std::byte* memory;  ///< tiled_wgrad_bytes(in, out), 64-byte aligned
};

/// Whether a layer with so many channels in each of its groups is faster by tiles.
bool fills_wgrad_tiles(std::int64_t in, std::int64_t out, int groups);
/// Whether it is taken by tiles: where the call allows it, they are filled, and this process may use them.
bool takes_wgrad_tiles(std::int64_t in, std::int64_t out, int groups, bool matrix_tiles);

/// Memory that a call works in.
std::int64_t tiled_wgrad_bytes(std::int64_t in, std::int64_t out);

/// Sums lie as tiles hold them: [in / 16, rounded up][out / 16, rounded up][16][16], columns in an order of their own; with in
/// and out in each other's place where there are fewer tiles of outputs. The first of the two is the narrow side.
std::int64_t tiled_elements(std::int64_t in, std::int64_t out);
/// How many strips of 16 channels of the narrow side there are; each is an equal part of the elements.
std::int64_t tiled_strips(std::int64_t in, std::int64_t out);
/// The part of [in, out] that is a strip.
struct WgradStrip {
  std::int64_t row, rows, column, columns;
};
WgradStrip tiled_strip(std::int64_t in, std::int64_t out, std::int64_t strip);
/// That part from the strip's sums, with to_stride between rows.
void untile_strip(const float* sums, std::int64_t in, std::int64_t out, const WgradStrip& strip,
                  float* to, std::int64_t to_stride);

/// For a process that may use tiles of bfloat16 (matrix_tiles.h) alone. Subnormal numbers count as zeros.
void tiled_wgrad(const TiledWgrad& args);

}  // namespace gavotte::internal::cpu
