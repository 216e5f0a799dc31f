// The loops on every vector target, the threads, the statistics; not how fast anything is.
#include "peak/peak.h"

#include <gtest/gtest.h>
#include <hwy/aligned_allocator.h>

#include <atomic>
#include <set>
#include <vector>

#include "peak/multiply_adds.h"
#include "peak/streams.h"
#include "peak/together.h"
#include "simd_targets.h"

namespace gavotte::peak {
namespace {

TEST(ThreadCounts, DoubleUpToTheMost) {
  EXPECT_EQ(thread_counts(1), (std::vector<int>{1}));
  EXPECT_EQ(thread_counts(2), (std::vector<int>{1, 2}));
  EXPECT_EQ(thread_counts(6), (std::vector<int>{1, 2, 4, 6}));
  EXPECT_EQ(thread_counts(8), (std::vector<int>{1, 2, 4, 8}));
}

TEST(RateOf, MedianBestAndQuartiles) {
  const Rate rate = rate_of({5, 1, 4, 2, 3});
  EXPECT_EQ(rate.median, 3);
  EXPECT_EQ(rate.best, 5);
  EXPECT_DOUBLE_EQ(rate.noise, (4.0 - 2.0) / 3.0);
  EXPECT_DOUBLE_EQ(rate_of({1, 2}).median, 1.5);
  EXPECT_DOUBLE_EQ(rate_of({1, 2}).noise, 0.5 / 1.5);
  EXPECT_EQ(rate_of({7}).noise, 0);
}

TEST(SecondsTogether, EachThreadRunsOnceAndAllAtTheSameTime) {
  for (const int threads : {1, 2, 3, 8}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(threads));
    std::atomic<int> there = 0;
    const double seconds = seconds_together(threads, [&](int thread) {
      ++calls[static_cast<std::size_t>(thread)];
      // Ends only when all threads are in here.
      ++there;
      while (there < threads) std::this_thread::yield();
    });
    EXPECT_GT(seconds, 0);
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
}

TEST(MultiplyAdds, RunOnEveryTarget) {
  test::for_each_target([] {
    std::set<std::string> dtypes;
    for (const MultiplyAdds& loop : multiply_adds()) {
      dtypes.insert(loop.dtype);
      const int element_bits = loop.dtype == "float64"    ? 64
                               : loop.dtype == "bfloat16" ? 16
                               : loop.dtype == "int8"     ? 8
                                                          : 32;
      // Two operations for each lane of each vector.
      EXPECT_GT(loop.vector_bits, 0) << loop.dtype;
      EXPECT_EQ(loop.operations % (2 * loop.vector_bits / element_bits), 0) << loop.dtype;
      EXPECT_GE(loop.operations, 8 * 2 * loop.vector_bits / element_bits) << loop.dtype;
      if (loop.instruction.starts_with(
              't')) {  // four tiles, to whose sums 64 bytes of products are added at once
        EXPECT_EQ(loop.run(1000), 4 * 1000 * (loop.dtype == "bfloat16" ? 32 * 0.25 : 16 * 30.0));
        EXPECT_EQ(loop.run(0), 0);
        continue;
      }
      // A lane of each sum: halved and 1 added until it is 2; else started at its number, to which
      // each iteration adds 2 / 4, or the squares of 1, 2, 3 and 4.
      const std::int64_t sums = loop.operations / (2 * loop.vector_bits / element_bits);
      const double start = static_cast<double>(sums * (sums - 1)) / 2;
      const double each = loop.dtype == "bfloat16" ? 0.5 : 30;
      const bool halves = loop.dtype.starts_with("float");
      EXPECT_EQ(loop.run(1000),
                static_cast<double>(sums) * (halves ? 2 : 1000 * each) + (halves ? 0 : start))
          << loop.dtype;
      EXPECT_EQ(loop.run(0), halves ? start + 0.5 * static_cast<double>(sums) : start)
          << loop.dtype;
    }
    EXPECT_TRUE(dtypes.contains("float32") && dtypes.contains("float64"));
  });
}

TEST(Streams, WriteWhatTheirNamesSayAndNothingElse) {
  constexpr std::int64_t kElements = 3 * kStreamStep;
  const auto arrays = [] { return hwy::AllocateAligned<float>(kElements + kStreamStep); };
  const auto a = arrays(), b = arrays(), c = arrays();
  test::for_each_target([&] {
    for (const Stream stream : kStreams) {
      for (std::int64_t i = 0; i < kElements + kStreamStep; ++i) {
        a[static_cast<std::size_t>(i)] = -1;
        b[static_cast<std::size_t>(i)] = static_cast<float>(i);
        c[static_cast<std::size_t>(i)] = static_cast<float>(2 * i);
      }
      const float sum = run_stream(stream, a.get(), b.get(), c.get(), kElements);
      EXPECT_EQ(sum, stream == Stream::read ? -static_cast<float>(kElements) : 0);
      for (std::int64_t i = 0; i < kElements + kStreamStep; ++i) {
        const auto x = static_cast<float>(i);
        const float expected = i >= kElements || stream == Stream::read ? -1.0F
                               : stream == Stream::write                ? 0.5F
                               : stream == Stream::copy                 ? x
                                                                        : x + 0.5F * (2 * x);
        ASSERT_EQ(a[static_cast<std::size_t>(i)], expected) << name_of(stream) << " at " << i;
      }
    }
  });
}

TEST(Streams, BytesAreThoseOfTheArraysThatTheyTouch) {
  EXPECT_EQ(bytes_per_element(Stream::read), 4);
  EXPECT_EQ(bytes_per_element(Stream::write), 4);
  EXPECT_EQ(bytes_per_element(Stream::copy), 8);
  EXPECT_EQ(bytes_per_element(Stream::triad), 12);
}

TEST(Measure, EveryFigureHasARateAndProgressEndsAtTheTotal) {
  int last = 0, all = 0;
  const Peak peak = measure({.threads = 2, .rounds = 2, .round_s = 1e-4, .array_bytes = 1 << 16},
                            [&](int done, int total) {
                              EXPECT_EQ(done, last + 1);
                              last = done;
                              all = total;
                            });
  EXPECT_EQ(last, all);
  EXPECT_EQ(static_cast<std::size_t>(all), 2 * (peak.arithmetic.size() + peak.memory.size()));
  EXPECT_EQ(peak.memory.size(), 8U);
  EXPECT_EQ(peak.array_bytes, 1 << 16);
  for (const auto* figures : {&peak.arithmetic, &peak.memory}) {
    for (const Figure& figure : *figures) {
      EXPECT_GT(figure.rate.median, 0) << figure.name;
      EXPECT_GE(figure.rate.best, figure.rate.median) << figure.name;
    }
  }
}

}  // namespace
}  // namespace gavotte::peak
