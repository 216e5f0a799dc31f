// Int8 convolutions against plain integer loops: sums are exact, so results are equal bit for bit
// on every target and for any number of threads.
#include "cpu/byte_convolution.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "expect.h"
#include "reference.h"
#include "simd_targets.h"

namespace gavotte::internal {
namespace {

namespace ref = gavotte::testing;
using ref::expect_same_bits;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

Tensor random_weights(std::mt19937& random, Shape shape) {
  Tensor weights(DType::int8, shape);
  std::uniform_int_distribution<int> value(-127, 127);
  for (std::int8_t& weight : weights.span<std::int8_t>())
    weight = static_cast<std::int8_t>(value(random));
  return weights;
}

Tensor random_floats(std::mt19937& random, Shape shape, float lowest = -1) {
  Tensor values(DType::float32, shape);
  std::uniform_real_distribution<float> value(lowest, 1);
  for (float& each : values.span<float>()) each = value(random);
  return values;
}

// As ByteScale says.
std::uint8_t byte_of(float value, const ByteScale& scale) {
  const float scaled = value * (1.0F / scale.scale);
  if (std::isnan(scaled)) return scale.zero;
  const float byte = std::nearbyint(std::max(-1000.0F, std::min(1000.0F, scaled))) +
                     static_cast<float>(scale.zero);
  return static_cast<std::uint8_t>(std::max(0.0F, std::min(255.0F, byte)));
}

struct Layer {
  const ref::ReferenceMap& map;
  std::int64_t in, out;
  int groups = 1;
  Tensor weights, scale, shift;
  Tensor residual;
  Activation activation = Activation::relu;
  ConvConfig config;

  Layer(std::mt19937& random, const ref::ReferenceMap& map, std::int64_t in, std::int64_t out,
        int groups = 1)
      : map(map),
        in(in),
        out(out),
        groups(groups),
        weights(random_weights(random, {map.offsets, in / groups, out})),
        scale(random_floats(random, {out})),
        shift(random_floats(random, {out})),
        residual(random_floats(random, {map.out_rows, out})) {}

  Epilogue epilogue() const {
    Epilogue all;
    all.scale = scale.view();
    all.shift = shift.view();
    all.residual = residual.view();
    all.activation = activation;
    return all;
  }

  void run(const ByteInput& input, Tensor* y, Tensor* bytes, ByteScale out_scale,
           int threads = 1) const {
    ConvPlan plan{map.map, in, out, groups, config};
    const auto packed = cpu::pack_byte_weights({.threads = threads}, plan, weights.view());
    plan.packed = packed.get();
    ByteOutput output;
    output.y.dtype = DType::float32;
    if (y != nullptr) output.y = y->view();
    if (bytes != nullptr) output.bytes = bytes->view();
    output.scale = out_scale;
    cpu::byte_convolution({.threads = threads}, plan, input, epilogue(), output);
  }

  // The sum of one output, row scales apart: of the bytes' values as integers.
  std::vector<std::int64_t> sums(const Tensor& bytes, int zero) const {
    std::vector<std::int64_t> all(at(map.out_rows * out));
    const auto* x = static_cast<const std::uint8_t*>(bytes.data());
    const auto* w = static_cast<const std::int8_t*>(weights.data());
    const std::int64_t in_group = in / groups, out_group = out / groups;
    for (const ref::Pair& pair : map.pairs)
      for (std::int64_t c = 0; c < out; ++c)
        for (std::int64_t i = 0; i < in_group; ++i)
          all[at(pair.out * out + c)] += (x[pair.in * in + c / out_group * in_group + i] - zero) *
                                         w[(pair.k * in_group + i) * out + c];
    return all;
  }

  float finished(float sum, std::int64_t row, std::int64_t c) const {
    const float value = sum * scale.span<float>()[at(c)] + shift.span<float>()[at(c)] +
                        residual.span<float>()[at(row * out + c)];
    return activation == Activation::relu && value < 0 ? 0.0F : value;
  }
};

Tensor bytes_of(const Tensor& x, const ByteScale& scale) {
  Tensor bytes(DType::uint8, x.shape());
  for (std::size_t i = 0; i < x.span<float>().size(); ++i)
    bytes.span<std::uint8_t>()[i] = byte_of(x.span<float>()[i], scale);
  return bytes;
}

void expect_definition(const Layer& layer, std::uint8_t zero) {
  SCOPED_TRACE(::testing::Message() << layer.in << " -> " << layer.out << ", groups "
                                    << layer.groups << ", zero " << int{zero});
  std::mt19937 random(5);
  const Tensor x = random_floats(random, {layer.map.in_rows, layer.in}, zero == 0 ? 0.0F : -1.0F);
  const ByteScale scale{1.0F / byte_range(zero), zero}, out_scale{0.05F, 128};
  const Tensor bytes = bytes_of(x, scale);
  const auto sums = layer.sums(bytes, zero);
  Tensor expected(DType::float32, {layer.map.out_rows, layer.out});
  for (std::int64_t row = 0; row < layer.map.out_rows; ++row)
    for (std::int64_t c = 0; c < layer.out; ++c)
      expected.span<float>()[at(row * layer.out + c)] =
          layer.finished(static_cast<float>(sums[at(row * layer.out + c)]) * scale.scale, row, c);
  const Tensor expected_bytes = bytes_of(expected, out_scale);

  Tensor y(DType::float32, expected.shape()), out_bytes(DType::uint8, expected.shape());
  layer.run({bytes, ActivationScales::static_tensor, scale}, &y, nullptr, {});
  expect_same_bits(y, expected);
  layer.run({x, ActivationScales::static_tensor, scale}, nullptr, &out_bytes, out_scale, 2);
  expect_same_bits(out_bytes, expected_bytes);
  for (const int threads : {1, 3, 8}) {
    Tensor both(DType::float32, expected.shape()), bytes_too(DType::uint8, expected.shape());
    layer.run({bytes, ActivationScales::static_tensor, scale}, &both, &bytes_too, out_scale,
              threads);
    expect_same_bits(both, expected);
    expect_same_bits(bytes_too, expected_bytes);
  }
}

TEST(ByteConvolution, EqualsIntegerLoopsOnEveryTarget) {
  std::mt19937 random(1);
  const auto map = ref::submanifold_map(random, 40, 5, 3);
  const auto one_row = ref::submanifold_map(random, 1, 3, 3);
  const auto strided = ref::strided_map(random, 60, 12, 6, 2);
  const auto pointwise = ref::submanifold_map(random, 30, 5, 1);
  test::for_each_target([&] {
    for (const std::int64_t channels : {1, 3, 4, 6, 16, 33, 64}) {
      expect_definition(Layer(random, map, channels, channels), 0);
      expect_definition(Layer(random, strided, channels, 21), 128);
      expect_definition(Layer(random, pointwise, channels, 5), 128);
    }
    expect_definition(Layer(random, map, 130, 100), 128);
    expect_definition(Layer(random, one_row, 17, 9), 0);
    expect_definition(Layer(random, map, 15, 10, 5), 128);
    for (const std::int64_t in : {4, 8, 16})  // panels that stay in registers
      expect_definition(Layer(random, map, in, 16), 128);
  });
}

TEST(ByteConvolution, EqualsIntegerLoopsWithAndWithoutMatrixTiles) {
  std::mt19937 random(6);
  const auto map = ref::submanifold_map(random, 300, 8, 3);
  const auto pointwise = ref::submanifold_map(random, 30, 5, 1);
  const auto expect_both = [](Layer layer, std::uint8_t zero) {
    for (const bool matrix_tiles : {true, false}) {
      layer.config.matrix_tiles = matrix_tiles;
      expect_definition(layer, zero);
    }
  };
  for (const auto& [in, out, groups] : {std::array{16, 64, 1}, std::array{64, 16, 1},
                                        std::array{130, 100, 1}, std::array{128, 64, 2}})
    for (const std::uint8_t zero : {std::uint8_t{0}, std::uint8_t{128}})
      expect_both(Layer(random, map, in, out, groups), zero);
  expect_both(Layer(random, pointwise, 64, 32), 128);
}

// One tile after another, in the key order of the map.
TEST(ByteConvolution, EqualsIntegerLoopsOverManyTiles) {
  std::mt19937 random(2);
  const auto map = ref::submanifold_map(random, 700, 14, 3);
  expect_definition(Layer(random, map, 8, 20), 0);
  expect_definition(Layer(random, map, 5, 3), 128);
  Layer small_tiles(random, map, 6, 5);  // several of them a task
  small_tiles.config.tile_rows = 16;
  expect_definition(small_tiles, 128);
}

// A solid cube, whose rows have about the same offsets, and rows of one pair each: matrix tiles keep the sums of groups of
// rows. Rows that share few offsets, in the corner of a sparse cube, go pair by pair.
TEST(ByteConvolution, EqualsIntegerLoopsInGroupsOfRows) {
  std::mt19937 random(7);
  const auto cube = ref::submanifold_map(random, 1728, 12, 3);
  const auto sparse = ref::submanifold_map(random, 300, 8, 3);
  const auto pointwise = ref::submanifold_map(random, 450, 8, 1);
  std::vector<ref::Pair> pairs;
  for (std::int32_t out = 0; out < 333; ++out)
    pairs.push_back(
        {static_cast<int>(random() % 8), static_cast<std::int32_t>(random() % 50), out});
  const auto one_each = ref::make_reference(8, 50, 333, -1, pairs);
  for (const std::uint8_t zero : {std::uint8_t{0}, std::uint8_t{128}}) {
    expect_definition(Layer(random, cube, 32, 48), zero);
    expect_definition(Layer(random, sparse, 40, 32), zero);
    for (const auto& [in, out] :
         {std::array{32, 32}, std::array{96, 96}, std::array{100, 64}, std::array{128, 112}}) {
      expect_definition(Layer(random, pointwise, in, out), zero);
      expect_definition(Layer(random, one_each, in, out), zero);
    }
  }
  Layer small_tiles(random, cube, 32, 32);
  small_tiles.config.tile_rows = 100;
  expect_definition(small_tiles, 128);
}

TEST(ByteConvolution, TakesScalesFromTheFeatures) {
  std::mt19937 random(3);
  const auto map = ref::submanifold_map(random, 300, 8, 3);
  Layer layer(random, map, 12, 7);
  for (const std::uint8_t zero : {std::uint8_t{0}, std::uint8_t{128}}) {
    Tensor x = random_floats(random, {300, 12}, zero == 0 ? 0.0F : -1.0F);
    const auto values = x.span<float>();
    for (std::size_t i = 12; i < 24; ++i) values[i] = 0;  // a row without a magnitude
    values[30] = std::numeric_limits<float>::quiet_NaN();
    float largest = 0;
    std::vector<float> scales(300);
    for (std::size_t row = 0; row < 300; ++row) {
      float of_row = 0;
      for (std::size_t i = 0; i < 12; ++i) {
        const float value = values[row * 12 + i];
        if (!std::isnan(value)) of_row = std::max(of_row, std::abs(value));
      }
      scales[row] = of_row > 0 ? of_row / byte_range(zero) : 1;
      largest = std::max(largest, of_row);
    }
    const ByteScale of_all{largest / byte_range(zero), zero};
    Tensor expected(DType::float32, {300, 7}), y(DType::float32, {300, 7});
    test::for_each_target([&] {
      layer.run({bytes_of(x, of_all), ActivationScales::static_tensor, of_all}, &expected, nullptr,
                {});
      layer.run({x, ActivationScales::dynamic_tensor, {99, zero}}, &y, nullptr, {}, 2);
      expect_same_bits(y, expected);

      // Each row with a scale of its own: the definition in double, each pair rounded in float32.
      std::vector<double> exact(300 * 7), magnitude(300 * 7);
      const auto* w = static_cast<const std::int8_t*>(layer.weights.data());
      for (const ref::Pair& pair : map.pairs)
        for (std::int64_t c = 0; c < 7; ++c) {
          std::int64_t sum = 0;
          for (std::int64_t i = 0; i < 12; ++i)
            sum += (byte_of(values[at(pair.in * 12 + i)], {scales[at(pair.in)], zero}) - zero) *
                   w[(pair.k * 12 + i) * 7 + c];
          const double term = static_cast<double>(sum) * static_cast<double>(scales[at(pair.in)]);
          exact[at(pair.out * 7 + c)] += term;
          magnitude[at(pair.out * 7 + c)] += std::abs(term);
        }
      layer.run({x, ActivationScales::dynamic_row, {99, zero}}, &y, nullptr, {}, 1);
      for (std::int64_t i = 0; i < 300 * 7; ++i) {
        const auto c = at(i % 7);
        const double scale = static_cast<double>(layer.scale.span<float>()[c]);
        const double value = exact[at(i)] * scale +
                             static_cast<double>(layer.shift.span<float>()[c]) +
                             static_cast<double>(layer.residual.span<float>()[at(i)]);
        // 27 products and 27 additions, three steps of the epilogue.
        const double bound = 60 * 0x1p-24 * (magnitude[at(i)] * std::abs(scale) + 4);
        ASSERT_NEAR(static_cast<double>(y.span<float>()[at(i)]), std::max(value, 0.0), bound);
      }
      Tensor other(DType::float32, {300, 7});
      layer.run({x, ActivationScales::dynamic_row, {99, zero}}, &other, nullptr, {}, 3);
      expect_same_bits(other, y);
    });
  }
}

TEST(ByteConvolution, OfNothingIsNothing) {
  std::mt19937 random(4);
  const auto empty = ref::make_reference(27, 0, 0, 13, {});
  const auto no_pairs = ref::make_reference(27, 5, 3, -1, {});
  expect_definition(Layer(random, empty, 3, 4), 0);
  expect_definition(Layer(random, no_pairs, 3, 4), 128);
}

TEST(ByteConvolution, RoundsEveryFloatAsSaid) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> some = {0,      -0.0F,  0.5F,   1.5F,      2.5F,       -0.5F,
                                   -1.5F,  1e30F,  -1e30F, kInfinity, -kInfinity, std::nanf(""),
                                   127.4F, 254.5F, 3,      -127.5F,   300};
  std::vector<float> values;
  for (int repeat = 0; repeat < 3; ++repeat)  // a pair of the widest vectors and more
    values.insert(values.end(), some.begin(), some.end());
  const Tensor x = Tensor::from<float>(values, {1, 51});
  test::for_each_target([&] {
    for (const std::uint8_t zero : {std::uint8_t{0}, std::uint8_t{128}}) {
      Tensor y(DType::uint8, {1, 54});
      for (std::uint8_t& byte : y.span<std::uint8_t>()) byte = 77;
      cpu::quantize({}, x, {1, zero}, 2, y);
      for (std::size_t i = 0; i < 54; ++i)
        EXPECT_EQ(int{y.span<std::uint8_t>()[i]},
                  i < 2 || i == 53 ? 77 : int{byte_of(values[i - 2], {1, zero})})
            << i;
    }
  });
}

}  // namespace
}  // namespace gavotte::internal
