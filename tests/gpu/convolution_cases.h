// Convolutions on cuda:0 with what they are by the definition in double.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <utility>

#include "convolution/reference.h"
#include "gavotte/convolution.h"
#include "gpu/gpu.h"
#include "gpu/map_on_gpu.h"

namespace gavotte::testing_gpu {

namespace ref = gavotte::testing;

inline constexpr DType kDTypes[] = {DType::float32, DType::float64, DType::float16,
                                    DType::bfloat16};

struct Case {
  ref::ReferenceMap map;
  KernelMap device_map;
  std::int64_t in, out;
  int groups;
  ref::Values x, w, grad_y;

  Case(ref::ReferenceMap reference, std::int64_t in, std::int64_t out, int groups, DType dtype,
       unsigned seed)
      : map(std::move(reference)),
        device_map(map_on_gpu(map.map)),
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
                       kOnCuda);
  }
  Tensor dgrad(const ConvConfig& config = {}) const {
    return convolution_dgrad(grad_y.tensor.to(kCuda), w.tensor.to(kCuda), device_map, groups,
                             config, kOnCuda);
  }
  Tensor wgrad(const ConvConfig& config = {}) const {
    return convolution_wgrad(x.tensor.to(kCuda), grad_y.tensor.to(kCuda), device_map, groups,
                             config, kOnCuda);
  }
};

inline void expect_close(const Tensor& on_gpu, const ref::Expected& expected, double relative = 0) {
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

}  // namespace gavotte::testing_gpu
