// Minuet's dataflow on the emulated GPU, with device memory that the host cannot touch, against the
// definition in double; the same memory for the other convolutions of their own tests.
#include "cuda/minuet.h"

#include <gtest/gtest.h>

#include "convolution/reference.h"
#include "cuda/convolution.h"
#include "cuda/cublas.h"
#include "cuda/gemm_lanes.h"
#include "cuda/implicit_gemm.h"
#include "cuda/memory.h"
#include "cuda_cases.h"
#include "emulated_device.h"
#include "guarded_cuda.h"
#include "network/expect_error.h"

namespace gavotte::internal::cuda {
namespace {

namespace ref = gavotte::testing;
using test::expect_error;
using testing_cuda::kCuda;

const bool served = (testing_cuda::serve_guarded_cuda(), true);
const Execution kGpu{.device = kCuda};
constexpr DType kDTypes[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16};

struct Layer {
  std::int64_t in, out;
  int groups;
};

KernelMap on_device(const KernelMap& map) {
  const MapData& host = *map.data();
  auto data = std::make_shared<MapData>();
  data->offsets = host.offsets;
  data->in_rows = host.in_rows;
  data->out_rows = host.out_rows;
  data->pairs = host.pairs;
  data->identity_offset = host.identity_offset;
  data->sorted_by_out = true;
  data->lists = {host.lists.begin.to(kCuda), Tensor::copy_to(kCuda, map.pair_in()),
                 Tensor::copy_to(kCuda, map.pair_out())};
  data->by_in = {host.by_in.begin.to(kCuda), host.by_in.in.to(kCuda), host.by_in.out.to(kCuda)};
  data->table = Tensor::copy_to(kCuda, map.table());
  return KernelMap(std::move(data));
}

/// Inputs on the device, and what they are.
struct Case {
  const ref::ReferenceMap& map;
  Layer layer;
  DType dtype;
  ref::Values x, w, grad_y;
  Tensor device_x, device_w, device_grad_y;
  ConvPlan plan;

  Case(const ref::ReferenceMap& map, Layer layer, DType dtype, unsigned seed,
       const ConvConfig& config = {})
      : map(map), layer(layer), dtype(dtype) {
    std::mt19937 random(seed);
    x = ref::random_values(random, dtype, {map.in_rows, layer.in});
    w = ref::random_values(random, dtype, {map.offsets, layer.in / layer.groups, layer.out});
    grad_y = ref::random_values(random, dtype, {map.out_rows, layer.out});
    device_x = x.tensor.to(kCuda);
    device_w = w.tensor.to(kCuda);
    device_grad_y = grad_y.tensor.to(kCuda);
    plan = {on_device(map.map), layer.in, layer.out, layer.groups, config};
  }

  Tensor run(const Epilogue& epilogue = {}) const {
    Tensor y(kGpu, dtype, {map.out_rows, layer.out});
    minuet_forward(kGpu, plan, device_x, device_w, epilogue, y);
    return y.to(Device::cpu());
  }

  void expect_close(const Tensor& given, const ref::Expected& expected) const {
    const auto values = ref::to_doubles(given);
    ASSERT_EQ(values.size(), expected.value.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(values[i], expected.value[i],
                  ref::tolerance(dtype, expected.terms, expected.magnitude[i], expected.value[i]))
          << "element " << i;
  }
  ref::Expected expected() const {
    return ref::forward(map, layer.in, layer.out, layer.groups, x.exact, w.exact);
  }
};

TEST(Minuet, EqualsTheDefinition) {
  std::mt19937 random(1);
  const auto submanifold = ref::submanifold_map(random, 130, 7, 3);
  const auto strided = ref::strided_map(random, 120, 30, 8, 2);
  const auto pointwise = ref::submanifold_map(random, 50, 5, 1);
  for (const auto* map : {&submanifold, &strided, &pointwise}) {
    for (const Layer& layer : {Layer{1, 1, 1}, Layer{7, 9, 1}, Layer{16, 24, 1}, Layer{32, 24, 4},
                               Layer{6, 6, 6}, Layer{5, 15, 5}}) {
      for (const DType dtype : kDTypes) {
        SCOPED_TRACE(std::to_string(layer.in) + " -> " + std::to_string(layer.out));
        const Case test(*map, layer, dtype, 7);
        test.expect_close(test.run(), test.expected());
      }
    }
  }
}

TEST(Minuet, EveryGroupingEqualsTheDefinition) {
  std::mt19937 random(2);
  const auto map = ref::submanifold_map(random, 150, 8, 3);
  for (const GroupingPolicy policy :
       {GroupingPolicy::exact, GroupingPolicy::greedy, GroupingPolicy::none}) {
    for (const float threshold : {0.0F, 0.25F, 8.0F}) {
      ConvConfig config;
      config.grouping = policy;
      config.padding_threshold = threshold;
      const Case test(map, {12, 20, 2}, DType::float32, 8, config);
      test.expect_close(test.run(), test.expected());
    }
  }
}

TEST(Minuet, FinishesRowsWithTheEpilogue) {
  std::mt19937 random(3);
  const auto map = ref::strided_map(random, 90, 30, 8, 2);
  const Case test(map, {8, 12, 1}, DType::float32, 9);
  const auto scale = ref::random_values(random, DType::float32, {12});
  const auto shift = ref::random_values(random, DType::float32, {12});
  const auto residual = ref::random_values(random, DType::float32, {30, 12});
  const Tensor on_device[] = {scale.tensor.to(kCuda), shift.tensor.to(kCuda),
                              residual.tensor.to(kCuda)};
  Epilogue epilogue{on_device[0].view(), on_device[1].view(), on_device[2].view(),
                    Activation::relu};
  const auto values = ref::to_doubles(test.run(epilogue));
  const auto sums = test.expected();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = std::max(
        scale.exact[i % 12] * sums.value[i] + shift.exact[i % 12] + residual.exact[i], 0.0);
    ASSERT_NEAR(values[i], expected,
                ref::tolerance(DType::float32, sums.terms, sums.magnitude[i] + 3, expected, 6));
  }
}

TEST(Minuet, EmptyMapsWriteZeros) {
  const auto no_rows = ref::make_reference(27, 0, 0, 13, {});
  const auto no_pairs = ref::make_reference(27, 5, 3, -1, {});
  for (const auto* map : {&no_rows, &no_pairs}) {
    const Case test(*map, {4, 6, 1}, DType::float16, 10);
    test.expect_close(test.run(), test.expected());
  }
}

TEST(Minuet, WaitsOnceAndGivesTheSameBits) {
  std::mt19937 random(4);
  const auto map = ref::submanifold_map(random, 100, 7, 3);
  const Case test(map, {16, 16, 1}, DType::float32, 11);
  const std::int64_t waits = synchronizations();
  Tensor y(kGpu, DType::float32, {100, 16});
  const auto names = testing_cuda::launches_of(
      [&] { minuet_forward(kGpu, test.plan, test.device_x, test.device_w, {}, y); });
  EXPECT_EQ(synchronizations(), waits + 1);
  EXPECT_EQ(names, (std::vector<std::string>{"gather_slots_f32_4", "move_rows_16", "mark_places",
                                             "sum_places_f32_4"}));
  const Tensor first = test.run();
  ref::for_each_schedule([&] { EXPECT_TRUE(ref::same_bits(first, test.run())); });
}

TEST(Minuet, SaysWhyThereIsNoCublas) {
  expect_error("dataflow minuet needs cuBLAS, which does not load", [] {
    load_cublas({"libgavotte_has_no_such.so.1", "libgavotte_nor_this.so.2"});
  });
  expect_error("libgavotte_nor_this.so.2", [] {
    load_cublas({"libgavotte_has_no_such.so.1", "libgavotte_nor_this.so.2"});
  });
  expect_error("libm.so.6 has no function cublasCreate_v2", [] { load_cublas({"libm.so.6"}); });
}

TEST(Minuet, SizesThatCublasDoesNotTakeAreAnError) {
  GemmLanes lanes(kGpu);
  const BatchedGemm gemm{.dtype = DType::float32,
                         .rows = std::int64_t{1} << 31,
                         .columns = 1,
                         .depth = 1,
                         .count = 1,
                         .lda = 1,
                         .ldb = 1,
                         .ldc = 1};
  expect_error("cuBLAS takes sizes below 2^31", [&] { lanes.multiply(gemm); });
}

TEST(GuardedMemory, TheHostDoesNotReadItInImplicitGemm) {
  std::mt19937 random(5);
  const auto map = ref::submanifold_map(random, 60, 6, 3);
  for (const Layer& layer : {Layer{12, 20, 1}, Layer{6, 6, 6}}) {
    const Case test(map, layer, DType::float32, 12);
    Tensor y(kGpu, DType::float32, {60, layer.out});
    implicit_gemm_forward(kGpu, test.plan, test.device_x, test.device_w, {}, y);
    test.expect_close(y.to(Device::cpu()), test.expected());
  }
}

TEST(GuardedMemory, TheHostDoesNotReadItInGradients) {
  std::mt19937 random(6);
  const auto map = ref::submanifold_map(random, 60, 6, 3);
  for (const Layer& layer : {Layer{12, 20, 1}, Layer{6, 6, 6}}) {
    const Case test(map, layer, DType::float32, 13);
    Tensor grad_w(kGpu, DType::float32, {27, layer.in / layer.groups, layer.out});
    cuda::convolution_wgrad(kGpu, test.plan, test.device_x, test.device_grad_y, grad_w);
    test.expect_close(grad_w.to(Device::cpu()), ref::wgrad(map, layer.in, layer.out, layer.groups,
                                                           test.x.exact, test.grad_y.exact));
    Tensor sums(kGpu, DType::float32, {layer.out});
    cuda::column_sum(kGpu, test.device_grad_y, sums);
    ref::Expected expected(layer.out);
    for (std::size_t i = 0; i < test.grad_y.exact.size(); ++i)
      expected.add(static_cast<std::int64_t>(i) % layer.out, test.grad_y.exact[i]);
    expected.terms = 60;
    test.expect_close(sums.to(Device::cpu()), expected);
  }
}

}  // namespace
}  // namespace gavotte::internal::cuda
