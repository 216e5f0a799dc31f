// How many output rows a tile of tile_indirect has where no config says it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gavotte::internal::cpu {

inline constexpr std::int64_t kTasksOfAThread = 8;  // so that threads end together

/// What a row of a tile is to its layer.
struct TiledRow {
  std::int64_t bytes = 0;     ///< Of inputs and sums.
  bool matrix_tiles = false;  ///< Whether they multiply it.
};

/// For a layer of so many output rows: inputs and sums of a tile's rows stay in the second-level cache.
inline std::int64_t default_tile_rows(std::int64_t rows, const TiledRow& row,
                                      std::int64_t threads) {
  // EPYC with AVX-512, 2026-11-22, key order, 32 to 128 channels: half of that is 0.88 to 1.01 of the rate on random_100000,
  // twice that 0.86 to 1.00, 0.94 to 1.01 on lidar_10 and room_5.
  constexpr std::int64_t kCachedBytes = 512 << 10;
  // Each tile reads all weights, which weighs more where products are fast (Xeon with AMX, 2026-11-23, SparseResUNet42 in
  // bfloat16 on lidar_10, layers of 256 and more channels: 1.17 of the rate with 640 rows, two threads 1.32).
  const std::int64_t fewest = row.matrix_tiles ? 640 : 128;
  constexpr std::int64_t kMost = 6144;
  const std::int64_t tasks = kTasksOfAThread * threads, share = (rows + tasks - 1) / tasks;
  return std::clamp(std::min(kCachedBytes / std::max<std::int64_t>(row.bytes, 1), share), fewest,
                    kMost);
}

}  // namespace gavotte::internal::cpu
