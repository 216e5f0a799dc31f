// The public functions: what they refuse and how they say it, weight layouts, the SparseTensor
// form.
#include "gavotte/convolution.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>

#include "gavotte/error.h"
#include "reference.h"

namespace gavotte {
namespace {

namespace ref = gavotte::testing;

struct Failure {
  ErrorKind kind = ErrorKind::runtime;
  std::string message = "no error";
};

Failure failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  return {};
}

void expect_failure(ErrorKind kind, const std::string& part, const std::function<void()>& call) {
  const Failure failure = failure_of(call);
  EXPECT_EQ(failure.kind, kind) << failure.message;
  EXPECT_NE(failure.message.find(part), std::string::npos) << failure.message;
}

class ConvolutionArguments : public ::testing::Test {
 protected:
  ConvolutionArguments() {
    std::mt19937 random(1);
    reference = ref::submanifold_map(random, 40, 5, 3);
    map = reference.map;
    x = ref::random_values(random, DType::float32, {40, 6});
    w = ref::random_values(random, DType::float32, {27, 6, 8});
    grad = ref::random_values(random, DType::float32, {40, 8});
  }
  ref::ReferenceMap reference;
  KernelMap map;
  ref::Values x, w, grad;
};

TEST_F(ConvolutionArguments, LegalOnesGiveTheDefinition) {
  const auto check = [](const Tensor& actual, const ref::Expected& expected) {
    const auto values = ref::to_doubles(actual);
    ASSERT_EQ(values.size(), expected.value.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(
          values[i], expected.value[i],
          ref::tolerance(DType::float32, expected.terms, expected.magnitude[i], expected.value[i]));
  };
  check(convolution(x.tensor, w.tensor, map), ref::forward(reference, 6, 8, 1, x.exact, w.exact));
  check(convolution_dgrad(grad.tensor, w.tensor, map),
        ref::dgrad(reference, 6, 8, 1, grad.exact, w.exact));
  check(convolution_wgrad(x.tensor, grad.tensor, map),
        ref::wgrad(reference, 6, 8, 1, x.exact, grad.exact));
  EXPECT_EQ(bias_grad(grad.tensor).shape(), Shape({8}));
}

TEST_F(ConvolutionArguments, WrongDtypesAreTypeErrors) {
  const Tensor integers(DType::int32, {40, 6});
  expect_failure(ErrorKind::type, "features must be float16",
                 [&] { convolution(integers, w.tensor, map); });
  const Tensor halves(DType::float16, {27, 6, 8});
  expect_failure(ErrorKind::type, "weights must be float32 like the rest, got float16",
                 [&] { convolution(x.tensor, halves, map); });
  const Tensor grads(DType::float64, {40, 8});
  expect_failure(ErrorKind::type, "grad_out must be float32",
                 [&] { convolution_wgrad(x.tensor, grads, map); });
  expect_failure(ErrorKind::type, "grad_out must be float16", [&] { bias_grad(integers); });
}

TEST_F(ConvolutionArguments, WrongShapesSayWhatWasExpected) {
  const Tensor short_x(DType::float32, {39, 6}), flat(DType::float32, {40}),
      w26(DType::float32, {26, 6, 8});
  const Tensor w5(DType::float32, {27, 5, 8}), w2(DType::float32, {27, 6});
  expect_failure(ErrorKind::value, "must have the 40 input rows of the kernel map, got 39",
                 [&] { convolution(short_x, w.tensor, map); });
  expect_failure(ErrorKind::value, "features must be [rows, channels], got [40]",
                 [&] { convolution(flat, w.tensor, map); });
  expect_failure(ErrorKind::value, "27 kernel offsets", [&] { convolution(x.tensor, w26, map); });
  expect_failure(ErrorKind::value, "[27, 6, 8], got [27, 5, 8]",
                 [&] { convolution(x.tensor, w5, map); });
  expect_failure(ErrorKind::value, "[K, Cin / groups, Cout]",
                 [&] { convolution(x.tensor, w2, map); });
  expect_failure(ErrorKind::value, "weights must end in the 6 channels",
                 [&] { convolution_dgrad(x.tensor, w.tensor, map); });
  expect_failure(ErrorKind::value, "output rows",
                 [&] { convolution_wgrad(x.tensor, short_x, map); });
  expect_failure(ErrorKind::value, "[rows, channels]", [&] { bias_grad(flat); });
}

TEST_F(ConvolutionArguments, GroupsMustDivideTheChannels) {
  expect_failure(ErrorKind::value, "groups must be at least 1, got 0",
                 [&] { convolution(x.tensor, w.tensor, map, 0); });
  expect_failure(ErrorKind::value, "groups must divide both channel counts, 6 and 8; got 4",
                 [&] { convolution(x.tensor, w.tensor, map, 4); });
  expect_failure(ErrorKind::value, "groups must be at least 1, got -2",
                 [&] { convolution_dgrad(grad.tensor, w.tensor, map, -2); });
}

TEST_F(ConvolutionArguments, EpiloguesAreChecked) {
  const Tensor seven(DType::float32, {7}), doubles(DType::float64, {8}), eight(DType::float32, {8});
  Epilogue epilogue;
  epilogue.shift = seven;
  expect_failure(ErrorKind::value, "epilogue shift must be [Cout] = [8], got [7]",
                 [&] { convolution(x.tensor, w.tensor, map, 1, epilogue); });
  epilogue.shift = {};
  epilogue.scale = doubles;
  expect_failure(ErrorKind::type, "epilogue scale must be float32",
                 [&] { convolution(x.tensor, w.tensor, map, 1, epilogue); });
  epilogue.scale = {};
  epilogue.residual = eight;
  expect_failure(ErrorKind::value,
                 "epilogue residual must be [output rows, Cout] = [40, 8], got [8]",
                 [&] { convolution(x.tensor, w.tensor, map, 1, epilogue); });
  epilogue.residual = {};
  epilogue.activation = static_cast<Activation>(17);
  expect_failure(ErrorKind::value, "activation",
                 [&] { convolution(x.tensor, w.tensor, map, 1, epilogue); });
}

TEST_F(ConvolutionArguments, MapsConfigurationsAndMemoryAreChecked) {
  expect_failure(ErrorKind::value, "kernel map is empty",
                 [&] { convolution(x.tensor, w.tensor, {}); });
  ConvConfig config;
  config.tile_rows = -1;
  expect_failure(ErrorKind::value, "tile_rows",
                 [&] { convolution(x.tensor, w.tensor, map, 1, {}, config); });
  config = {};
  config.dataflow = Dataflow::dense_gemm;
  expect_failure(ErrorKind::value, "dense_gemm needs a map that is the identity",
                 [&] { convolution(x.tensor, w.tensor, map, 1, {}, config); });
  const ConstTensorView nothing(nullptr, DType::float32, {40, 6});
  expect_failure(ErrorKind::value, "has no memory", [&] { convolution(nothing, w.tensor, map); });
  ConstTensorView elsewhere = x.tensor;
  elsewhere.device = {DeviceKind::cuda, 0};
  expect_failure(ErrorKind::value, "features must be on cpu",
                 [&] { convolution(elsewhere, w.tensor, map); });
  Execution execution;
  execution.threads = -1;
  expect_failure(ErrorKind::value, "threads",
                 [&] { convolution(x.tensor, w.tensor, map, 1, {}, {}, execution); });
}

TEST(WeightLayouts, OkiBecomesKio) {
  // Each value names its place: 100 * out + 10 * k + in.
  for (const Shape shape : {Shape{2, 4, 3}, Shape{2, 2, 2, 3}, Shape{2, 1, 2, 2, 3}}) {
    std::vector<float> values;
    for (int o = 0; o < 2; ++o)
      for (int k = 0; k < 4; ++k)
        for (int i = 0; i < 3; ++i) values.push_back(static_cast<float>(100 * o + 10 * k + i));
    const Tensor oki = Tensor::from<float>(values, shape);
    const Tensor kio = to_kio(oki, WeightLayout::oki);
    ASSERT_EQ(kio.shape(), Shape({4, 3, 2}));
    for (std::size_t at = 0; at < 24; ++at)
      EXPECT_EQ(kio.span<float>()[at],
                static_cast<float>(100 * (at % 2) + 10 * (at / 6) + at / 2 % 3));
  }
}

TEST(WeightLayouts, KioKeepsItsOrderAndJoinsKernelAxes) {
  const Tensor weights = Tensor::zeros(DType::bfloat16, {3, 3, 3, 4, 5});
  EXPECT_EQ(to_kio(weights, WeightLayout::kio).shape(), Shape({27, 4, 5}));
  EXPECT_EQ(to_kio(weights, WeightLayout::kio).dtype(), DType::bfloat16);
  expect_failure(ErrorKind::value, "at least 3 axes", [] {
    to_kio(Tensor(DType::float32, {4, 5}), WeightLayout::kio);
  });
}

class SparseConvolution : public ::testing::TestWithParam<DType> {
 protected:
  SparseConvolution() {
    voxels = ref::random_voxels(random, 120, 7);
    reference = ref::map_between(voxels, voxels, 3, 1, true);
    std::vector<std::int32_t> rows;
    for (const auto& voxel : voxels) rows.insert(rows.end(), {0, voxel[0], voxel[1], voxel[2]});
    features = ref::random_values(random, GetParam(), {120, 5});
    x = SparseTensor(Tensor::from<std::int32_t>(rows, {120, 4}).view(), features.tensor);
    weights = ref::random_values(random, GetParam(), {27, 5, 9});
  }
  // y against the sums plus bias, each row at its own voxel.
  void expect_biased(const SparseTensor& y, const std::vector<double>& bias, bool relu) {
    const auto values = ref::to_doubles(y.features());
    const auto expected = ref::forward(reference, 5, 9, 1, features.exact, weights.exact);
    ASSERT_EQ(values.size(), expected.value.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      double value = expected.value[i] + (bias.empty() ? 0 : bias[i % 9]);
      if (relu) value = std::max(value, 0.0);
      ASSERT_NEAR(values[i], value,
                  ref::tolerance(GetParam(), expected.terms, expected.magnitude[i] + 1, value, 2));
    }
  }
  std::mt19937 random{3};
  std::vector<ref::Voxel> voxels;
  ref::ReferenceMap reference;
  ref::Values features, weights;
  SparseTensor x;
};

TEST_P(SparseConvolution, SubmanifoldKeepsRowsAndAddsTheBias) {
  const ConvSpec spec = ConvSpec::submanifold(3);
  const SparseTensor plain = convolution(x, weights.tensor, spec);
  EXPECT_TRUE(plain.coordinates().same_as(x.coordinates()));
  expect_biased(plain, {}, false);
  for (const DType dtype : {GetParam(), DType::float32}) {
    const auto bias = ref::random_values(random, dtype, {9});
    ConvolutionOptions options;
    options.bias = bias.tensor;
    options.activation = Activation::relu;
    expect_biased(convolution(x, weights.tensor, spec, options), bias.exact, true);
  }
}

TEST_P(SparseConvolution, WeightsOfEitherLayoutGiveTheSameBits) {
  // The same weights with Cout first.
  std::vector<double> swapped(weights.exact.size());
  for (std::size_t ki = 0; ki < 27 * 5; ++ki)
    for (std::size_t o = 0; o < 9; ++o) swapped[o * 27 * 5 + ki] = weights.exact[ki * 9 + o];
  const auto oki = ref::store(swapped, GetParam(), {9, 27, 5});
  ConvSpec spec = ConvSpec::submanifold(3);
  const SparseTensor a = convolution(x, weights.tensor, spec);
  spec.weight_layout = WeightLayout::oki;
  const SparseTensor b = convolution(x, oki.tensor, spec);
  EXPECT_EQ(std::memcmp(a.features().data(), b.features().data(),
                        static_cast<std::size_t>(a.features().view().bytes())),
            0);
}

TEST_P(SparseConvolution, StridedThenInverseComesBackToTheInput) {
  const auto down = ref::random_values(random, GetParam(), {8, 5, 4});
  const auto up = ref::random_values(random, GetParam(), {8, 4, 5});
  const SparseTensor coarse = convolution(x, down.tensor, ConvSpec::strided(2, 2));
  EXPECT_LT(coarse.rows(), x.rows());
  const SparseTensor fine = convolution(coarse, up.tensor, ConvSpec::inverse(2, 2));
  EXPECT_TRUE(fine.coordinates().same_as(x.coordinates()));
  EXPECT_EQ(fine.features().shape(), Shape({120, 5}));
}

TEST_P(SparseConvolution, ABadBiasIsAnError) {
  ConvolutionOptions options;
  const Tensor ten = Tensor::zeros(DType::float32, {10}),
               integers = Tensor::zeros(DType::int32, {9});
  options.bias = ten;
  expect_failure(ErrorKind::value, "bias must be [Cout] = [9], got [10]",
                 [&] { convolution(x, weights.tensor, ConvSpec::submanifold(3), options); });
  options.bias = integers;
  expect_failure(ErrorKind::type, "bias must be",
                 [&] { convolution(x, weights.tensor, ConvSpec::submanifold(3), options); });
}

TEST_P(SparseConvolution, AnErrorLeavesTheManagerAsItWas) {
  const auto refused = [&](ConstTensorView w, const ConvSpec& spec,
                           const ConvolutionOptions& options = {}) {
    EXPECT_THROW(convolution(x, w, spec, options), Error);
    EXPECT_EQ(x.manager().cached_maps(), 0);
    EXPECT_EQ(x.manager().cached_bytes(), 0);
  };
  const Tensor wrong_k = Tensor::zeros(GetParam(), {8, 5, 9});
  const Tensor wrong_in = Tensor::zeros(GetParam(), {27, 4, 9});
  const Tensor wrong_rank = Tensor::zeros(GetParam(), {27, 45});
  refused(wrong_k, ConvSpec::submanifold(3));
  refused(wrong_in, ConvSpec::submanifold(3));
  refused(wrong_rank, ConvSpec::submanifold(3));
  refused(Tensor::zeros(DType::int32, {27, 5, 9}), ConvSpec::submanifold(3));
  ConvSpec groups = ConvSpec::submanifold(3);
  groups.groups = 2;
  refused(weights.tensor, groups);

  ConvolutionOptions options;
  const Tensor ten = Tensor::zeros(DType::float32, {10});
  options.bias = ten;
  refused(weights.tensor, ConvSpec::submanifold(3), options);
  options = {};
  options.activation = static_cast<Activation>(77);
  refused(weights.tensor, ConvSpec::submanifold(3), options);
  options = {};
  options.config.tile_rows = -1;
  refused(weights.tensor, ConvSpec::submanifold(3), options);
  options.config = {};
  options.config.dataflow = Dataflow::dense_gemm;
  refused(weights.tensor, ConvSpec::submanifold(3), options);
  options = {};
  convolution(x, weights.tensor, ConvSpec::submanifold(3), options);
  EXPECT_EQ(x.manager().cached_maps(), 1);
}

INSTANTIATE_TEST_SUITE_P(DTypes, SparseConvolution,
                         ::testing::Values(DType::float32, DType::float64, DType::float16,
                                           DType::bfloat16),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST_F(ConvolutionArguments, IntoMemoryOfTheCallers) {
  const auto same = [](const Tensor& a, const Tensor& b) {
    return std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.view().bytes())) == 0;
  };
  Tensor y(DType::float32, {40, 8}), grad_x(DType::float32, {40, 6}),
      grad_w(DType::float32, {27, 6, 8});
  convolution_into(y, x.tensor, w.tensor, map);
  convolution_dgrad_into(grad_x, grad.tensor, w.tensor, map);
  convolution_wgrad_into(grad_w, x.tensor, grad.tensor, map);
  EXPECT_TRUE(same(y, convolution(x.tensor.view(), w.tensor.view(), map)));
  EXPECT_TRUE(same(grad_x, convolution_dgrad(grad.tensor, w.tensor, map)));
  EXPECT_TRUE(same(grad_w, convolution_wgrad(x.tensor, grad.tensor, map)));
  expect_failure(ErrorKind::value, "out must be",
                 [&] { convolution_into(grad_x, x.tensor, w.tensor, map); });
  Tensor wide(DType::float64, {40, 8});
  expect_failure(ErrorKind::type, "out", [&] { convolution_into(wide, x.tensor, w.tensor, map); });
}

}  // namespace
}  // namespace gavotte
