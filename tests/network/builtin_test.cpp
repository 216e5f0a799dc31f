// The built-in networks have the layers that their definitions count.
#include <gtest/gtest.h>

#include <set>

#include "executor/plan.h"
#include "network/expect_error.h"

namespace gavotte {
namespace {

struct Counts {
  int convolutions = 0, pointwise = 0, linear = 0, batch_norms = 0;
  std::set<std::string> maps;  ///< A map and the one of its inverse layer count once.
};

/// Maps by stride level: a submanifold map of each level and kernel, a strided map between two levels.
Counts count(const Network& network) {
  Counts counts;
  std::map<std::string, int> level;
  for (const Layer& layer : network.layers()) {
    int at = layer.inputs.empty() ? 0 : level[layer.inputs[0]];
    counts.linear += layer.op == LayerOp::linear;
    counts.batch_norms += layer.op == LayerOp::batch_norm;
    if (layer.op == LayerOp::convolution) {
      if (layer.spec.kernel_volume(3) == 1) {
        ++counts.pointwise;
      } else {
        ++counts.convolutions;
        const bool up = layer.spec.kind == ConvKind::inverse;
        const bool down = layer.spec.kind == ConvKind::strided;
        counts.maps.insert(layer.spec.kernel_size.to_string() + (up || down ? "strided" : "same") +
                           std::to_string(up ? at - 1 : at));
        at += down ? 1 : up ? -1 : 0;
      }
    }
    level[layer.name] = at;
  }
  return counts;
}

TEST(BuiltinNetworks, ResNet21Has21ConvolutionsAnd8Maps) {
  const Network network = sparse_resnet21d(4, 10);
  const Counts counts = count(network);
  EXPECT_EQ(counts.convolutions, 21);
  EXPECT_EQ(counts.pointwise, 0);
  EXPECT_EQ(counts.batch_norms, 21);
  EXPECT_EQ(counts.linear, 1);
  EXPECT_EQ(counts.maps.size(), 8u);
  EXPECT_EQ(internal::make_plan(network).maps.size(), 8u);
  EXPECT_EQ(internal::make_plan(network).steps.size(), 22u);  // all else is fused
  EXPECT_EQ(network.output_channels(), 10);
  EXPECT_EQ(network.channels("head.relu"), 128);
}

TEST(BuiltinNetworks, ResUNet42Has42ConvolutionsAnd7ShortcutsAnd9Maps) {
  const Network network = sparse_res_unet42(4, 20);
  const Counts counts = count(network);
  EXPECT_EQ(counts.convolutions, 42);
  EXPECT_EQ(counts.pointwise, 7);
  EXPECT_EQ(counts.batch_norms, 49);
  EXPECT_EQ(counts.linear, 1);
  EXPECT_EQ(counts.maps.size(), 9u);
  EXPECT_EQ(internal::make_plan(network).steps.size(), 42u + 7u + 4u + 1u);  // 4 concatenations
  EXPECT_EQ(network.parameter("decoder1.block1.1.conv.weight").shape(), (Shape{27, 384, 256}));
  EXPECT_EQ(network.parameter("decoder4.block1.shortcut.conv.weight").shape(), (Shape{1, 128, 96}));
  EXPECT_EQ(network.output_channels(), 20);
}

TEST(BuiltinNetworks, AreMadeByName) {
  ASSERT_EQ(builtin_networks().size(), 2u);
  for (std::string_view name : builtin_networks())
    EXPECT_EQ(make_network(name, 4, 3).metadata().name, name);
  test::expect_error("built-in network", [] { make_network("resnet", 4, 3); });
}

}  // namespace
}  // namespace gavotte
