// Batch norm in training against loops in double: values, statistics, gradients, equal bits on any number of threads, errors.
#include "gavotte/batch_norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "gavotte/error.h"
#include "ops/values.h"
#include "simd_targets.h"
#include "tensor_checks.h"

namespace gavotte {
namespace {

using namespace testing_ops;
using internal::accumulator_of;

struct NormCase {
  std::int64_t rows, channels;
  bool affine = true, relu = true, residual = false;
  double mean = 0.5;  // of x
};

std::string to_string(const NormCase& c, DType dtype) {
  return std::string(name(dtype)) + " " + std::to_string(c.rows) + " x " +
         std::to_string(c.channels) + (c.affine ? " affine" : "") + (c.relu ? " relu" : "") +
         (c.residual ? " residual" : "");
}

constexpr double kEps = 1e-3, kMomentum = 0.25, kRunningMean = 2, kRunningVariance = 3;

// What a call reads, as tensors of a dtype and as the doubles that these hold.
struct NormInput {
  Tensor x, residual, grad_y, scale, shift;

  NormInput(const NormCase& c, DType dtype) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    const auto make = [&](DType of, Shape shape, double mean) {
      Doubles values(static_cast<std::size_t>(shape.elements()));
      for (double& value : values) value = mean + normal(random);
      return tensor(of, shape, values);
    };
    x = make(dtype, {c.rows, c.channels}, c.mean);
    residual = make(dtype, {c.rows, c.channels}, 0);
    grad_y = make(dtype, {c.rows, c.channels}, 0.25);
    scale = make(accumulator_of(dtype), {c.channels}, 1);
    shift = make(accumulator_of(dtype), {c.channels}, 0);
  }
  BatchNormOptions options(const NormCase& c) const {
    if (!c.affine) return {{}, {}, kEps, c.relu};
    return {scale.view(), shift.view(), kEps, c.relu};
  }
};

struct NormResult {
  Doubles y, mean, inverse, running_mean, running_variance, grad_x, grad_scale, grad_shift,
      grad_residual;
};

// By the definitions, two passes over each channel. passed: where the ReLU let values pass, of the call under test: near
// zero rounding decides.
NormResult norm_by_loops(const NormCase& c, const NormInput& input, const Doubles& passed) {
  const Doubles x = doubles(input.x.view()), residual = doubles(input.residual.view()),
                grad_y = doubles(input.grad_y.view()), scale = doubles(input.scale.view()),
                shift = doubles(input.shift.view());
  const auto n = static_cast<double>(c.rows);
  NormResult r;
  r.y.resize(x.size());
  r.grad_x.resize(x.size());
  r.grad_residual.resize(x.size());
  for (std::int64_t k = 0; k < c.channels; ++k) {
    const auto column = static_cast<std::size_t>(k);
    const auto at = [&](std::int64_t row) {
      return static_cast<std::size_t>(row * c.channels + k);
    };
    double mean = 0, squares = 0;
    for (std::int64_t row = 0; row < c.rows; ++row) mean += x[at(row)] / n;
    for (std::int64_t row = 0; row < c.rows; ++row)
      squares += (x[at(row)] - mean) * (x[at(row)] - mean);
    const double inverse = 1 / std::sqrt(squares / n + kEps);
    const double factor = c.affine ? scale[column] : 1, offset = c.affine ? shift[column] : 0;
    double sum = 0, product = 0;
    for (std::int64_t row = 0; row < c.rows; ++row) {
      const double normed = (x[at(row)] - mean) * inverse;
      double& y = r.y[at(row)];
      y = normed * factor + offset + (c.residual ? residual[at(row)] : 0);
      if (c.relu) y = std::max(y, 0.0);
      const double grad = c.relu && passed[at(row)] <= 0 ? 0 : grad_y[at(row)];
      r.grad_residual[at(row)] = grad;
      sum += grad;
      product += grad * normed;
    }
    for (std::int64_t row = 0; row < c.rows; ++row)
      r.grad_x[at(row)] =
          factor * inverse *
          (r.grad_residual[at(row)] - sum / n - (x[at(row)] - mean) * inverse * product / n);
    r.mean.push_back(mean);
    r.inverse.push_back(inverse);
    r.grad_shift.push_back(sum);
    r.grad_scale.push_back(product);
    r.running_mean.push_back(kRunningMean + kMomentum * (mean - kRunningMean));
    r.running_variance.push_back(kRunningVariance +
                                 kMomentum * (squares / (n - 1) - kRunningVariance));
  }
  return r;
}

struct NormOutput {
  Tensor y, statistics, running_mean, running_variance, grad_x, grad_scale, grad_shift,
      grad_residual;
};

NormOutput run_norm(const NormCase& c, const NormInput& input, int threads = 1) {
  const DType dtype = input.x.dtype(), wide = accumulator_of(dtype);
  const Shape rows = input.x.shape(), channels = {c.channels};
  Execution execution;
  execution.threads = threads;
  NormOutput out{
      Tensor(dtype, rows),
      Tensor(wide, {2, c.channels}),
      tensor(wide, channels, Doubles(static_cast<std::size_t>(c.channels), kRunningMean)),
      tensor(wide, channels, Doubles(static_cast<std::size_t>(c.channels), kRunningVariance)),
      Tensor(dtype, rows),
      Tensor(wide, channels),
      Tensor(wide, channels),
      Tensor(dtype, rows)};
  const bool reads_y = c.relu && c.residual;
  batch_norm_into(out.y, out.statistics, input.x,
                  c.residual ? input.residual.view() : ConstTensorView(), input.options(c),
                  {out.running_mean, out.running_variance, kMomentum}, execution);
  BatchNormGradients gradients{out.grad_x, out.grad_scale, out.grad_shift, {}};
  if (reads_y) gradients.residual = out.grad_residual;
  const ConstTensorView y = out.y;
  batch_norm_backward_into(gradients, input.grad_y, input.x, reads_y ? y : ConstTensorView(),
                           out.statistics, input.options(c), execution);
  return out;
}

// Within so many roundings of the largest magnitude of the expected.
void expect_near(const Tensor& given, const Doubles& expected, double roundings, const char* what) {
  const Doubles values = doubles(given.view());
  ASSERT_EQ(values.size(), expected.size()) << what;
  double largest = 1;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    worst = std::max(worst, std::abs(values[i] - expected[i]));
  EXPECT_LE(worst, roundings * largest) << what;
}

void expect_by_loops(const NormCase& c, DType dtype) {
  SCOPED_TRACE(to_string(c, dtype));
  const NormInput input(c, dtype);
  const NormOutput out = run_norm(c, input);
  const NormResult expected = norm_by_loops(c, input, doubles(out.y.view()));
  // A sum of a column is one of float32 over a block of 256 rows at most, and its terms have some roundings each.
  const double sums = 300 * rounding(accumulator_of(dtype));
  const double features = sums + 2 * rounding(dtype);
  expect_near(out.y, expected.y, features, "y");
  Doubles statistics = expected.mean;
  statistics.insert(statistics.end(), expected.inverse.begin(), expected.inverse.end());
  expect_near(out.statistics, statistics, sums, "statistics");
  expect_near(out.running_mean, expected.running_mean, sums, "running mean");
  expect_near(out.running_variance, expected.running_variance, sums, "running variance");
  expect_near(out.grad_x, expected.grad_x, features, "grad_x");
  expect_near(out.grad_scale, expected.grad_scale, sums, "grad_scale");
  expect_near(out.grad_shift, expected.grad_shift, sums, "grad_shift");
  if (c.relu && c.residual)
    expect_near(out.grad_residual, expected.grad_residual, rounding(dtype), "grad_residual");
}

TEST(BatchNorm, IsThatOfLoopsInDoubleWithVectorsOfEachTarget) {
  test::for_each_target([] {
    for (const DType dtype : kFloatingDTypes)
      for (const bool affine : {false, true})
        for (const bool relu : {false, true})
          for (const bool residual : {false, true})
            for (const std::int64_t channels : {1, 3, 20, 96})
              expect_by_loops({70, channels, affine, relu, residual}, dtype);
  });
}

TEST(BatchNorm, JoinsBlocksAndSpans) {
  for (const DType dtype : kFloatingDTypes)
    for (const bool residual : {false, true})
      for (const std::int64_t channels : {7, 64, 300})
        expect_by_loops({2500, channels, true, true, residual}, dtype);
}

TEST(BatchNorm, KeepsItsDigitsFarFromZero) {
  NormCase c{3000, 5};
  c.mean = 1000;
  const NormInput input(c, DType::float32);
  const NormOutput out = run_norm(c, input);
  const NormResult expected = norm_by_loops(c, input, doubles(out.y.view()));
  // Deviations are of about 1, and the mean is rounded to 2^-15 of that.
  expect_near(out.y, expected.y, 0x1p-13, "y");
  expect_near(out.running_variance, expected.running_variance, 0x1p-20, "running variance");
}

TEST(BatchNorm, MakesAConstantChannelItsShift) {
  const Tensor x = tensor(DType::float32, {600, 2}, Doubles(1200, 0.1));
  Tensor y(DType::float32, {600, 2}), statistics(DType::float32, {2, 2});
  const Tensor shift = tensor(DType::float32, {2}, {-3, 4});
  batch_norm_into(y, statistics, x, {}, {{}, shift, 1e-5, false});
  const Doubles values = doubles(y.view());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], i % 2 == 0 ? -3 : 4, 1e-4);
}

TEST(BatchNorm, HasEqualBitsOnAnyNumberOfThreads) {
  for (const bool residual : {false, true}) {
    const NormCase c{9000, 33, true, true, residual};
    const NormInput input(c, DType::float32);
    const NormOutput one = run_norm(c, input, 1);
    for (const int threads : {2, 3}) {
      const NormOutput more = run_norm(c, input, threads);
      for (const auto part : {&NormOutput::y, &NormOutput::statistics, &NormOutput::running_mean,
                              &NormOutput::running_variance, &NormOutput::grad_x,
                              &NormOutput::grad_scale, &NormOutput::grad_shift})
        EXPECT_EQ(bytes_of((one.*part).view()), bytes_of((more.*part).view()));
    }
  }
}

TEST(BatchNorm, MayWriteOverWhatItReads) {
  const NormCase c{300, 20, true, true, true};
  const NormInput input(c, DType::float32);
  const NormOutput apart = run_norm(c, input);
  NormInput same(c, DType::float32);
  Tensor statistics(DType::float32, {2, 20});
  batch_norm_into(same.residual, statistics, same.x, same.residual, same.options(c));
  EXPECT_EQ(bytes_of(same.residual.view()), bytes_of(apart.y.view()));
  batch_norm_backward_into({same.grad_y, {}, {}, same.grad_y}, same.grad_y, same.x, same.residual,
                           statistics, same.options(c));
  EXPECT_EQ(bytes_of(same.grad_y.view()), bytes_of(apart.grad_x.view()));
}

TEST(BatchNorm, OfOneRowIsItsShift) {
  const Tensor x = tensor(DType::float32, {1, 2}, {5, -5});
  Tensor y(DType::float32, {1, 2}), statistics(DType::float32, {2, 2});
  batch_norm_into(y, statistics, x, {}, {});
  EXPECT_EQ(doubles(y.view()), (Doubles{0, 0}));
}

TEST(BatchNorm, MakesAChannelWithNaNNaN) {
  const Tensor x = tensor(DType::float32, {3, 2}, {1, 2, std::nan(""), 3, 4, 7});
  Tensor y(DType::float32, {3, 2}), statistics(DType::float32, {2, 2});
  batch_norm_into(y, statistics, x, {}, {{}, {}, 1e-5, true});
  const Doubles values = doubles(y.view());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(std::isnan(values[i]), i % 2 == 0);
}

TEST(BatchNorm, SaysWhatIsWrong) {
  const auto message_of = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const Tensor x(DType::float32, {4, 3}), none(DType::float32, {0, 3}), one(DType::float32, {1, 3});
  const Tensor wide(DType::float64, {3}), four(DType::float32, {4});
  Tensor y(DType::float32, {4, 3}), y_none(DType::float32, {0, 3}), y_one(DType::float32, {1, 3}),
      statistics(DType::float32, {2, 3}), mean(DType::float32, {3}), variance(DType::float32, {3});
  using ::testing::HasSubstr;
  EXPECT_THAT(message_of([&] { batch_norm_into(y_none, statistics, none, {}, {}); }),
              HasSubstr("at least one row"));
  EXPECT_THAT(message_of([&] {
                batch_norm_into(y_one, statistics, one, {}, {}, {mean, variance});
              }),
              HasSubstr("more than one row"));
  EXPECT_THAT(message_of([&] {
                batch_norm_into(y, statistics, x, {}, {}, {mean, {}});
              }),
              HasSubstr("or neither"));
  EXPECT_THAT(message_of([&] {
                batch_norm_into(y, statistics, x, {}, {wide.view(), {}});
              }),
              HasSubstr("scale must be float32"));
  EXPECT_THAT(message_of([&] {
                batch_norm_into(y, statistics, x, {}, {{}, four.view()});
              }),
              HasSubstr("shift must be [C] = [3], got [4]"));
  EXPECT_THAT(message_of([&] { batch_norm_into(y, statistics, x, one, {}); }),
              HasSubstr("residual must be [N, C]"));
  EXPECT_THAT(message_of([&] { batch_norm_into(y, mean, x, {}, {}); }), HasSubstr("statistics"));
  EXPECT_THAT(message_of([&] {
                batch_norm_into(y, statistics, x, {}, {{}, {}, -1});
              }),
              HasSubstr("eps must be at least 0"));
  EXPECT_THAT(message_of([&] { batch_norm_backward_into({}, x, x, x, statistics, {}); }),
              HasSubstr("or neither"));
  EXPECT_THAT(message_of([&] { batch_norm_backward_into({}, one, x, {}, statistics, {}); }),
              HasSubstr("grad_y must be [N, C]"));
}

}  // namespace
}  // namespace gavotte
