// Whole convolutions on the emulated GPU: the same launches for every map of the same sizes, no wait.
// Their results: tests/gpu/convolution_test.cpp.
#include <gtest/gtest.h>

#include "convolution/reference.h"
#include "cuda/memory.h"
#include "cuda/partial_rows.h"
#include "cuda/sum_products.h"
#include "cuda_cases.h"
#include "emulated_device.h"
#include "far_memory.h"
#include "gavotte/convolution.h"
#include "gpu/convolution_cases.h"
#include "guarded_cuda.h"

namespace gavotte {
namespace {

namespace ref = gavotte::testing;
using testing_cuda::kCuda;

const bool served = (testing_cuda::serve_guarded_cuda(), true);

using testing_gpu::Case;
using testing_gpu::kDTypes;

Execution on_device() { return testing_gpu::kOnCuda; }

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
