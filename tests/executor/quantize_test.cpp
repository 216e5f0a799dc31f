// Networks made int8: what becomes int8, what it computes, and what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "executor/magnitudes.h"
#include "executor/scene.h"
#include "gavotte/convolution.h"
#include "gavotte/executor.h"
#include "gavotte/quantization.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using test::expect_error;

Voxels voxels_of(std::int64_t count, std::uint64_t seed, std::int64_t channels = 3) {
  const test::Scan scan = test::make_scan(count, 9, channels, seed);
  Voxels voxels;
  voxels.coordinates = scan.coordinates;
  voxels.features = scan.features;
  voxels.scan_starts = {0, 0};
  return voxels;
}

std::vector<float> output(const Network& network, const Voxels& scan,
                          ExecutorOptions options = {}) {
  Executor executor(network, std::move(options));
  const auto values = executor.run(scan).features.span<float>();
  return {values.begin(), values.end()};
}

QuantizeOptions with(ActivationScales scales) {
  QuantizeOptions options;
  options.scales = scales;
  return options;
}

const Layer& layer(const Network& network, const std::string& name) {
  for (const Layer& one : network.layers())
    if (one.name == name) return one;
  throw std::logic_error("no layer " + name);
}

TEST(Quantize, ChoosesLayersAndTheirScales) {
  const Network network = test::small_network();
  const std::vector<Voxels> scans = {voxels_of(200, 1), voxels_of(150, 2)};
  const Network quantized = quantize(network, scans);
  for (const char* name : {"stem", "classifier"}) EXPECT_FALSE(layer(quantized, name).quantization);
  for (const char* name : {"a", "down", "up"}) {
    const auto& quantization = layer(quantized, name).quantization;
    ASSERT_TRUE(quantization) << name;
    EXPECT_EQ(quantization->non_negative, std::string(name) != "up")
        << name << ": after ReLU, but for a part of what up reads";
    EXPECT_GT(quantization->input_scale, 0);
    EXPECT_EQ(quantized.parameter(std::string(name) + ".weight").dtype(), DType::int8);
  }
  QuantizeOptions options;
  options.ends = true;
  options.keep = {"down"};
  const Network ends = quantize(network, scans, options);
  EXPECT_FALSE(layer(ends, "down").quantization);
  EXPECT_FALSE(layer(ends, "stem").quantization->non_negative);
  EXPECT_FALSE(layer(ends, "classifier").quantization->non_negative) << "after leaky ReLU";
  // The same network for any number of threads; the given one stays as it was.
  for (const int threads : {1, 3}) {
    options.threads = threads;
    EXPECT_EQ(quantize(network, scans, options).to_bytes(), ends.to_bytes());
  }
  EXPECT_EQ(network.to_bytes(), test::small_network().to_bytes());
}

TEST(Quantize, WeightsAreOffByHalfAStepOfTheirChannel) {
  const Network network = test::small_network();
  const Network quantized = quantize(network, {}, with(ActivationScales::dynamic_row));
  const Tensor weights = network.parameter("down.weight");
  const Tensor bytes = quantized.parameter("down.weight");
  const Tensor scales = quantized.parameter("down.weight_scale");
  std::vector<int> largest(8, 0);
  for (std::size_t i = 0; i < weights.span<float>().size(); ++i) {
    const float scale = scales.span<float>()[i % 8];
    const int byte = bytes.span<std::int8_t>()[i];
    largest[i % 8] = std::max(largest[i % 8], std::abs(byte));
    EXPECT_LE(std::abs(static_cast<float>(byte) * scale - weights.span<float>()[i]),
              0.501F * scale);
  }
  for (const int most : largest) EXPECT_EQ(most, 127);
}

// Integers as floats: their products and sums are exact in float32, so the bits must be equal.
TEST(Quantize, AnInt8LayerIsTheConvolutionOfItsBytes) {
  NetworkBuilder net(3, 4);
  const std::string stem = net.activation(
      "relu", net.convolution("stem", net.input(3), 6, ConvSpec::submanifold(3), true));
  ConvSpec spec = ConvSpec::submanifold(3);
  spec.weight_layout = WeightLayout::oki;
  const std::string inner = net.convolution("inner", stem, 5, spec, true);
  const Network network = net.build(net.linear("head", inner, 4));
  const Voxels scan = voxels_of(150, 3);
  const Network quantized = quantize(network, std::vector<Voxels>{scan});

  std::vector<std::vector<float>> seen;
  ExecutorOptions options;
  options.observe = [&](int index, ConstTensorView features) {
    EXPECT_EQ(index, static_cast<int>(seen.size()));
    const auto values = features.span<float>();
    seen.emplace_back(values.begin(), values.end());
  };
  const std::vector<float> observed = output(quantized, scan, options);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(output(quantized, scan), observed) << "floats that nobody reads were left out";

  const auto scale = static_cast<float>(layer(quantized, "inner").quantization->input_scale);
  Tensor x(DType::float32, {scan.size(), 6});
  for (std::size_t i = 0; i < seen[0].size(); ++i)
    x.span<float>()[i] = std::min(255.0F, std::nearbyint(seen[0][i] * (1.0F / scale)));
  const Tensor bytes = quantized.parameter("inner.weight");
  Tensor weights(DType::float32, bytes.shape());
  for (std::size_t i = 0; i < bytes.span<std::int8_t>().size(); ++i)
    weights.span<float>()[i] = bytes.span<std::int8_t>()[i];
  const SparseTensor sums = convolution(SparseTensor(scan.coordinates, x), weights, spec);
  const Tensor weight_scale = quantized.parameter("inner.weight_scale");
  const Tensor bias = quantized.parameter("inner.bias");
  const auto values = sums.features().span<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(seen[1][i],
              values[i] * scale * weight_scale.span<float>()[i % 5] + bias.span<float>()[i % 5]);
}

TEST(Quantize, StaysCloseWithEveryKindOfScales) {
  const Network network = test::small_network();
  const std::vector<Voxels> scans = {voxels_of(300, 5)};
  for (const ActivationScales scales :
       {ActivationScales::static_tensor, ActivationScales::dynamic_tensor,
        ActivationScales::dynamic_row}) {
    SCOPED_TRACE(name(scales));
    const bool is_static = scales == ActivationScales::static_tensor;
    QuantizeOptions options = with(scales);
    options.ends = true;
    const Network quantized = quantize(network, is_static ? scans : std::vector<Voxels>{}, options);
    const QuantizationReport report = quantization_error(network, quantized, scans);
    EXPECT_GT(report.error, 0);
    EXPECT_LT(report.error, 0.03);
    EXPECT_EQ(report.voxels, scans[0].size());
    EXPECT_EQ(report.layers[0].kernel, "3x3x3 s1 submanifold int8");
    const std::vector<float> expected = output(quantized, scans[0], {.threads = 1});
    for (const int threads : {2, 3, 8})
      EXPECT_EQ(output(quantized, scans[0], {.threads = threads}), expected);
    // 16-bit features between the layers.
    for (const DType dtype : {DType::bfloat16, DType::float16})
      EXPECT_LT(quantization_error(network, quantized, scans, dtype).error, 0.04);
    // Nothing in, nothing out, and the Executor stays usable.
    Executor executor(quantized);
    EXPECT_EQ(executor.run(Voxels{}).features.rows(), 0);
    EXPECT_EQ(executor.run(voxels_of(1, 9)).features.rows(), 1);
  }
  EXPECT_EQ(quantization_error(network, network, scans).error, 0);
}

TEST(Quantize, FilesKeepEverything) {
  const Network quantized = quantize(test::small_network(), std::vector<Voxels>{voxels_of(100, 6)});
  const Network loaded = Network::from_bytes(quantized.to_bytes());
  EXPECT_EQ(loaded.to_bytes(), quantized.to_bytes());
  EXPECT_NE(loaded.graph_json().find("\"version\":2"), std::string::npos);
  EXPECT_NE(test::small_network().graph_json().find("\"version\":1"), std::string::npos);
  EXPECT_EQ(output(loaded, voxels_of(80, 7)), output(quantized, voxels_of(80, 7)));
}

TEST(Quantize, RefusesWhatHasNoMeaning) {
  const Network network = test::small_network();
  const std::vector<Voxels> scans = {voxels_of(50, 8)};
  const Network quantized = quantize(network, scans);
  expect_error("expect scans", [&] { quantize(network, {}); });
  expect_error("take none beforehand, got 1",
               [&] { quantize(network, scans, with(ActivationScales::dynamic_row)); });
  expect_error("without int8 layers; the layer 'a'", [&] { quantize(quantized, scans); });
  QuantizeOptions options;
  options.keep = {"b"};
  expect_error("no layer 'b'", [&] { quantize(network, scans, options); });
  options.keep = {"a", "down", "up"};
  expect_error("no layer that could", [&] { quantize(network, scans, options); });
  expect_error("features", [&] { quantize(network, std::vector<Voxels>{voxels_of(9, 1, 5)}); });
  expect_error("two networks of the same layers",
               [&] { quantization_error(network, make_network("sparse_resnet21d", 3, 5), scans); });
  expect_error("scans to compare", [&] { quantization_error(network, quantized, {}); });
  expect_error("got float64", [&] { Executor(quantized, {.dtype = DType::float64}); });
  expect_error("runs on the CPU; got the device cuda", [&] {
    Executor(quantized, {.device = {DeviceKind::cuda, 0}});
  });
  ExecutorOptions gathered;
  gathered.conv_config.dataflow = Dataflow::gather_gemm_scatter;
  expect_error("run as tile_indirect", [&] { Executor(quantized, gathered); });
}

TEST(Magnitudes, TheBestScaleCutsOffWhatIsRare) {
  internal::Magnitudes none;
  const float nothing[] = {0, -0.0F, std::nanf(""), std::numeric_limits<float>::infinity()};
  none.add(ConstTensorView(nothing, Shape{4}));
  EXPECT_EQ(none.best_scale(255), 1);

  std::vector<float> even(5000);
  for (std::size_t i = 0; i < even.size(); ++i)
    even[i] = static_cast<float>(i) / 5000 * (i % 2 == 0 ? 1 : -1);
  internal::Magnitudes magnitudes;
  magnitudes.add(ConstTensorView(even.data(), Shape{5000}));
  EXPECT_NEAR(magnitudes.best_scale(127) * 127, 1, 0.011);
  // One value far out moves the scale a little, not to its own size.
  const float far = 40;
  magnitudes.add(ConstTensorView(&far, Shape{1}));
  EXPECT_GT(magnitudes.best_scale(127) * 127, 1);
  EXPECT_LT(magnitudes.best_scale(127) * 127, 39);
}

}  // namespace
}  // namespace gavotte
