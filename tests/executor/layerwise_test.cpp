// The Executor against the same network evaluated layer by layer through the public interface, nothing fused.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "executor/scene.h"
#include "gavotte/executor.h"
#include "gavotte/sparse_ops.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

/// One layer after the other in float64.
SparseTensor evaluate(const Network& network, const test::Scan& scan) {
  const auto parameter = [&](const std::string& name) {
    return convert(network.parameter(name), DType::float64);
  };
  std::map<std::string, SparseTensor> outputs;
  for (const Layer& layer : network.layers()) {
    const auto input = [&](std::size_t i) -> const SparseTensor& {
      return outputs.at(layer.inputs[i]);
    };
    SparseTensor y;
    switch (layer.op) {
      case LayerOp::input:
        y = SparseTensor(scan.coordinates, convert(scan.features, DType::float64));
        break;
      case LayerOp::convolution: {
        Tensor bias;
        if (layer.bias) bias = parameter(layer.name + ".bias");
        y = convolution(input(0), parameter(layer.name + ".weight"), layer.spec,
                        {.bias = std::as_const(bias).view()});
        break;
      }
      case LayerOp::linear: {
        const Tensor matrix = parameter(layer.name + ".weight");
        const Shape shape{1, matrix.shape()[0], matrix.shape()[1]};
        Tensor bias;
        if (layer.bias) bias = parameter(layer.name + ".bias");
        y = convolution(input(0), ConstTensorView(matrix.data(), DType::float64, shape),
                        ConvSpec::submanifold(1), {.bias = std::as_const(bias).view()});
        break;
      }
      case LayerOp::batch_norm: {
        Tensor features = input(0).features().clone();
        const Tensor weight = parameter(layer.name + ".weight"),
                     bias = parameter(layer.name + ".bias");
        const Tensor mean = parameter(layer.name + ".running_mean"),
                     variance = parameter(layer.name + ".running_var");
        const auto channels = static_cast<std::size_t>(features.shape()[1]);
        auto values = features.span<double>();
        for (std::size_t i = 0; i < values.size(); ++i) {
          const std::size_t c = i % channels;
          values[i] = (values[i] - mean.span<double>()[c]) /
                          std::sqrt(variance.span<double>()[c] + layer.epsilon) *
                          weight.span<double>()[c] +
                      bias.span<double>()[c];
        }
        y = input(0).with_features(features);
        break;
      }
      case LayerOp::activation: {
        Tensor features = input(0).features().clone();
        for (double& v : features.span<double>()) {
          if (layer.activation == Activation::sigmoid)
            v = 1 / (1 + std::exp(-v));
          else if (v < 0)
            v *= layer.activation == Activation::relu ? 0 : layer.negative_slope;
        }
        y = input(0).with_features(features);
        break;
      }
      case LayerOp::add:
        y = combine(input(0), input(1), BinaryOp::add);
        break;
      case LayerOp::concatenate: {
        std::vector<SparseTensor> parts;
        for (std::size_t i = 0; i < layer.inputs.size(); ++i) parts.push_back(input(i));
        y = concatenate(parts);
        break;
      }
      case LayerOp::pool:
        y = pool(input(0), layer.spec, layer.pool_mode);
        break;
      case LayerOp::global_pool:
        throw std::logic_error("not in these networks");
    }
    outputs.emplace(layer.name, y);
  }
  return outputs.at(network.output());
}

/// Largest difference relative to the largest value.
double difference(const Result& result, const SparseTensor& expected) {
  EXPECT_EQ(result.features.shape, expected.features().shape());
  const Tensor got = convert(result.features, DType::float64);
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < got.span<double>().size(); ++i) {
    largest = std::max(largest, std::abs(expected.features().span<double>()[i]));
    worst =
        std::max(worst, std::abs(expected.features().span<double>()[i] - got.span<double>()[i]));
    EXPECT_TRUE(std::isfinite(got.span<double>()[i]));
  }
  return worst / largest;
}

struct Precision {
  DType dtype;
  double tolerance;  ///< Roundings of one dtype through a dozen to fifty layers.
};
constexpr Precision kPrecisions[] = {{DType::float64, 1e-12},
                                     {DType::float32, 2e-5},
                                     {DType::float16, 2e-2},
                                     {DType::bfloat16, 1.5e-1}};

TEST(Executor, EqualsTheLayersOneByOne) {
  const Network network = test::small_network();
  const test::Scan scan = test::make_scan(600, 12, 3, 21, {0, 2});
  const SparseTensor expected = evaluate(network, scan);
  for (const Precision& precision : kPrecisions) {
    Executor executor(network, {.dtype = precision.dtype});
    EXPECT_LT(difference(executor.run(scan.coordinates, scan.features), expected),
              precision.tolerance)
        << name(precision.dtype);
  }
}

TEST(Executor, EqualsTheLayersOneByOneForBuiltinNetworks) {
  for (std::string_view name : builtin_networks()) {
    const Network network = make_network(name, 3, 4, 2);
    const test::Scan scan = test::make_scan(800, 16, 3, 22);
    const SparseTensor expected = evaluate(network, scan);
    Executor exact(network, {.dtype = DType::float64});
    EXPECT_LT(difference(exact.run(scan.coordinates, scan.features), expected), 1e-11) << name;
    Executor executor(network);
    EXPECT_LT(difference(executor.run(scan.coordinates, scan.features), expected), 1e-4) << name;
  }
}

TEST(Executor, EqualsTheLayersOneByOneForGroupsLayoutsAndRules) {
  NetworkBuilder net(3, 5);
  ConvSpec grouped = ConvSpec::submanifold({3, 1, 3});
  grouped.groups = 2;
  grouped.weight_layout = WeightLayout::oki;
  grouped.offset_order = OffsetOrder::first_axis_fastest;
  ConvSpec down = ConvSpec::strided(3, 2);
  down.rule = CoordinateRule::floor;
  ConvSpec up = ConvSpec::transposed(3, 2);
  up.rule = CoordinateRule::floor;
  const std::string a = net.convolution("a", net.input(4), 6, grouped, true);
  const std::string b =
      net.activation("b.act", net.convolution("b", a, 5, down), Activation::sigmoid);
  const std::string c = net.batch_norm("c.bn", net.convolution("c", b, 6, up));
  const Network network = net.build(net.activation("out", net.add("sum", a, c)));
  const test::Scan scan = test::make_scan(500, 12, 4, 23);
  Executor executor(network, {.dtype = DType::float64});
  EXPECT_LT(difference(executor.run(scan.coordinates, scan.features), evaluate(network, scan)),
            1e-12);
}

}  // namespace
}  // namespace gavotte
