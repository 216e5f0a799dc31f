// Small reproducible scans for tests of the executor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "gavotte/executor.h"
#include "gavotte/tensor.h"
#include "network/initializer.h"

namespace gavotte::test {

struct Scan {
  Tensor coordinates;  ///< int32 [N, 4], distinct, in lexicographic order.
  Tensor features;     ///< float32 [N, C]
};

/// A run's features, to compare bits.
inline std::vector<std::byte> bytes_of(const Result& result) {
  const auto* data = static_cast<const std::byte*>(result.features.data);
  return {data, data + result.features.bytes()};
}

/// About `count` voxels in [-extent / 2, extent / 2)^3 for each listed batch entry.
inline Scan make_scan(std::int64_t count, std::int32_t extent, std::int64_t channels,
                      std::uint64_t seed, std::vector<std::int32_t> entries = {0}) {
  std::set<std::array<std::int32_t, 4>> voxels;
  std::uint64_t counter = 0;
  const auto draw = [&] {
    return static_cast<std::int32_t>(internal::random_bits(seed, counter++) %
                                     static_cast<std::uint64_t>(extent)) -
           extent / 2;
  };
  for (std::int32_t entry : entries)
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int32_t x = draw(), y = draw(), z = draw();
      voxels.insert({entry, x, y, z});
    }
  std::vector<std::int32_t> rows;
  for (const auto& voxel : voxels) rows.insert(rows.end(), voxel.begin(), voxel.end());
  const auto size = static_cast<std::int64_t>(voxels.size());
  return {Tensor::from<std::int32_t>(rows, Shape{size, 4}),
          internal::uniform(Shape{size, channels}, -1, 1, seed + 1)};
}

}  // namespace gavotte::test
