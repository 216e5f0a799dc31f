// What a network has to tune, and what is refused.
#include "problems.h"

#include <gtest/gtest.h>

#include <array>

#include "autotune/scripted.h"
#include "executor/plan.h"
#include "gavotte/executor.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte::internal {
namespace {

using test::expect_error;
using test::layer_problem;
using test::make_scan;
using test::voxels_of;

const Execution kExecution{.threads = 2};

Network repeated() {
  NetworkBuilder net(3, 1);
  std::string x = net.input(8);
  for (const char* name : {"a", "b", "c"})
    x = net.convolution(name, x, 8, ConvSpec::submanifold(3));
  x = net.convolution("wide", x, 16, ConvSpec::submanifold(3));
  return net.build(x);
}

TEST(Problems, LayersOfOneKindAreOneProblem) {
  Problems problems(kExecution);
  problems.add(repeated(), voxels_of(make_scan(300, 10, 8, 1)), DType::float32, {});
  ASSERT_EQ(problems.layers().size(), 2U);
  EXPECT_EQ(problems.layers()[0].layers, 3);
  EXPECT_EQ(problems.layers()[0].problem.name, "a");
  EXPECT_EQ(problems.layers()[1].layers, 1);
  EXPECT_EQ(problems.layers()[1].problem.kind.to_string(),
            "3x3x3 s1 submanifold 8->16 float32 forward threads 2");
  EXPECT_EQ(problems.maps().size(), 1U);
}

TEST(Problems, SizesApart) {
  Problems problems(kExecution);
  problems.add(repeated(), voxels_of(make_scan(400, 10, 8, 1)), DType::float32, {});
  problems.add(repeated(), voxels_of(make_scan(410, 10, 8, 2)), DType::float32, {});
  EXPECT_EQ(problems.layers().size(), 2U);
  EXPECT_EQ(problems.layers()[0].layers, 6);
  problems.add(repeated(), voxels_of(make_scan(3000, 20, 8, 1)), DType::float32, {});
  EXPECT_EQ(problems.layers().size(), 4U);
  EXPECT_EQ(problems.maps().size(), 2U);
}

TEST(Problems, DirectionsApart) {
  constexpr std::array kAll = {Direction::forward, Direction::dgrad, Direction::wgrad};
  Problems problems(kExecution);
  problems.add(repeated(), voxels_of(make_scan(300, 10, 8, 1)), DType::bfloat16, kAll);
  ASSERT_EQ(problems.layers().size(), 6U);
  EXPECT_EQ(problems.layers()[2].problem.kind.direction, Direction::wgrad);
  EXPECT_EQ(problems.layers()[2].problem.kind.dtype, DType::bfloat16);
}

// What a run looks for is what is tuned.
TEST(Problems, AreNamedAsARunNamesThem) {
  const Network network = test::small_network();
  const test::Scan scan = make_scan(600, 12, 3, 41);
  Problems problems(kExecution);
  problems.add(network, voxels_of(scan), DType::float32, {});
  DeviceConfig config(DeviceIdentity::of(Device::cpu()));
  for (const LayerItem& item : problems.layers())
    config.put(TunedLayer{
        item.problem.kind, item.problem.map.out_rows(), item.problem.map.pairs(), {}, {}});
  ExecutorOptions options;
  options.threads = 2;
  options.config = config;
  Executor executor(network, options);
  int multiplied = 0;
  for (const LayerStats& layer : executor.run(scan.coordinates, scan.features).stats.layers) {
    if (layer.gflop <= 0) continue;
    ++multiplied;
    EXPECT_EQ(layer.config_source, ConfigSource::exact) << layer.name;
  }
  int counted = 0;
  for (const LayerItem& item : problems.layers()) counted += item.layers;
  EXPECT_EQ(multiplied, counted);
}

TEST(Problems, Int8LayersHaveAForwardPassAlone) {
  const Network network =
      quantize(repeated(), {}, {.scales = ActivationScales::dynamic_tensor, .ends = true});
  constexpr std::array kAll = {Direction::forward, Direction::wgrad};
  Problems problems(kExecution);
  problems.add(network, voxels_of(make_scan(300, 10, 8, 1)), DType::float32, kAll);
  for (const LayerItem& item : problems.layers()) {
    EXPECT_EQ(item.problem.kind.dtype, DType::int8);
    EXPECT_EQ(item.problem.kind.direction, Direction::forward);
  }
}

TEST(Problems, WhatIsRefusedChangesNothing) {
  Problems problems(kExecution);
  const Voxels scan = voxels_of(make_scan(300, 10, 8, 1));
  const auto refused = [&](const char* what, auto&& call) {
    expect_error(what, call);
    EXPECT_TRUE(problems.layers().empty());
    EXPECT_TRUE(problems.maps().empty());
  };
  refused("features [", [&] {
    problems.add(repeated(), voxels_of(make_scan(300, 10, 3, 1)), DType::float32, {});
  });
  refused("with voxels", [&] { problems.add(repeated(), Voxels{}, DType::float32, {}); });
  refused("floating-point", [&] { problems.add(repeated(), scan, DType::int8, {}); });
  const LayerProblem right = layer_problem(8, 8, kExecution);
  const auto with = [&](auto&& change) {
    LayerProblem wrong = right;
    change(wrong);
    return wrong;
  };
  refused("27 offsets",
          [&] { problems.add(with([](LayerProblem& p) { p.kind.kernel = "2x2x2 s2 strided"; })); });
  refused("groups", [&] { problems.add(with([](LayerProblem& p) { p.kind.groups = 3; })); });
  refused("channels", [&] { problems.add(with([](LayerProblem& p) { p.kind.in_channels = 0; })); });
  refused("2 threads", [&] { problems.add(with([](LayerProblem& p) { p.kind.threads = 5; })); });
  refused("int8",
          [&] { problems.add(with([](LayerProblem& p) { p.kind.dtype = DType::int32; })); });
  refused("forward", [&] {
    problems.add(with([](LayerProblem& p) {
      p.kind.dtype = DType::int8;
      p.kind.direction = Direction::dgrad;
    }));
  });
  refused("map", [&] { problems.add(with([](LayerProblem& p) { p.map = {}; })); });
  const Coordinates set(scan.coordinates.view());
  refused("name of its kernel", [&] {
    problems.add(MapProblem{{"5x5x5 s1 submanifold", 2}, set, ConvSpec::submanifold(3)});
  });
  refused("submanifold or strided", [&] {
    problems.add(MapProblem{{"2x2x2 s2 inverse", 2}, set, ConvSpec::inverse(2, 2)});
  });
  refused("coordinate set", [&] {
    problems.add(MapProblem{{"3x3x3 s1 submanifold", 2}, {}, ConvSpec::submanifold(3)});
  });
}

}  // namespace
}  // namespace gavotte::internal
