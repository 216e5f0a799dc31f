// Keys of 32 bits on every vector target that this CPU runs, against plain loops in 64 bits.
#include "cpu/simd/make_keys.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

std::uint32_t key_of(const std::int32_t* values, const KeySum& sum) {
  std::int64_t key = sum.start;
  for (std::size_t c = 0; c < 4; ++c)
    key = (key + values[c] % (std::int64_t{1} << 32) * sum.factors[c]) % (std::int64_t{1} << 32);
  return static_cast<std::uint32_t>(key);
}

TEST(MakeKeys, AnyValuesAndNumberOfRows) {
  std::mt19937 random(2);
  test::for_each_target([&] {
    for (const std::size_t rows : {0, 1, 3, 15, 16, 17, 50, 333}) {
      std::vector<std::int32_t> values(4 * rows);
      for (std::int32_t& value : values) value = static_cast<std::int32_t>(random());
      if (rows > 17) values[4 * 17 + 2] = std::numeric_limits<std::int32_t>::min();
      const KeySum sum{{70000, 12345, 17, 1}, 3000000000U};
      std::vector<std::uint32_t> keys(rows + 1, 7), expected(rows + 1, 7);
      for (std::size_t i = 0; i < rows; ++i) expected[i] = key_of(values.data() + 4 * i, sum);
      const bool ascends =
          make_keys(values.data(), static_cast<std::int64_t>(rows), sum, keys.data());
      EXPECT_EQ(keys, expected) << rows << " rows";
      EXPECT_EQ(ascends, rows < 2) << rows << " rows";  // random ones do not
    }
  });
}

TEST(MakeKeys, SeeWhereKeysStopAscending) {
  test::for_each_target([] {
    constexpr std::size_t rows = 70;
    const KeySum sum{{0, 0, 0, 1}, 0};
    // Keys above 2^31 ascend as unsigned numbers do.
    std::vector<std::int32_t> values(4 * rows);
    for (std::size_t i = 0; i < rows; ++i)
      values[4 * i + 3] = static_cast<std::int32_t>(0x7fffffe0U + i);
    std::vector<std::uint32_t> keys(rows);
    const auto ascends = [&] {
      return make_keys(values.data(), static_cast<std::int64_t>(rows), sum, keys.data());
    };
    EXPECT_TRUE(ascends());
    for (std::size_t i = 1; i < rows; ++i) {
      std::vector<std::int32_t> before = values;
      values[4 * i + 3] = values[4 * i - 1];  // equal to the one before
      EXPECT_FALSE(ascends()) << "row " << i;
      values = before;
    }
  });
}

}  // namespace
}  // namespace gavotte::internal::cpu
