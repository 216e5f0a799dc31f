// Placement by liveness.
#include "executor/arena.h"

#include <gtest/gtest.h>

#include "network/initializer.h"

namespace gavotte {
namespace {

using internal::ArenaBuffer;
using internal::place_buffers;

TEST(Arena, BuffersThatLiveAtOnceNeverOverlap) {
  std::vector<int> order;
  for (std::uint64_t round = 0; round < 200; ++round) {
    std::vector<ArenaBuffer> buffers;
    std::uint64_t counter = 0;
    const auto draw = [&](std::uint64_t below) {
      return static_cast<std::int64_t>(internal::random_bits(round, counter++) % below);
    };
    for (std::int64_t i = 0, count = 1 + draw(40); i < count; ++i) {
      const int first = static_cast<int>(draw(30));
      buffers.push_back({draw(1000), first, first + static_cast<int>(draw(8)), -1});
    }
    const std::int64_t total = place_buffers(buffers, order);
    for (std::size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_EQ(buffers[a].offset % internal::kArenaAlignment, 0);
      EXPECT_LE(buffers[a].offset + buffers[a].bytes, total);
      for (std::size_t b = 0; b < a; ++b) {
        const ArenaBuffer &p = buffers[a], &q = buffers[b];
        const bool together = p.first <= q.last && q.first <= p.last;
        const bool overlap = p.offset < q.offset + q.bytes && q.offset < p.offset + p.bytes &&
                             p.bytes > 0 && q.bytes > 0;
        EXPECT_FALSE(together && overlap) << round;
      }
    }
  }
}

TEST(Arena, AChainTakesTwoBuffers) {
  std::vector<ArenaBuffer> chain;
  for (int i = 0; i < 10; ++i) chain.push_back({640, i, i + 1, 0});
  std::vector<int> order;
  EXPECT_EQ(place_buffers(chain, order), 1280);
}

// Two chains of blocks with a residual, the second a little wider, as in a ResNet: largest first leaves a gap.
TEST(Arena, ResidualBlocksTakeWhatTheirBroadestStepDoes) {
  std::vector<ArenaBuffer> values;
  int step = 0;
  for (const std::int64_t bytes : {640, 1344, 1536}) {
    values.push_back({bytes, step, step + 2, 0});
    values.push_back({bytes, step + 1, step + 2, 0});
    values.push_back({bytes, step + 2, step + 4, 0});
    values.push_back({bytes, step + 3, step + 4, 0});
    values.push_back({bytes, step + 4, step + 5, 0});
    step += 5;
  }
  std::vector<int> order;
  EXPECT_EQ(place_buffers(values, order), 3 * 1536);
}

TEST(Arena, GrowsOnlyWhenOutgrown) {
  internal::Arena arena;
  EXPECT_EQ(arena.capacity(), 0);
  arena.reserve(1000);
  void* const memory = arena.view(0, DType::uint8, Shape{1}).data;
  arena.reserve(500);
  EXPECT_EQ(arena.capacity(), 1000);
  EXPECT_EQ(arena.view(0, DType::uint8, Shape{1}).data, memory);
  arena.reserve(2000);
  EXPECT_EQ(arena.capacity(), 2000);
}

}  // namespace
}  // namespace gavotte
