// Which pairs of a map a tile has, and which rows of the tile's sums they add to, against counts of a plain loop.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "cpu/convolution_tile.h"
#include "gavotte/coordinate_manager.h"

namespace gavotte::internal::cpu {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// A block without gaps before a thin cloud: pairs lie close together at first and far apart at last, those of some offsets
// nowhere.
Tensor uneven_points(bool shuffled) {
  std::vector<std::array<std::int32_t, 4>> points;
  for (std::int32_t i = 0; i < 12; ++i)
    for (std::int32_t j = 0; j < 12; ++j)
      for (std::int32_t k = 0; k < 4; ++k) points.push_back({0, i, j, k});
  std::mt19937 random(7);
  for (std::int32_t i = 40; i < 440; ++i)
    points.push_back({0, i, static_cast<std::int32_t>(random() % 4), 0});
  if (shuffled) std::shuffle(points.begin(), points.end(), random);
  std::vector<std::int32_t> values;
  for (const auto& point : points) values.insert(values.end(), point.begin(), point.end());
  return Tensor::from<std::int32_t>(values, {static_cast<std::int64_t>(points.size()), 4});
}

std::int64_t place(const MapPairs& pairs, std::int32_t row) {
  return pairs.out_rank != nullptr ? pairs.out_rank[row] : row;
}

// Of the pairs of offset k how many have their output row before the place.
std::int64_t count_before(const MapPairs& pairs, int k, std::int64_t border) {
  const std::int32_t* out = pairs.out(k);
  return std::count_if(out, out + (pairs.begin[k + 1] - pairs.begin[k]),
                       [&](std::int32_t row) { return place(pairs, row) < border; });
}

void expect_tile(const MapPairs& pairs, std::int64_t first, std::int64_t rows,
                 const Workspace& workspace) {
  constexpr std::int64_t kRowBytes = 24;
  std::vector<std::byte> sums(at(rows * kRowBytes));
  Buffer places;
  for (int k = 0; k < pairs.offsets; ++k) {
    const std::int64_t begin = count_before(pairs, k, first);
    ASSERT_EQ(workspace.first[at(k)], begin) << "offset " << k;
    ASSERT_EQ(workspace.counts[at(k)], count_before(pairs, k, first + rows) - begin)
        << "offset " << k;
    const TileSums to = tile_sums(pairs, k, first, sums.data(), kRowBytes, workspace, places);
    const auto memory = reinterpret_cast<std::uintptr_t>(sums.data());
    for (std::int64_t j = 0; j < workspace.counts[at(k)]; ++j) {
      const std::int64_t row = place(pairs, pairs.out(k)[begin + j]) - first;
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(to.sums) + at(to.rows[j] * kRowBytes),
                memory + at(row * kRowBytes))
          << "offset " << k << ", pair " << j;
    }
  }
}

void expect_tiles(const KernelMap& map) {
  const MapPairs pairs(map, MapPairs::Order::key);
  Workspace workspace;
  for (const std::int64_t rows : {1, 7, 64, 500, 5000}) {
    for (const std::int64_t start : {0, 100, 600, 970}) {
      SCOPED_TRACE("tiles of " + std::to_string(rows) + " rows from " + std::to_string(start));
      seek_pairs(pairs, start, workspace);
      for (std::int64_t first = start; first < std::min(pairs.out_rows, start + 20 * rows);
           first += rows) {
        const std::int64_t count = std::min(rows, pairs.out_rows - first);
        next_pairs(pairs, first, count, workspace);
        expect_tile(pairs, first, count, workspace);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(TilePairs, AreThoseOfItsRows) {
  for (const bool shuffled : {false, true}) {
    SCOPED_TRACE(shuffled ? "rows shuffled" : "rows in key order");
    const Coordinates set(uneven_points(shuffled).view());
    CoordinateManager manager;
    expect_tiles(manager.kernel_map(set, ConvSpec::submanifold(3)).map);
    const KernelMap strided = manager.kernel_map(set, ConvSpec::strided(2, 2)).map;
    expect_tiles(strided);
    expect_tiles(strided.transposed());
  }
}

}  // namespace
}  // namespace gavotte::internal::cpu
