// Ranges of columns on every vector target that this CPU runs, against a plain loop.
#include "cpu/simd/column_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

TEST(ColumnRange, EveryNumberOfRowsAndColumns) {
  std::mt19937 random(1);
  test::for_each_target([&] {
    for (int columns = 2; columns <= 5; ++columns) {
      const auto width = static_cast<std::size_t>(columns);
      for (const std::size_t rows : {0, 1, 3, 15, 16, 17, 50, 333}) {
        std::vector<std::int32_t> values(rows * width);
        for (std::int32_t& value : values) value = static_cast<std::int32_t>(random());
        std::vector<std::int32_t> lower(width, 5), upper(width, 5);
        if (rows == 333) {
          values[width * 17] = std::numeric_limits<std::int32_t>::min();
          values[width * 332 + 1] = std::numeric_limits<std::int32_t>::max();
        }
        std::vector<std::int32_t> expected_lower = lower, expected_upper = upper;
        for (std::size_t i = 0; i < values.size(); ++i) {
          expected_lower[i % width] = std::min(expected_lower[i % width], values[i]);
          expected_upper[i % width] = std::max(expected_upper[i % width], values[i]);
        }
        widen_range(values.data(), static_cast<std::int64_t>(rows), columns, lower.data(),
                    upper.data());
        EXPECT_EQ(lower, expected_lower) << rows << " rows of " << columns;
        EXPECT_EQ(upper, expected_upper) << rows << " rows of " << columns;
      }
    }
  });
}

}  // namespace
}  // namespace gavotte::internal::cpu
