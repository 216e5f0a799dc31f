// Poolings over maps where each input has one pair, which the CPU's builder of maps knows: without
// the lists, and past the caches where results are large.
#include <gtest/gtest.h>

#include <limits>

#include "gavotte/coordinate_manager.h"
#include "gavotte/pooling.h"
#include "ops/pool_modes.h"
#include "ops/values.h"

namespace gavotte {
namespace {

using namespace testing_ops;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

/// A box of voxels, some of which are left out, in random order.
Coordinates box_with_holes(std::mt19937& random, int size) {
  std::vector<Coordinate> all;
  for (int x = -size; x < size; ++x)
    for (int y = -size; y < size; ++y)
      for (int z = 0; z < 2 * size; ++z)
        if (random() % 8 != 0) all.push_back({static_cast<std::int32_t>(random() % 2), x, y, z});
  std::shuffle(all.begin(), all.end(), random);
  return Coordinates(coordinate_tensor(all, 3), 1, StrideStyle::divided);
}

/// The same pairs without what the map's builder knows of them.
KernelMap lists_of(const KernelMap& map) {
  std::vector<Pair> pairs;
  const auto begin = map.pair_begin().span<std::int64_t>();
  for (int k = 0; k < map.offsets(); ++k)
    for (auto i = static_cast<std::size_t>(begin[static_cast<std::size_t>(k)]);
         i < static_cast<std::size_t>(begin[static_cast<std::size_t>(k) + 1]); ++i)
      pairs.push_back(
          {k, map.pair_in().span<std::int32_t>()[i], map.pair_out().span<std::int32_t>()[i]});
  return testing_ops::map_of(pairs, map.offsets(), map.in_rows(), map.out_rows());
}

TEST(PoolingOnce, MapsKnowThatEachInputHasOnePair) {
  std::mt19937 random(8);
  const Coordinates coordinates = box_with_holes(random, 4);
  CoordinateManager manager;
  const auto once = [&](const ConvSpec& spec) {
    const KernelMap map = manager.kernel_map(coordinates, spec).map;
    EXPECT_FALSE(map.data()->out_once);
    return map.data()->in_once;
  };
  EXPECT_TRUE(once(ConvSpec::strided(2, 2)));
  EXPECT_TRUE(once(ConvSpec::strided(3, 3)));
  ConvSpec dilated = ConvSpec::strided(2, 2);
  dilated.dilation = 3;  // offsets 0 and 3 differ modulo 2, and so every input has a pair
  EXPECT_TRUE(once(dilated));
  dilated.dilation = 2;
  EXPECT_FALSE(once(dilated));
  EXPECT_FALSE(once(ConvSpec::strided(2, 3)));  // some inputs have none
  EXPECT_FALSE(once(ConvSpec::strided(3, 2, 1)));
}

// Results of more and of fewer bytes than stay in a cache; with ties, NaN and zeros of both signs.
TEST(PoolingOnce, IsThatOfTheLists) {
  std::mt19937 random(9);
  CoordinateManager manager;
  for (const int size : {5, 22}) {
    const bool large = size > 5;
    const Coordinates coordinates = box_with_holes(random, size);
    const KernelMap map = manager.kernel_map(coordinates, ConvSpec::strided(2, 2)).map;
    const KernelMap lists = lists_of(map);
    ASSERT_TRUE(map.data()->in_once);
    // Large results are rows of 256 bytes.
    constexpr std::int64_t kLargeRow = 256;
    if (large) {
      ASSERT_GE(map.in_rows() * kLargeRow, 16 << 20);
    }
    for (const std::int64_t channels : large ? std::vector<std::int64_t>{64, 128}
                                             : std::vector<std::int64_t>{1, 16, 64, 75, 128}) {
      Doubles x = quarters(random, map.in_rows() * channels);
      Doubles grad = quarters(random, map.out_rows() * channels);
      for (std::size_t i = 0; i < x.size(); i += 7) x[i] = i % 2 == 0 ? kNotANumber : -0.0;
      for (std::size_t i = 0; i < grad.size(); i += 5) grad[i] = i % 2 == 0 ? kNotANumber : -0.0;
      for (const DType dtype : kFloatingDTypes) {
        if (large && channels * size_bytes(dtype) != kLargeRow) continue;
        const Tensor fine = tensor(dtype, {map.in_rows(), channels}, x);
        const Tensor coarse = tensor(dtype, {map.out_rows(), channels}, grad);
        for (const PoolMode mode : kPoolModes) {
          const Tensor y = pool(fine, lists, mode);
          const auto unpooled = bytes_of(pool(coarse, lists.transposed(), mode));
          const auto gradient = bytes_of(pool_backward(fine, y, coarse, lists, mode));
          for (const int threads : large ? std::vector{3} : std::vector{1, 2, 3, 8}) {
            const Execution execution{.threads = threads};
            EXPECT_EQ(bytes_of(pool(fine, map, mode, execution)), bytes_of(y))
                << name(dtype) << " " << name(mode) << " C " << channels << " of " << map.in_rows();
            EXPECT_EQ(bytes_of(pool(coarse, map.transposed(), mode, execution)), unpooled)
                << name(dtype) << " " << name(mode) << " C " << channels << " of " << map.in_rows();
            EXPECT_EQ(bytes_of(pool_backward(fine, y, coarse, map, mode, execution)), gradient)
                << name(dtype) << " " << name(mode) << " C " << channels << " of " << map.in_rows();
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace gavotte
