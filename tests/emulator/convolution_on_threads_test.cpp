// Forward passes and gradients by gather_gemm_scatter and dense_gemm in every order of blocks, and
// with a std::thread for each CUDA thread, small: what ThreadSanitizer looks at.
#include <gtest/gtest.h>

#include "convolution/reference.h"
#include "cuda/convolution.h"
#include "emulated_device.h"

namespace gavotte::internal::cuda {
namespace {

namespace ref = gavotte::testing;

struct Kind {
  DType dtype;
  bool tf32;
};
constexpr Kind kKinds[] = {{DType::float32, false},
                           {DType::float64, false},
                           {DType::float16, false},
                           {DType::bfloat16, false},
                           {DType::float32, true}};

class ConvolutionOnThreads : public ::testing::Test {
 protected:
  ref::EmulatedDevice device;

  /// The same bits in every schedule.
  void check(const ref::ReferenceMap& map, std::int64_t in, std::int64_t out, int groups) {
    for (const Kind& kind : kKinds) {
      std::mt19937 random(1);
      const auto x = ref::random_values(random, kind.dtype, {map.in_rows, in});
      const auto w = ref::random_values(random, kind.dtype, {map.offsets, in / groups, out});
      const auto grad_y = ref::random_values(random, kind.dtype, {map.out_rows, out});
      ConvPlan plan{map.map, in, out, groups};
      plan.config.allow_tf32 = kind.tf32;
      Tensor first_y, first_grad_x;
      ref::for_each_schedule([&] {
        Tensor y = ref::unwritten(kind.dtype, {map.out_rows, out});
        Tensor grad_x = ref::unwritten(kind.dtype, {map.in_rows, in});
        convolution_forward(device.execution, plan, x.tensor, w.tensor, {}, y);
        convolution_dgrad(device.execution, plan, grad_y.tensor, w.tensor, grad_x);
        if (!first_y) {
          first_y = y.clone();
          first_grad_x = grad_x.clone();
        }
        EXPECT_TRUE(ref::same_bits(first_y, y)) << name(kind.dtype);
        EXPECT_TRUE(ref::same_bits(first_grad_x, grad_x)) << name(kind.dtype);
      });
    }
  }
};

const std::vector<ref::Pair> kPairs = {{0, 1, 0}, {0, 2, 1}, {0, 5, 4}, {1, 0, 0},
                                       {1, 4, 1}, {1, 5, 2}, {2, 3, 0}, {2, 4, 4}};

TEST_F(ConvolutionOnThreads, Pairs) { check(ref::make_reference(3, 6, 5, -1, kPairs), 36, 12, 1); }

TEST_F(ConvolutionOnThreads, DepthwisePairs) {
  check(ref::make_reference(3, 6, 5, -1, kPairs), 12, 12, 12);
}

TEST_F(ConvolutionOnThreads, Rows) {
  check(ref::make_reference(1, 3, 3, 0, {{0, 0, 0}, {0, 1, 1}, {0, 2, 2}}), 36, 12, 1);
}

}  // namespace
}  // namespace gavotte::internal::cuda
