// Sparse convolution against a dense one in double, written independently: for each rule the
// formula of the peer is applied to a dense grid in which absent voxels are zero. Forward through
// the public call, then both gradients by the adjoint identity against the same dense operator.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gavotte/convolution.h"
#include "gavotte/error.h"
#include "maps/reference_map.h"

namespace gavotte {
namespace {

using testing::Point;

/// The inputs, which lie in [-4, 3), as a dense grid of vectors over [-kReach, kReach)^dims for each batch entry.
class DenseGrid {
 public:
  static constexpr std::int64_t kReach = 6;
  DenseGrid(int dims, int batches, std::int64_t channels) : dims_(dims), channels_(channels) {
    std::int64_t cells = batches;
    for (int a = 0; a < dims; ++a) cells *= 2 * kReach;
    values_.assign(static_cast<std::size_t>(cells * channels), 0.0);
  }
  /// Null outside the grid.
  double* at(const Point& point) {
    std::int64_t cell = point[0];
    for (int a = 0; a < dims_; ++a) {
      const std::int64_t index = point[static_cast<std::size_t>(a) + 1] + kReach;
      if (index < 0 || index >= 2 * kReach) return nullptr;
      cell = cell * 2 * kReach + index;
    }
    return values_.data() + cell * channels_;
  }

 private:
  int dims_;
  std::int64_t channels_;
  std::vector<double> values_;
};

/// The input coordinate that kernel index k reads for output o, or none: straight from the peers'
/// formulas.
std::optional<std::int64_t> input_coordinate(const ConvSpec& spec, int axis, std::int64_t o,
                                             std::int64_t k) {
  const std::int64_t size = spec.kernel_size[axis], s = spec.stride[axis], p = spec.padding[axis],
                     d = spec.dilation[axis];
  const std::int64_t centred = size % 2 == 1 ? k - (size - 1) / 2 : k;
  if (spec.kind == ConvKind::submanifold) return o + centred * d;
  const std::int64_t shift = spec.rule == CoordinateRule::floor ? centred * d : k * d - p;
  if (spec.kind == ConvKind::strided) return o * s + shift;
  if ((o - shift) % s != 0) return std::nullopt;  // up: o = i * s + shift
  return (o - shift) / s;
}

struct Case {
  ConvSpec spec;
  int dims;
  std::int64_t in_channels, out_channels;
};

/// Weight of kernel multi-index (by last axis fastest position) as a small exact number.
double weight_value(std::int64_t position, std::int64_t ci, std::int64_t co) {
  return static_cast<double>((position * 7 + ci * 3 + co * 5) % 13 - 6) / 8.0;
}

std::int64_t last_axis_fastest_position(const ConvSpec& spec, int dims,
                                        const std::vector<std::int64_t>& index) {
  std::int64_t position = 0;
  for (int a = 0; a < dims; ++a)
    position = position * spec.kernel_size[a] + index[static_cast<std::size_t>(a)];
  return position;
}

template <class T>
void run_case(const Case& test, std::mt19937_64& random) {
  SCOPED_TRACE(test.spec.to_string() + " D " + std::to_string(test.dims) + " C " +
               std::to_string(test.in_channels) + " -> " + std::to_string(test.out_channels));
  const int dims = test.dims;
  const std::int64_t in_group = test.in_channels / test.spec.groups,
                     out_group = test.out_channels / test.spec.groups;
  const Tensor points = testing::random_points(random, dims, 24, -4, 7, 2);
  Tensor features(dtype_of<T>, {points.rows(), test.in_channels});
  for (T& value : features.span<T>())
    value = static_cast<T>(static_cast<int>(random() % 17) - 8) / static_cast<T>(4);
  const int volume = test.spec.kernel_volume(dims);
  const auto indices = testing::kernel_indices(test.spec, dims);
  ASSERT_EQ(indices.size(), static_cast<std::size_t>(volume));
  std::vector<T> weights(static_cast<std::size_t>(volume * in_group * test.out_channels));
  std::vector<double> dense_weights(weights.size());  // by k, input channel, output channel
  for (int k = 0; k < volume; ++k) {
    const auto position =
        last_axis_fastest_position(test.spec, dims, indices[static_cast<std::size_t>(k)]);
    for (std::int64_t ci = 0; ci < in_group; ++ci) {
      for (std::int64_t co = 0; co < test.out_channels; ++co) {
        const std::int64_t index = test.spec.weight_layout == WeightLayout::kio
                                       ? (k * in_group + ci) * test.out_channels + co
                                       : (co * volume + k) * in_group + ci;
        const double value = weight_value(position, ci, co);
        weights[static_cast<std::size_t>(index)] = static_cast<T>(value);
        dense_weights[static_cast<std::size_t>((k * in_group + ci) * test.out_channels + co)] =
            value;
      }
    }
  }
  const Shape weight_shape = test.spec.weight_layout == WeightLayout::kio
                                 ? Shape{volume, in_group, test.out_channels}
                                 : Shape{test.out_channels, volume, in_group};
  const SparseTensor x(points.view(), features.view(), 6);
  const SparseTensor y = convolution(x, ConstTensorView(weights.data(), weight_shape), test.spec);

  DenseGrid grid(dims, 2, test.in_channels);
  const auto inputs = testing::points_of(x.coordinates());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    for (std::int64_t c = 0; c < test.in_channels; ++c)
      grid.at(inputs[i])[c] =
          static_cast<double>(features.span<T>()[i * static_cast<std::size_t>(test.in_channels) +
                                                 static_cast<std::size_t>(c)]);
  }
  const auto outputs = testing::points_of(y.coordinates());
  // Every value is a multiple of 1/32 below 2^7 in size: sums of this many terms are exact in
  // float32, so equality it is.
  Point input;
  std::vector<double> expected;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    expected.assign(static_cast<std::size_t>(test.out_channels), 0.0);
    for (int k = 0; k < volume; ++k) {
      const auto& index = indices[static_cast<std::size_t>(k)];
      input = outputs[o];
      bool exists = true;
      for (int a = 0; a < dims && exists; ++a) {
        const auto from =
            input_coordinate(test.spec, a, outputs[o][static_cast<std::size_t>(a) + 1],
                             index[static_cast<std::size_t>(a)]);
        exists = from.has_value();
        if (exists) input[static_cast<std::size_t>(a) + 1] = *from;
      }
      const double* row = exists ? grid.at(input) : nullptr;
      if (row == nullptr) continue;
      const double* weight = dense_weights.data() + k * in_group * test.out_channels;
      for (std::int64_t ci = 0; ci < in_group; ++ci) {
        for (std::int64_t co = 0; co < test.out_channels; ++co) {
          expected[static_cast<std::size_t>(co)] +=
              row[co / out_group * in_group + ci] * weight[ci * test.out_channels + co];
        }
      }
    }
    for (std::int64_t co = 0; co < test.out_channels; ++co) {
      ASSERT_EQ(static_cast<double>(
                    y.features().span<T>()[o * static_cast<std::size_t>(test.out_channels) +
                                           static_cast<std::size_t>(co)]),
                expected[static_cast<std::size_t>(co)])
          << "output " << o << " channel " << co;
    }
  }

  // <g, A x> = <A^T g, x> = <dW, W>: exact for these numbers too.
  const MapResult map = x.manager().kernel_map(x.coordinates(), test.spec);
  Tensor grad(dtype_of<T>, {y.rows(), test.out_channels});
  for (T& value : grad.span<T>()) value = static_cast<T>(static_cast<int>(random() % 5) - 2);
  const Tensor kio = to_kio(ConstTensorView(weights.data(), weight_shape), test.spec.weight_layout);
  const Tensor grad_x = convolution_dgrad(grad.view(), kio.view(), map.map, test.spec.groups);
  const Tensor grad_w = convolution_wgrad(features.view(), grad.view(), map.map, test.spec.groups);
  const auto dot = [](auto a, auto b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
  };
  const double through_y = dot(grad.span<T>(), y.features().span<T>());
  ASSERT_EQ(dot(grad_x.span<T>(), features.span<T>()), through_y);
  ASSERT_EQ(dot(grad_w.span<T>(), kio.span<T>()), through_y);
}

class DenseOracle : public ::testing::TestWithParam<std::tuple<CoordinateRule, ConvKind, int>> {};

TEST_P(DenseOracle, ForwardAndGradients) {
  const auto [rule, kind, dims] = GetParam();
  std::mt19937_64 random(static_cast<std::uint64_t>(dims) + 10 * static_cast<std::uint64_t>(rule) +
                         100 * static_cast<std::uint64_t>(kind));
  const std::vector<std::pair<std::int64_t, std::int64_t>> channels = {
      {1, 1}, {3, 5}, {4, 16}, {6, 4}};
  int tried = 0;
  for (int size = 1; size <= (dims == 4 ? 3 : 5); ++size) {
    for (const int stride : {1, 2, 3}) {
      for (const int dilation : {1, 2}) {
        for (const int padding : {0, 1, 2}) {
          Case test{{}, dims, channels[random() % 4].first, 0};
          test.out_channels = channels[random() % 4].second;
          test.spec.kind = kind;
          test.spec.rule = rule;
          test.spec.kernel_size = size;
          test.spec.stride = stride;
          test.spec.dilation = dilation;
          test.spec.padding = padding;
          test.spec.offset_order = static_cast<OffsetOrder>(random() % 3);
          test.spec.weight_layout = static_cast<WeightLayout>(random() % 2);
          if (tried % 4 == 3) {
            test.in_channels = 6;
            test.out_channels = 4;
            test.spec.groups = 2;
          }
          try {
            test.spec.validate(dims);
          } catch (const Error&) {
            continue;
          }
          if (tried++ % 2 == 0) {
            run_case<double>(test, random);
          } else {
            run_case<float>(test, random);
          }
          if (HasFatalFailure()) return;
        }
      }
    }
  }
  EXPECT_GE(tried, 3);
}

std::string case_name(const ::testing::TestParamInfo<DenseOracle::ParamType>& info) {
  return std::string(name(std::get<0>(info.param))) + "_" +
         std::string(name(std::get<1>(info.param))) + "_" +
         std::to_string(std::get<2>(info.param)) + "D";
}
INSTANTIATE_TEST_SUITE_P(
    Convolution, DenseOracle,
    ::testing::Combine(::testing::Values(CoordinateRule::window, CoordinateRule::floor,
                                         CoordinateRule::torchsparse),
                       ::testing::Values(ConvKind::submanifold, ConvKind::strided,
                                         ConvKind::generative),
                       ::testing::Values(1, 2, 3, 4)),
    case_name);
INSTANTIATE_TEST_SUITE_P(
    ConvolutionTransposed, DenseOracle,
    ::testing::Combine(::testing::Values(CoordinateRule::window, CoordinateRule::floor),
                       ::testing::Values(ConvKind::transposed), ::testing::Values(1, 2, 3)),
    case_name);

TEST(Convolution, WindowOutputsAreAllThatADenseConvolutionCouldReach) {
  // Ones everywhere: a dense convolution is above 0 exactly at the outputs of the window rule.
  std::mt19937_64 random(9);
  const Tensor points = testing::random_points(random, 2, 12, -3, 8);
  Tensor ones(DType::float64, {points.rows(), 1});
  for (double& value : ones.span<double>()) value = 1;
  const ConvSpec spec = ConvSpec::strided(3, 2, 1);
  const std::vector<double> weights(9, 1.0);
  const SparseTensor y = convolution(SparseTensor(points.view(), ones.view()),
                                     ConstTensorView(weights.data(), {9, 1, 1}), spec);
  const auto inputs = testing::points_of(Coordinates(points.view()));
  std::map<Point, double> dense;
  for (std::int64_t a = -10; a <= 10; ++a) {
    for (std::int64_t b = -10; b <= 10; ++b) {
      double sum = 0;
      for (const Point& input : inputs) {
        sum += std::abs(input[1] - (a * 2)) <= 1 && std::abs(input[2] - (b * 2)) <= 1 ? 1 : 0;
      }
      if (sum > 0) dense[{0, a, b}] = sum;
    }
  }
  const auto outputs = testing::points_of(y.coordinates());
  ASSERT_EQ(outputs.size(), dense.size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    EXPECT_EQ(y.features().span<double>()[i], dense.at(outputs[i]));
}

}  // namespace
}  // namespace gavotte
