// How many output rows a tile of tile_indirect has where no config says it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gavotte::internal::cpu {

inline constexpr std::int64_t kTasksOfAThread = 8;  // so that threads end together

/// For a layer of so many output rows, whose inputs and sums have row_bytes a row; cache_bytes: of a core's second-level
/// cache, in which those of a tile stay.
inline std::int64_t default_tile_rows(std::int64_t rows, std::int64_t row_bytes,
                                      std::int64_t cache_bytes, std::int64_t threads) {
  // EPYC with AVX-512, 2026-11-22, key order, 32 to 128 channels: half of that is 0.88 to 1.01 of the rate on random_100000,
  // twice that 0.86 to 1.00, 0.94 to 1.01 on lidar_10 and room_5.
  constexpr std::int64_t kCachedBytes = 512 << 10;
  // Each tile reads all weights, so wide rows have more of a cache that is larger (Xeon with AMX and 2 MiB of it, 2026-11-23:
  // float32, 256 channels 1.03 to 1.09 of the rate with 640 rows; by matrix tiles, SparseResUNet42 in bfloat16 on lidar_10,
  // layers of 256 and more channels 1.17, two threads 1.32).
  const std::int64_t fewest = cache_bytes >= (std::int64_t{2} << 20) ? 640 : 128;
  constexpr std::int64_t kMost = 6144;
  const std::int64_t tasks = kTasksOfAThread * threads, share = (rows + tasks - 1) / tasks;
  return std::clamp(std::min(kCachedBytes / std::max<std::int64_t>(row_bytes, 1), share), fewest,
                    kMost);
}

/// Rows of a tile such that tiles of at most `most` rows are alike, and as many for each thread: threads then end together.
inline std::int64_t even_tile_rows(std::int64_t rows, std::int64_t most, std::int64_t threads) {
  const auto divide_up = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  return divide_up(rows, divide_up(divide_up(rows, most), threads) * threads);
}

}  // namespace gavotte::internal::cpu
