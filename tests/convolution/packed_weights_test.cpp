// Weights packed once for many calls give the bits of those that are packed in the call.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "cpu/convolution.h"
#include "reference.h"

namespace gavotte::internal {
namespace {

namespace ref = gavotte::testing;

struct Layer {
  std::int64_t in, out;
  int groups;
};

ConvPlan plan_of(const Layer& layer, Dataflow dataflow) {
  ConvPlan plan{{}, layer.in, layer.out, layer.groups};
  plan.config.dataflow = dataflow;
  return plan;
}

Tensor forward(const ConvPlan& plan, const ref::Values& x, ConstTensorView weights, int threads) {
  Tensor y(x.tensor.dtype(), {plan.map.out_rows(), plan.out_channels});
  cpu::convolution_forward({.threads = threads}, plan, x.tensor, weights, {}, y);
  return y;
}

TEST(PackedWeights, GiveTheSameBitsWithoutTheWeights) {
  std::mt19937 random(1);
  const auto submanifold = ref::submanifold_map(random, 200, 8, 3);
  const auto strided = ref::strided_map(random, 200, 40, 8, 2);
  for (const auto* map : {&submanifold, &strided}) {
    for (const Layer& layer :
         {Layer{4, 16, 1}, Layer{17, 5, 1}, Layer{6, 9, 3}, Layer{70, 80, 2}}) {
      for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16}) {
        const auto x = ref::random_values(random, dtype, {map->in_rows, layer.in});
        const auto w =
            ref::random_values(random, dtype, {map->offsets, layer.in / layer.groups, layer.out});
        ConvPlan plan = plan_of(layer, Dataflow::automatic);
        const auto packed = cpu::pack_weights({.threads = 2}, plan, w.tensor);
        ASSERT_NE(packed, nullptr);
        EXPECT_GE(packed->bytes(), w.tensor.view().bytes());
        plan.map = map->map;
        const Tensor expected = forward(plan, x, w.tensor, 1);
        plan.packed = packed.get();
        ConstTensorView nothing = w.tensor;
        nothing.data = nullptr;
        for (const int threads : {1, 2, 3}) {
          const Tensor y = forward(plan, x, nothing, threads);
          EXPECT_EQ(
              std::memcmp(y.data(), expected.data(), static_cast<std::size_t>(y.view().bytes())), 0)
              << layer.in << " -> " << layer.out << ", " << name(dtype);
        }
      }
    }
  }
}

TEST(PackedWeights, AreNoneWhereACallReadsTheWeightsThemselves) {
  const auto packs = [](const Layer& layer, std::int64_t offsets, Dataflow dataflow) {
    const auto w = Tensor::zeros(DType::float32, {offsets, layer.in / layer.groups, layer.out});
    return cpu::pack_weights({}, plan_of(layer, dataflow), w.view()) != nullptr;
  };
  EXPECT_TRUE(packs({8, 8, 1}, 27, Dataflow::tile_indirect));
  EXPECT_FALSE(packs({8, 8, 1}, 27, Dataflow::gather_gemm_scatter));
  EXPECT_FALSE(packs({8, 8, 8}, 27, Dataflow::automatic));
  EXPECT_FALSE(packs({8, 8, 1}, 1, Dataflow::automatic));
}

}  // namespace
}  // namespace gavotte::internal
