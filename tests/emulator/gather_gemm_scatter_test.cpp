// Whole convolutions on the emulated GPU whose memory the host cannot touch: the CPU's results, the
// same launches for every map of the same sizes, no wait.
#include <gtest/gtest.h>

#include "convolution/reference.h"
#include "cuda/memory.h"
#include "cuda/partial_rows.h"
#include "cuda/sum_products.h"
#include "cuda_cases.h"
#include "emulated_device.h"
#include "far_memory.h"
#include "gavotte/convolution.h"
#include "guarded_cuda.h"

namespace gavotte {
namespace {

namespace ref = gavotte::testing;
using testing_cuda::kCuda;

const bool served = (testing_cuda::serve_guarded_cuda(), true);

constexpr DType kDTypes[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16};

Execution on_device() {
  Execution execution;
  execution.device = kCuda;
  return execution;
}

KernelMap to_device(const KernelMap& map) {
  auto data = std::make_shared<internal::MapData>();
  const internal::MapData& from = *map.data();
  data->offsets = from.offsets;
  data->in_rows = from.in_rows;
  data->out_rows = from.out_rows;
  data->pairs = from.pairs;
  data->identity_offset = from.identity_offset;
  const auto copy = [](const internal::PairLists& lists) {
    return internal::PairLists{lists.begin.to(kCuda), lists.in.to(kCuda), lists.out.to(kCuda)};
  };
  data->by_out = copy(from.by_out);
  data->by_in = copy(from.by_in);
  return KernelMap(std::move(data), map.is_transposed());
}

struct Case {
  ref::ReferenceMap map;
  KernelMap device_map;
  std::int64_t in, out;
  int groups;
  ref::Values x, w, grad_y;

  Case(ref::ReferenceMap reference, std::int64_t in, std::int64_t out, int groups, DType dtype,
       unsigned seed)
      : map(std::move(reference)),
        device_map(to_device(map.map)),
        in(in),
        out(out),
        groups(groups) {
    std::mt19937 random(seed);
    x = ref::random_values(random, dtype, {map.in_rows, in});
    w = ref::random_values(random, dtype, {map.offsets, in / groups, out});
    grad_y = ref::random_values(random, dtype, {map.out_rows, out});
  }
  Tensor forward(const ConvConfig& config = {}) const {
    return convolution(x.tensor.to(kCuda), w.tensor.to(kCuda), device_map, groups, {}, config,
                       on_device());
  }
  Tensor dgrad(const ConvConfig& config = {}) const {
    return convolution_dgrad(grad_y.tensor.to(kCuda), w.tensor.to(kCuda), device_map, groups,
                             config, on_device());
  }
};

void expect_close(const Tensor& on_gpu, const ref::Expected& expected, double relative = 0) {
  const Tensor actual = on_gpu.to(Device::cpu());
  const auto values = ref::to_doubles(actual);
  ASSERT_EQ(values.size(), expected.value.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(
        values[i], expected.value[i],
        ref::tolerance(actual.dtype(), expected.terms, expected.magnitude[i], expected.value[i]) +
            relative * expected.magnitude[i])
        << "element " << i;
}

TEST(GatherGemmScatter, GuardedMemoryGivesTheDefinition) {
  std::mt19937 random(1);
  const auto submanifold = ref::submanifold_map(random, 150, 7, 3);
  const auto strided = ref::strided_map(random, 200, 40, 8, 3);
  for (const auto& map : {submanifold, strided}) {
    for (const DType dtype : kDTypes) {
      for (const auto& [in, out, groups] :
           {std::tuple{16, 24, 1}, std::tuple{5, 7, 1}, std::tuple{8, 8, 8}, std::tuple{6, 12, 6},
            std::tuple{12, 8, 4}}) {
        const Case test(map, in, out, groups, dtype, 2);
        expect_close(test.forward(),
                     ref::forward(test.map, in, out, groups, test.x.exact, test.w.exact));
        expect_close(test.dgrad(),
                     ref::dgrad(test.map, in, out, groups, test.grad_y.exact, test.w.exact));
      }
    }
  }
}

TEST(GatherGemmScatter, Tf32RoundsFactorsOnlyWhereItIsAllowed) {
  std::mt19937 random(3);
  const Case test(ref::submanifold_map(random, 150, 7, 3), 20, 24, 1, DType::float32, 4);
  const auto expected = ref::forward(test.map, 20, 24, 1, test.x.exact, test.w.exact);
  ConvConfig config;
  config.allow_tf32 = true;
  // Each factor is off by 2^-11 of itself at most.
  expect_close(test.forward(config), expected, 0x1p-10 + 0x1p-22);
  expect_close(test.forward(), expected);
  EXPECT_FALSE(
      ref::same_bits(test.forward(config).to(Device::cpu()), test.forward().to(Device::cpu())));
  const Case doubles(test.map, 20, 24, 1, DType::float64, 4);
  EXPECT_TRUE(ref::same_bits(doubles.forward(config).to(Device::cpu()),
                             doubles.forward().to(Device::cpu())));
}

/// Maps of the same sizes: every output row of one has `pairs / rows` inputs, in the other the first
/// offsets have them all.
std::vector<ref::ReferenceMap> maps_of_equal_sizes() {
  std::vector<ref::Pair> even, uneven;
  for (std::int32_t row = 0; row < 60; ++row)
    for (int i = 0; i < 4; ++i) even.push_back({(row + 2 * i) % 8, (row * 7 + i) % 60, row});
  for (std::int32_t row = 0; row < 60; ++row)
    for (int i = 0; i < 4; ++i) uneven.push_back({i, (row * 11 + i) % 60, row});
  return {ref::make_reference(8, 60, 60, -1, even), ref::make_reference(8, 60, 60, -1, uneven)};
}

TEST(GatherGemmScatter, LaunchesFollowFromSizesAloneAndNothingWaits) {
  struct Recorder final : internal::cuda::LaunchListener {
    void on_launch(const internal::cuda::Launch& launch) override {
      launches.push_back(std::string(launch.name) + " " + std::to_string(launch.shape.blocks) +
                         " " + std::to_string(launch.shape.shared_bytes));
    }
    std::vector<std::string> launches;
  };
  for (const DType dtype : kDTypes) {
    for (const int groups : {1, 8}) {
      std::vector<std::vector<std::string>> launches;
      for (const ref::ReferenceMap& map : maps_of_equal_sizes()) {
        const Case test(map, 8, 16, groups, dtype, 5);
        const Tensor x = test.x.tensor.to(kCuda), w = test.w.tensor.to(kCuda),
                     grad_y = test.grad_y.tensor.to(kCuda);
        const std::int64_t waits = internal::cuda::synchronizations();
        Recorder recorder;
        internal::cuda::set_launch_listener(&recorder);
        convolution(x, w, test.device_map, groups, {}, {}, on_device());
        convolution_dgrad(grad_y, w, test.device_map, groups, {}, on_device());
        internal::cuda::set_launch_listener(nullptr);
        EXPECT_EQ(internal::cuda::synchronizations(), waits);
        launches.push_back(recorder.launches);
      }
      EXPECT_EQ(launches[0], launches[1]);
      EXPECT_GE(launches[0].size(), 6U);
    }
  }
}

TEST(GatherGemmScatter, EmptyAndTinySizes) {
  for (const DType dtype : kDTypes) {
    const auto check = [&](const ref::ReferenceMap& map, std::int64_t in, std::int64_t out) {
      const Case test(map, in, out, 1, dtype, 8);
      expect_close(test.forward(), ref::forward(map, in, out, 1, test.x.exact, test.w.exact));
      expect_close(test.dgrad(), ref::dgrad(map, in, out, 1, test.grad_y.exact, test.w.exact));
    };
    check(ref::make_reference(27, 0, 0, 13, {}), 3, 4);
    check(ref::make_reference(27, 5, 3, -1, {}), 3, 4);
    check(ref::make_reference(27, 1, 1, 13, {{13, 0, 0}}), 1, 1);
    check(ref::make_reference(1, 4, 4, -1, {{0, 3, 0}}), 1, 3);
    check(ref::make_reference(3, 4, 4, -1, {{2, 3, 0}}), 0, 3);
    check(ref::make_reference(3, 4, 4, -1, {{2, 3, 0}}), 3, 0);
  }
}

TEST(SumProducts, RowsPastTwoToThe31Elements) {
  emulator::options().guard_device_memory = false;  // memory of the test's own
  constexpr std::int64_t kChannels = 16, kFirst = 400'000'000;
  ref::FarMemory<float> products((kFirst + 5) * kChannels);
  for (std::int64_t row = 0; row < 5; ++row)
    for (std::int64_t c = 0; c < kChannels; ++c)
      products[(kFirst + row) * kChannels + c] = static_cast<float>(10 * row + c);
  const std::int64_t begin[] = {kFirst, kFirst + 2, kFirst + 2, kFirst + 5};
  Tensor y = ref::unwritten(DType::float32, {3, kChannels});
  internal::cuda::launch_sum_products(on_device(), {begin, nullptr, 1}, products.data(), 0, {}, y);
  for (std::size_t c = 0; c < kChannels; ++c) {
    EXPECT_EQ(y.span<float>()[c], static_cast<float>(10 + 2 * c));
    EXPECT_EQ(y.span<float>()[16 + c], 0.0F);
    EXPECT_EQ(y.span<float>()[32 + c], static_cast<float>(90 + 3 * c));
  }
  emulator::options().guard_device_memory = true;
}

}  // namespace
}  // namespace gavotte
