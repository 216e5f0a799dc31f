// Layers of all kinds, drawn at random, on maps that the library made of rows in any order, against the definition in double and
// on other numbers of threads. `--gtest_random_seed=N` draws others.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <vector>

#include "cpu/byte_convolution.h"
#include "cpu/convolution.h"
#include "expect.h"
#include "function_ref.h"
#include "gavotte/coordinate_manager.h"
#include "reference.h"

namespace gavotte::internal {
namespace {

namespace ref = gavotte::testing;
using ref::expect_close;
using ref::expect_same_bits;

constexpr std::int64_t kMostProducts =
    1'000'000;  // of a layer, which the definition takes one by one

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}
  std::mt19937& generator() { return random_; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[below(static_cast<std::int64_t>(values.size()))];
  }
  std::int64_t below(std::int64_t end) { return static_cast<std::int64_t>(random_()) % end; }
  bool once_in(std::int64_t turns) { return below(turns) == 0; }

 private:
  std::mt19937 random_;
};

// Voxels of a box, in key order or shuffled.
Coordinates draw_voxels(Draw& draw) {
  const auto extent = draw.one_of<std::int64_t>({2, 5, 9, 14});
  const std::int64_t batches = draw.one_of({1, 1, 3});
  const std::int64_t all = batches * extent * extent * extent;
  const std::int64_t rows = std::min<std::int64_t>(all, draw.one_of({1, 3, 17, 64, 250, 700}));
  std::set<std::array<std::int32_t, 4>> distinct;
  while (static_cast<std::int64_t>(distinct.size()) < rows) {
    std::array<std::int32_t, 4> voxel{static_cast<std::int32_t>(draw.below(batches))};
    for (std::size_t axis = 1; axis < 4; ++axis)
      voxel[axis] = static_cast<std::int32_t>(draw.below(extent) - extent / 2);
    distinct.insert(voxel);
  }
  std::vector<std::array<std::int32_t, 4>> voxels(distinct.begin(), distinct.end());
  if (draw.once_in(2)) std::shuffle(voxels.begin(), voxels.end(), draw.generator());
  std::vector<std::int32_t> values;
  for (const auto& voxel : voxels) values.insert(values.end(), voxel.begin(), voxel.end());
  return Coordinates(Tensor::from<std::int32_t>(values, {rows, 4}).view());
}

ref::ReferenceMap draw_map(Draw& draw) {
  const ConvSpec spec =
      draw.one_of({ConvSpec::submanifold(1), ConvSpec::submanifold(3), ConvSpec::submanifold(3),
                   ConvSpec::strided(2, 2), ConvSpec::strided(3, 2), ConvSpec::strided(1, 2)});
  CoordinateManager manager;
  KernelMap map = manager.kernel_map(draw_voxels(draw), spec).map;
  if (draw.once_in(3)) map = map.transposed();
  return ref::reference_of(map);
}

ConvPlan draw_plan(Draw& draw, const KernelMap& map) {
  const auto channels = [&] {
    return draw.one_of<std::int64_t>({1,  3,  4,  8,  15, 16,  17,  20,  24,  31,  32,  33,
                                      40, 48, 64, 65, 96, 100, 128, 130, 160, 200, 256, 320});
  };
  ConvPlan plan{map, channels(), channels(), 1, {}};
  const std::int64_t most = kMostProducts / std::max<std::int64_t>(map.pairs(), 1);
  while (plan.in_channels * plan.out_channels > most)
    (plan.in_channels > plan.out_channels ? plan.in_channels : plan.out_channels) /= 2;
  if (draw.once_in(5)) {
    plan.groups = draw.one_of({2, 3, 8});
    plan.in_channels = std::max<std::int64_t>(plan.in_channels / plan.groups, 1) * plan.groups;
    plan.out_channels = std::max<std::int64_t>(plan.out_channels / plan.groups, 1) * plan.groups;
  }
  plan.config.dataflow = draw.one_of({Dataflow::automatic, Dataflow::automatic,
                                      Dataflow::tile_indirect, Dataflow::gather_gemm_scatter});
  if (map.is_identity() && draw.once_in(3)) plan.config.dataflow = Dataflow::dense_gemm;
  plan.config.tile_rows = draw.one_of({0, 0, 1, 37, 64, 300});
  plan.config.gather_channel_tile = plan.config.scatter_channel_tile = draw.one_of({0, 0, 7});
  plan.config.grouping =
      draw.one_of({GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none});
  plan.config.wgrad_chunk_pairs = draw.one_of({8192, 100});
  plan.config.matrix_tiles = !draw.once_in(3);
  return plan;
}

// An epilogue, and what becomes of a sum by it.
struct DrawnEpilogue {
  ref::Values scale, shift, residual;
  Epilogue epilogue;

  DrawnEpilogue(Draw& draw, DType dtype, std::int64_t rows, std::int64_t channels) {
    const DType vectors = dtype == DType::float64 ? dtype : DType::float32;
    if (draw.once_in(2)) {
      scale = ref::random_values(draw.generator(), vectors, {channels});
      epilogue.scale = scale.tensor;
    }
    if (draw.once_in(2)) {
      shift = ref::random_values(draw.generator(), vectors, {channels});
      epilogue.shift = shift.tensor;
    }
    if (draw.once_in(2)) {
      residual = ref::random_values(draw.generator(), dtype, {rows, channels});
      epilogue.residual = residual.tensor;
    }
    epilogue.activation = draw.one_of({Activation::none, Activation::relu, Activation::leaky_relu});
    epilogue.negative_slope = 0.125F;
  }

  void apply(ref::Expected& y) const {
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      double &value = y.value[i], &magnitude = y.magnitude[i];
      if (!scale.exact.empty()) {
        value *= scale.exact[i % scale.exact.size()];
        magnitude *= std::abs(scale.exact[i % scale.exact.size()]);
      }
      for (const ref::Values* added : {&shift, &residual}) {
        if (added->exact.empty()) continue;
        value += added->exact[i % added->exact.size()];
        magnitude += std::abs(added->exact[i % added->exact.size()]);
      }
      if (epilogue.activation == Activation::relu) value = std::max(value, 0.0);
      if (epilogue.activation == Activation::leaky_relu && value < 0) value *= 0.125;
    }
    y.terms += 3;
  }
};

std::string describe(const ConvPlan& plan, DType dtype) {
  std::ostringstream text;
  text << plan.map.in_rows() << " -> " << plan.map.out_rows() << " rows, " << plan.map.offsets()
       << " offsets, " << plan.map.pairs() << " pairs, " << plan.in_channels << " -> "
       << plan.out_channels << " channels, groups " << plan.groups << ", " << name(dtype) << ", "
       << plan.config.to_string();
  return text.str();
}

void expect_definition(Draw& draw) {
  const ref::ReferenceMap map = draw_map(draw);
  ConvPlan plan = draw_plan(draw, map.map);
  const std::int64_t in = plan.in_channels, out = plan.out_channels;
  const DType dtype = draw.one_of({DType::float32, DType::float32, DType::bfloat16, DType::bfloat16,
                                   DType::float16, DType::float64});
  SCOPED_TRACE(describe(plan, dtype));
  const auto x = ref::random_values(draw.generator(), dtype, {map.in_rows, in});
  const auto w = ref::random_values(draw.generator(), dtype, {map.offsets, in / plan.groups, out});
  const auto grad_y = ref::random_values(draw.generator(), dtype, {map.out_rows, out});
  const DrawnEpilogue epilogue(draw, dtype, map.out_rows, out);
  std::unique_ptr<const PackedWeights> packed;
  if (draw.once_in(2)) packed = cpu::pack_weights({.threads = 1}, plan, w.tensor);
  ref::Expected expected = ref::forward(map, in, out, plan.groups, x.exact, w.exact);
  epilogue.apply(expected);

  Tensor y, grad_x, grad_w;
  for (const int threads : {draw.one_of({1, 2}), draw.one_of({2, 3, 8})}) {
    Tensor next_y(dtype, {map.out_rows, out}), next_x(dtype, {map.in_rows, in}),
        next_w(dtype, {map.offsets, in / plan.groups, out});
    plan.packed = packed.get();
    cpu::convolution_forward({.threads = threads}, plan, x.tensor, w.tensor, epilogue.epilogue,
                             next_y);
    plan.packed = nullptr;
    cpu::convolution_dgrad({.threads = threads}, plan, grad_y.tensor, w.tensor, next_x);
    cpu::convolution_wgrad({.threads = threads}, plan, x.tensor, grad_y.tensor, next_w);
    if (y) {
      expect_same_bits(next_y, y);
      expect_same_bits(next_x, grad_x);
      expect_same_bits(next_w, grad_w);
    }
    y = next_y, grad_x = next_x, grad_w = next_w;
  }
  expect_close(y, expected);
  expect_close(grad_x, ref::dgrad(map, in, out, plan.groups, grad_y.exact, w.exact));
  expect_close(grad_w, ref::wgrad(map, in, out, plan.groups, x.exact, grad_y.exact));
}

// Sums of bytes, which are exact.
void expect_integers(Draw& draw) {
  const ref::ReferenceMap map = draw_map(draw);
  ConvPlan plan = draw_plan(draw, map.map);
  const std::int64_t in = plan.in_channels, out = plan.out_channels;
  SCOPED_TRACE(describe(plan, DType::uint8));
  const ByteScale scale{0.0625F, draw.one_of<std::uint8_t>({0, 128})};
  Tensor x(DType::uint8, {map.in_rows, in}), w(DType::int8, {map.offsets, in / plan.groups, out});
  std::vector<double> x_values, w_values;
  for (std::uint8_t& value : x.span<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(draw.below(256));
    x_values.push_back(int{value} - int{scale.zero});
  }
  for (std::int8_t& value : w.span<std::int8_t>()) {
    value = static_cast<std::int8_t>(draw.below(255) - 127);
    w_values.push_back(value);
  }
  const ref::Expected sums = ref::forward(map, in, out, plan.groups, x_values, w_values);
  const auto packed = cpu::pack_byte_weights({.threads = 1}, plan, w.view());
  plan.packed = packed.get();
  for (const int threads : {draw.one_of({1, 2}), draw.one_of({2, 3, 8})}) {
    Tensor y(DType::float32, {map.out_rows, out});
    cpu::byte_convolution({.threads = threads}, plan,
                          {x.view(), ActivationScales::static_tensor, scale}, {},
                          {y.view(), {}, {}});
    for (std::size_t i = 0; i < sums.value.size(); ++i)
      ASSERT_EQ(y.span<float>()[i], static_cast<float>(sums.value[i]) * scale.scale) << i;
  }
}

void expect_of_layers(FunctionRef<void(Draw&)> expect) {
  const auto seed = static_cast<unsigned>(GTEST_FLAG_GET(random_seed));
  for (unsigned layer = 0; layer < 100; ++layer) {
    SCOPED_TRACE(::testing::Message() << "layer " << layer << " of seed " << seed);
    Draw draw(1000 * seed + layer);
    expect(draw);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(RandomLayers, EqualTheDefinitionOnAnyThreads) { expect_of_layers(&expect_definition); }

TEST(RandomLayers, OfBytesEqualIntegers) { expect_of_layers(&expect_integers); }

}  // namespace
}  // namespace gavotte::internal
