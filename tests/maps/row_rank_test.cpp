// The inverse of a key order, made once.
#include "cpu/row_rank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace gavotte::internal::cpu {
namespace {

TEST(RowRank, IsTheInverseForAnyNumberOfThreadsAndCallers) {
  std::mt19937_64 random(1);
  for (const std::int32_t rows : {1, 1000, 70'000}) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(rows));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    for (const int threads : {1, 3}) {
      const RowRank rank(Tensor::from<std::int32_t>(order, {rows}));
      EXPECT_EQ(rank.bytes(), 0);
      std::vector<const std::int32_t*> seen(3);
      {
        std::vector<std::jthread> callers;
        for (const std::int32_t*& found : seen)
          callers.emplace_back([&] { found = rank.get({.threads = threads}); });
      }
      EXPECT_EQ(seen[0], seen[1]);
      EXPECT_EQ(seen[0], seen[2]);
      EXPECT_EQ(rank.bytes(), 4 * rows);
      for (std::int32_t place = 0; place < rows; ++place)
        ASSERT_EQ(seen[0][order[static_cast<std::size_t>(place)]], place);
    }
  }
}

TEST(RowRank, OfNothing) {
  const RowRank rank(Tensor(DType::int32, {0}));
  rank.get({});
  EXPECT_EQ(rank.bytes(), 0);
}

}  // namespace
}  // namespace gavotte::internal::cpu
