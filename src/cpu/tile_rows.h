// How many output rows a tile of tile_indirect has where no config says it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gavotte::internal::cpu {

inline constexpr std::int64_t kTasksOfAThread = 8;  // so that threads end together

/// For a layer of so many output rows: inputs and sums of a tile's rows, row_bytes each, stay in the second-level cache.
inline std::int64_t default_tile_rows(std::int64_t rows, std::int64_t row_bytes,
                                      std::int64_t threads) {
  // EPYC with AVX-512, 2026-11-22, key order, 32 to 128 channels: half of that is 0.88 to 1.01 of the rate on random_100000,
  // twice that 0.86 to 1.00, 0.94 to 1.01 on lidar_10 and room_5.
  constexpr std::int64_t kCachedBytes = 512 << 10;
  constexpr std::int64_t kFewest = 128, kMost = 6144;
  const std::int64_t tasks = kTasksOfAThread * threads, share = (rows + tasks - 1) / tasks;
  return std::clamp(std::min(kCachedBytes / std::max<std::int64_t>(row_bytes, 1), share), kFewest,
                    kMost);
}

}  // namespace gavotte::internal::cpu
