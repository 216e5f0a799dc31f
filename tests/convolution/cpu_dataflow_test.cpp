// Dataflows that only CUDA has are refused on the CPU before anything is made.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "gavotte/convolution.h"
#include "gavotte/executor.h"
#include "network/expect_error.h"
#include "network/small_network.h"
#include "reference.h"

namespace gavotte {
namespace {

namespace ref = gavotte::testing;
using test::expect_error;

class CpuDataflow : public ::testing::TestWithParam<Dataflow> {
 protected:
  CpuDataflow() { config.dataflow = GetParam(); }
  ConvConfig config;
  std::string refusal = "dataflow " + std::string(name(GetParam())) +
                        " is one of CUDA's, and this runs on cpu: choose automatic or "
                        "gather_gemm_scatter";
};

INSTANTIATE_TEST_SUITE_P(Dataflows, CpuDataflow,
                         ::testing::Values(Dataflow::implicit_gemm, Dataflow::minuet),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST_P(CpuDataflow, ConvolutionsRefuseIt) {
  std::mt19937 random(1);
  const auto reference = ref::submanifold_map(random, 40, 5, 3);
  const auto x = ref::random_values(random, DType::float32, {40, 6});
  const auto w = ref::random_values(random, DType::float32, {27, 6, 8});
  const auto grad = ref::random_values(random, DType::float32, {40, 8});
  expect_error(refusal, [&] { convolution(x.tensor, w.tensor, reference.map, 1, {}, config); });
  expect_error(refusal,
               [&] { convolution_dgrad(grad.tensor, w.tensor, reference.map, 1, config); });
  expect_error(refusal,
               [&] { convolution_wgrad(x.tensor, grad.tensor, reference.map, 1, config); });
}

TEST_P(CpuDataflow, SparseTensorsRefuseItAndMakeNoMap) {
  const std::vector<std::int32_t> points = {0, 1, 2, 3, 0, 1, 2, 4};
  const Coordinates set(Tensor::from<std::int32_t>(points, {2, 4}).view());
  const SparseTensor x(set, Tensor::zeros(DType::float32, {2, 6}), CoordinateManager());
  const Tensor weights = Tensor::zeros(DType::float32, {27, 6, 8});
  ConvolutionOptions options;
  options.config = config;
  expect_error(refusal, [&] { convolution(x, weights.view(), ConvSpec::submanifold(3), options); });
  EXPECT_EQ(x.manager().cached_maps(), 0);
}

TEST_P(CpuDataflow, ExecutorsRefuseIt) {
  ExecutorOptions options;
  options.conv_config = config;
  expect_error(refusal, [&] { Executor(test::small_network(), options); });
}

}  // namespace
}  // namespace gavotte
