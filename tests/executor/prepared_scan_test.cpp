// Scans prepared beside a run: the bits of run(), and errors that leave all usable.
#include <gtest/gtest.h>

#include <cstring>
#include <future>

#include "executor/scene.h"
#include "gavotte/executor.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::bytes_of;
using test::expect_error;
using test::make_scan;
using test::Scan;

TEST(PreparedScan, HasTheBitsOfARunAsOftenAsWanted) {
  const Scan scan = make_scan(600, 12, 3, 41, {0, 1});
  for (const DType dtype : {DType::float32, DType::float16}) {
    Executor executor(test::small_network(), {.dtype = dtype, .threads = 2});
    const Result whole = executor.run(scan.coordinates, scan.features);
    const std::vector<std::byte> expected = bytes_of(whole);
    for (const int threads : {1, 3}) {
      const PreparedScan prepared = executor.prepare(scan.coordinates, scan.features, threads);
      EXPECT_EQ(prepared.voxels(), scan.coordinates.rows());
      EXPECT_GT(prepared.bytes(), 0);
      for (int i = 0; i < 2; ++i) {
        const Result result = executor.run(prepared);
        EXPECT_EQ(bytes_of(result), expected);
        EXPECT_EQ(result.coordinates.rows(), whole.coordinates.rows());
        EXPECT_EQ(result.stats.layers.size(), whole.stats.layers.size());
      }
    }
  }
}

// The next scan is prepared by another thread while one runs.
TEST(PreparedScan, IsMadeWhileAnotherRuns) {
  std::vector<Scan> scans;
  for (std::uint64_t seed = 0; seed < 6; ++seed) scans.push_back(make_scan(400, 12, 3, 50 + seed));
  Executor sequential(test::small_network(), {.threads = 1});
  Executor executor(test::small_network(), {.threads = 1});
  const auto prepare = [&](std::size_t i) {
    return std::async(std::launch::async, [&executor, &scan = scans[i]] {
      return executor.prepare(scan.coordinates, scan.features, 1);
    });
  };
  std::future<PreparedScan> next = prepare(0);
  for (std::size_t i = 0; i < scans.size(); ++i) {
    const PreparedScan scan = next.get();
    if (i + 1 < scans.size()) next = prepare(i + 1);
    const Result result = executor.run(scan);
    const Result expected = sequential.run(scans[i].coordinates, scans[i].features);
    EXPECT_EQ(bytes_of(result), bytes_of(expected)) << i;
  }
}

TEST(PreparedScan, NeedsTheViewsNoLonger) {
  Scan scan = make_scan(200, 10, 3, 60);
  Executor executor(test::small_network(), {.threads = 1});
  const std::vector<std::byte> expected = bytes_of(executor.run(scan.coordinates, scan.features));
  const PreparedScan prepared = executor.prepare(scan.coordinates, scan.features, 1);
  std::memset(scan.coordinates.data(), 0xff,
              static_cast<std::size_t>(scan.coordinates.view().bytes()));
  std::memset(scan.features.data(), 0xff, static_cast<std::size_t>(scan.features.view().bytes()));
  EXPECT_EQ(bytes_of(executor.run(prepared)), expected);
}

TEST(PreparedScan, KeepsTheMemoryOfVoxels) {
  const Scan scan = make_scan(200, 10, 3, 61, {0, 1});
  Executor executor(test::small_network(), {.threads = 1});
  const std::vector<std::byte> expected = bytes_of(executor.run(scan.coordinates, scan.features));
  PreparedScan prepared;
  {
    Voxels voxels;
    voxels.coordinates = scan.coordinates.clone();
    voxels.features = scan.features.clone();
    voxels.scan_starts = {0, 100, scan.coordinates.rows()};
    prepared = executor.prepare(voxels, 1);
  }
  EXPECT_EQ(bytes_of(executor.run(prepared)), expected);
  const PreparedScan empty = executor.prepare(Voxels{}, 1);
  EXPECT_TRUE(static_cast<bool>(empty));
  EXPECT_EQ(executor.run(empty).features.shape, (Shape{0, 5}));
}

TEST(PreparedScan, OfAnotherExecutorIsRefused) {
  const Scan scan = make_scan(100, 8, 3, 62);
  Executor executor(test::small_network(), {.max_voxels = 1000, .threads = 1});
  PreparedScan others;
  {
    Executor other(test::small_network(), {.threads = 1});
    others = other.prepare(scan.coordinates, scan.features, 1);
  }
  expect_error("another's", [&] { executor.run(others); });
  expect_error("an empty one", [&] { executor.run(PreparedScan{}); });
  expect_error("threads must lie in",
               [&] { executor.prepare(scan.coordinates, scan.features, -1); });
  expect_error("expected features", [&] {
    executor.prepare(scan.coordinates, Tensor::zeros(DType::float32, Shape{1, 3}), 1);
  });
  const Scan large = make_scan(2000, 16, 3, 63);
  expect_error("at most max_voxels",
               [&] { executor.prepare(large.coordinates, large.features, 1); });
  const PreparedScan fits = executor.prepare(scan.coordinates, scan.features, 1);
  Executor moved = std::move(executor);  // a scan stays with its plan
  EXPECT_EQ(moved.run(fits).features.rows(), scan.coordinates.rows());
}

}  // namespace
}  // namespace gavotte
