// Counts the program's memory: steady runs take none for tensors and scratch, and all that is held stays near what a
// run cannot do without.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "counted_memory.h"
#include "cpu/kept_memory.h"
#include "cpu/simd/indirect_gemm.h"
#include "executor/plan.h"
#include "executor/scene.h"
#include "gavotte/executor.h"

namespace gavotte {
namespace {

CountedMemory& counters = counted_memory();

/// Two scales with a skip connection.
Network unet() {
  NetworkBuilder net;
  const auto layer = [&](const std::string& name, const std::string& x, std::int64_t channels) {
    return net.activation(
        name + ".relu",
        net.batch_norm(name + ".bn", net.convolution(name, x, channels, ConvSpec::submanifold(3))));
  };
  const std::string fine = layer("fine", layer("stem", net.input(4), 64), 64);
  const std::string down = net.convolution("down", fine, 96, ConvSpec::strided(2, 2));
  const std::string coarse = layer("coarse", layer("coarser", down, 96), 96);
  const std::string up = net.convolution("up", coarse, 64, ConvSpec::inverse(2, 2));
  const std::array<std::string, 2> both = {up, fine};
  return net.build(net.linear("head", layer("last", net.concatenate("skip", both), 64), 8));
}

constexpr std::int64_t kManyBoundaries = 1'000'000;

/// Cancels a run, and resumes it; returns the result's statistics.
RunStats run_cut(Executor& executor, const Voxels& scan, std::int64_t boundaries) {
  EvictionFlag flag;
  flag.set_after(boundaries);
  const RunOutcome cut = executor.run(scan, {.evict = &flag});
  EXPECT_TRUE(cut.cancelled());
  return executor.resume().result->stats;
}

std::int64_t weights_of(const Network& network) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : network.parameters()) bytes += tensor.view().bytes();
  return bytes;
}

/// What a run cannot do without: the scan, weights, coordinates and maps, and the features that are
/// alive at once at the worst step.
std::int64_t least_bytes(const Network& network, const test::Scan& scan, const RunStats& stats) {
  const internal::Plan plan = internal::make_plan(network);
  std::vector<std::int64_t> bytes_of(plan.values.size());  // of each value
  std::vector<std::int64_t> rows(static_cast<std::size_t>(plan.sets), 0), pairs(plan.maps.size());
  rows[0] = stats.voxels;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto output = static_cast<std::size_t>(plan.steps[i].output);
    bytes_of[output] = stats.layers[i].out_voxels * stats.layers[i].out_channels * 4;
    rows[static_cast<std::size_t>(plan.values[output].set)] = stats.layers[i].out_voxels;
    if (plan.steps[i].map >= 0)
      pairs[static_cast<std::size_t>(plan.steps[i].map)] = stats.layers[i].pairs;
  }
  std::int64_t most = 0;
  for (int step = 0; step < static_cast<int>(plan.steps.size()); ++step) {
    std::int64_t alive = 0;
    for (std::size_t v = 1; v < plan.values.size(); ++v)
      if (plan.values[v].first_step <= step && step <= plan.values[v].last_step)
        alive += bytes_of[v];
    most = std::max(most, alive);
  }
  std::int64_t geometry = 0;
  for (const std::int64_t set_rows : rows) geometry += set_rows * 4 * 4;
  for (const std::int64_t map_pairs : pairs) geometry += map_pairs * 2 * 4;
  return scan.coordinates.view().bytes() + scan.features.view().bytes() + weights_of(network) +
         geometry + most;
}

TEST(Memory, OfSteadyRunsIsKeptAndNearTheLeast) {
  const Network network = unet();
  const std::int64_t before = counters.held_bytes;
  const test::Scan scan = test::make_scan(12000, 32, 4, 71);
  Executor executor(network, {.threads = 1});
  for (int i = 0; i < 3; ++i) executor.run(scan.coordinates, scan.features);
  counters.blocks = counters.other_bytes = counters.largest_other_bytes = counters.most_bytes = 0;
  const RunStats stats = executor.run(scan.coordinates, scan.features).stats;
  EXPECT_EQ(counters.blocks, 0);
  // Handles, and lists of the pieces of maps.
  EXPECT_LT(counters.largest_other_bytes, 64 << 10);
  EXPECT_LT(counters.other_bytes, 256 << 10);

  const std::int64_t most = counters.most_bytes - before;
  const std::int64_t least = stats.needed_bytes;
  EXPECT_GT(most, least);  // else one of the two is counted wrong
  EXPECT_LT(static_cast<double>(most), 1.2 * static_cast<double>(least))
      << most << " bytes held, of which " << least << " cannot be done without";
}

/// A run of what a robot keeps: an Executor, whose network is let go, and one scan.
void expect_near_the_least(const std::string& name, DType dtype) {
  internal::cpu::release_kept_memory();
  const std::int64_t before = counters.held_bytes;
  Voxels scan;
  {
    test::Scan made = test::make_scan(12000, 32, 4, 73);
    scan.coordinates = std::move(made.coordinates);
    scan.features = std::move(made.features);
  }
  Executor executor = [&] {
    return Executor(make_network(name, 4, 20), {.dtype = dtype, .threads = 1});
  }();
  for (int i = 0; i < 3; ++i) executor.run(scan);
  counters.blocks = 0;
  counters.most_bytes = counters.held_bytes.load();
  const RunStats stats = executor.run(scan).stats;
  EXPECT_EQ(counters.blocks, 0) << name;
  const std::int64_t most = counters.most_bytes - before;
  EXPECT_GT(most, stats.needed_bytes) << name;
  EXPECT_LT(static_cast<double>(most), 1.2 * static_cast<double>(stats.needed_bytes))
      << name << " in " << gavotte::name(dtype) << ": " << most << " bytes held";
  EXPECT_GE(stats.peak_bytes + stats.weight_bytes, stats.needed_bytes) << name;
  EXPECT_LE(stats.peak_bytes + stats.weight_bytes, most) << name;
}

TEST(Memory, OfTheBuiltInNetworksIsNearTheLeast) {
  for (const char* name : {"sparse_resnet21d", "sparse_res_unet42"}) {
    expect_near_the_least(name, DType::float32);
    // Elsewhere products are of float32 copies, weights included.
    if (internal::cpu::product_dtype(DType::bfloat16, 16, 16) == DType::bfloat16)
      expect_near_the_least(name, DType::bfloat16);
  }
}

// Against a count of its own, of maps without what mirrored offsets share.
TEST(Memory, NeededBytesAreThoseOfInputFeaturesWeightsAndMaps) {
  const Network network = unet();
  const test::Scan scan = test::make_scan(3000, 24, 4, 74);
  Executor executor(network, {.map_config = {.symmetric = false}});
  const RunStats stats = executor.run(scan.coordinates, scan.features).stats;
  std::int64_t identities = 0;  // a pair for each row of a submanifold map
  const internal::Plan plan = internal::make_plan(network);
  for (std::size_t m = 0; m < plan.maps.size(); ++m)
    for (std::size_t i = 0; i < plan.steps.size(); ++i)
      if (plan.steps[i].map == static_cast<int>(m) &&
          stats.layers[i].kernel.find("submanifold") != std::string::npos) {
        identities += stats.layers[i].out_voxels;
        break;
      }
  // least_bytes counts the input's coordinates twice. The way up has the map of the way down, batch norms are two vectors, not four, and no bias is there.
  std::int64_t shared = 0, folded = 0;
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (stats.layers[i].name.starts_with("up")) shared += stats.layers[i].pairs;
  for (const auto& [name, tensor] : network.parameters())
    if (name.find(".bn") != std::string::npos) folded += tensor.view().bytes() / 2;
  EXPECT_EQ(stats.needed_bytes, least_bytes(network, scan, stats) - (identities + shared) * 8 -
                                    folded - stats.voxels * 16);
}

// What a suspended run keeps is what it would hold anyway.
TEST(Memory, OfRunsThatAreCutIsThatOfWholeOnes) {
  Voxels scan;
  {
    test::Scan made = test::make_scan(12000, 32, 4, 75);
    scan.coordinates = std::move(made.coordinates);
    scan.features = std::move(made.features);
  }
  Executor executor(unet(), {.threads = 1});
  for (int i = 0; i < 3; ++i) executor.run(scan);
  counters.most_bytes = counters.held_bytes.load();
  const std::int64_t arena = executor.run(scan).stats.arena_bytes;
  const std::int64_t whole = counters.most_bytes;
  EvictionFlag counted;
  counted.set_after(kManyBoundaries);
  executor.run(scan, {.evict = &counted});
  const std::int64_t all = kManyBoundaries - counted.boundaries_left();
  for (int part = 0; part < 8; ++part) {
    const std::int64_t boundaries = all * part / 8;
    run_cut(executor, scan, boundaries);
    counters.blocks = counters.largest_other_bytes = counters.other_bytes = 0;
    counters.most_bytes = counters.held_bytes.load();
    EXPECT_EQ(run_cut(executor, scan, boundaries).arena_bytes, arena) << boundaries;
    EXPECT_EQ(counters.blocks, 0) << boundaries;
    EXPECT_LT(counters.largest_other_bytes, 64 << 10) << boundaries;
    EXPECT_LE(counters.most_bytes, whole + (256 << 10)) << boundaries;
  }
}

// A block that nobody asks for goes back, so that one large scan does not cost its memory for ever.
TEST(Memory, OfALargeScanGoesBackInTime) {
  const std::int64_t before = counters.held_bytes;
  constexpr std::int64_t kLarge = 64 << 20;
  { Tensor large(DType::uint8, Shape{kLarge}); }
  EXPECT_GE(counters.held_bytes - before, kLarge);  // kept at first
  for (int i = 0; i < 5000; ++i) Tensor(DType::uint8, Shape{8192});
  EXPECT_LT(counters.held_bytes - before, kLarge / 2);
  counters.blocks = 0;
  for (int i = 0; i < 5000; ++i) Tensor(DType::uint8, Shape{8192});
  EXPECT_EQ(counters.blocks, 0);
}

}  // namespace
}  // namespace gavotte
