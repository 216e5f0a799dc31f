// The graph's checks, through NetworkBuilder.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::expect_error;

TEST(NetworkBuilder, KnowsChannelsAndParameters) {
  const Network network = test::small_network();
  EXPECT_EQ(network.input_channels(), 3);
  EXPECT_EQ(network.output_channels(), 5);
  EXPECT_EQ(network.channels("coarse"), 14);
  EXPECT_EQ(network.parameter("stem.weight").shape(), (Shape{27, 3, 6}));
  EXPECT_EQ(network.parameter("classifier.weight").shape(), (Shape{10, 5}));
  EXPECT_EQ(network.parameter("joined.bn.running_var").shape(), (Shape{10}));
  EXPECT_EQ(network.parameters().count("stem.bias"), 0u);
  expect_error("has no parameter 'stem.bias'", [&] { network.parameter("stem.bias"); });
  EXPECT_NE(network.to_string().find("classifier"), std::string::npos);
}

TEST(NetworkBuilder, TakesParametersByName) {
  NetworkBuilder net = test::small_builder();
  net.set_parameter("classifier.bias", Tensor::zeros(DType::float32, Shape{5}));
  EXPECT_EQ(net.build("classifier").parameter("classifier.bias").span<float>()[4], 0.0F);
  net.set_parameter("classifier.bias", Tensor::zeros(DType::float32, Shape{4}));
  expect_error("expected shape [5], got [4]", [&] { net.build("classifier"); });
}

TEST(NetworkBuilder, RefusesUnusedParameters) {
  NetworkBuilder net = test::small_builder();
  net.set_parameter("stray", Tensor::zeros(DType::float32, Shape{1}));
  expect_error("'stray' belongs to no layer", [&] { net.build("classifier"); });
}

TEST(NetworkBuilder, RefusesIntegerParameters) {
  NetworkBuilder net = test::small_builder();
  net.set_parameter("classifier.bias", Tensor::zeros(DType::int32, Shape{5}));
  expect_error("floating-point dtype", [&] { net.build("classifier"); });
}

TEST(NetworkBuilder, RefusesNegativeVariance) {
  NetworkBuilder net = test::small_builder();
  const std::vector<float> variance = {1, 1, -1, 1, 1, 1};
  net.set_parameter("stem.bn.running_var", Tensor::from<float>(variance, Shape{6}));
  expect_error("variances of at least 0", [&] { net.build("classifier"); });
}

struct BadLayer {
  const char* says;
  Layer layer;
};

TEST(NetworkBuilder, NamesTheLayerAndTheReason) {
  ConvSpec grouped = ConvSpec::submanifold(3);
  grouped.groups = 4;
  ConvSpec wide = ConvSpec::submanifold(2);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<BadLayer> cases = {
      {"two layers are named 'stem'",
       {.name = "stem", .op = LayerOp::linear, .inputs = {"input"}, .channels = 1}},
      {"characters", {.name = "a b", .op = LayerOp::linear, .inputs = {"input"}, .channels = 1}},
      {"is no earlier layer",
       {.name = "x", .op = LayerOp::linear, .inputs = {"nowhere"}, .channels = 1}},
      {"is no earlier layer", {.name = "x", .op = LayerOp::linear, .inputs = {"x"}, .channels = 1}},
      {"expected 1 inputs, got 2",
       {.name = "x", .op = LayerOp::linear, .inputs = {"stem", "stem"}, .channels = 1}},
      {"expected 2 inputs, got 1", {.name = "x", .op = LayerOp::add, .inputs = {"stem"}}},
      {"one input", {.name = "x", .op = LayerOp::input, .channels = 1}},
      {"channels, got 0", {.name = "x", .op = LayerOp::linear, .inputs = {"stem"}}},
      {"6 and 8 channels", {.name = "x", .op = LayerOp::add, .inputs = {"a", "up8"}}},
      {"different coordinate sets",
       {.name = "x", .op = LayerOp::concatenate, .inputs = {"stem", "down"}}},
      {"'channels' has no meaning",
       {.name = "x", .op = LayerOp::batch_norm, .inputs = {"stem"}, .channels = 6}},
      {"'bias' has no meaning",
       {.name = "x", .op = LayerOp::batch_norm, .inputs = {"stem"}, .bias = true}},
      {"'negative_slope' has no meaning",
       {.name = "x",
        .op = LayerOp::activation,
        .inputs = {"stem"},
        .activation = Activation::relu,
        .negative_slope = 0.5}},
      {"epsilon", {.name = "x", .op = LayerOp::batch_norm, .inputs = {"stem"}, .epsilon = nan}},
      {"epsilon", {.name = "x", .op = LayerOp::batch_norm, .inputs = {"stem"}, .epsilon = 0.0}},
      {"expected an activation", {.name = "x", .op = LayerOp::activation, .inputs = {"stem"}}},
      {"groups must divide",
       {.name = "x",
        .op = LayerOp::convolution,
        .inputs = {"stem"},
        .spec = grouped,
        .channels = 8}},
      {"odd sizes",
       {.name = "x", .op = LayerOp::convolution, .inputs = {"stem"}, .spec = wide, .channels = 8}},
      {"was not made by a strided layer",
       {.name = "x",
        .op = LayerOp::convolution,
        .inputs = {"stem"},
        .spec = ConvSpec::inverse(2, 2),
        .channels = 8}},
      {"groups and weight_layout",
       {.name = "x", .op = LayerOp::pool, .inputs = {"stem"}, .spec = grouped}},
      {"average_volume",
       {.name = "x",
        .op = LayerOp::global_pool,
        .inputs = {"stem"},
        .pool_mode = PoolMode::average_volume}},
  };
  for (const BadLayer& bad : cases) {
    NetworkBuilder net = test::small_builder();
    net.linear("up8", "residual", 8);
    net.append(bad.layer);
    expect_error(bad.says, [&] { net.build("classifier"); });
  }
}

TEST(NetworkBuilder, RefusesConvolutionAfterGlobalPool) {
  NetworkBuilder net;
  const std::string pooled = net.global_pool("pool", net.input(4), PoolMode::max);
  net.convolution("conv", pooled, 4, ConvSpec::submanifold(3));
  expect_error("comes after a global pool", [&] { net.build("conv"); });
}

TEST(NetworkBuilder, RefusesAnUnknownOutput) {
  NetworkBuilder net = test::small_builder();
  expect_error("is no layer", [&] { net.build("nothing"); });
}

TEST(NetworkBuilder, WantsOneClassNameForEachChannel) {
  NetworkBuilder net = test::small_builder();
  net.set_metadata({.name = "n", .voxel_size_m = {}, .features = {}, .classes = {"only one"}});
  expect_error("class name for each", [&] { net.build("classifier"); });
}

TEST(Network, RefusesWhatNeedsLayersWhenEmpty) {
  const Network empty;
  expect_error("empty", [&] { empty.input_channels(); });
  expect_error("empty", [&] { empty.to_bytes(); });
}

}  // namespace
}  // namespace gavotte
