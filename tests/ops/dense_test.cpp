// Dense grids: where each value lands, and the way back.
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "gavotte/sparse_ops.h"
#include "ops/values.h"

namespace gavotte {
namespace {

using namespace testing_ops;

TEST(Dense, EveryValueLandsWhereItsCoordinateSays) {
  std::mt19937 random(1);
  for (const DType dtype : kFloatingDTypes)
    for (const int dims : {1, 2, 3, 4}) {
      const std::int64_t rows = dims == 1 ? 7 : 60;
      const auto coordinates = random_coordinates(random, rows, dims, 3, 2);
      const Doubles values = quarters(random, rows * 2);
      const SparseTensor x(coordinate_tensor(coordinates, dims), tensor(dtype, {rows, 2}, values));
      // Axis d spans [-3 - d, 4): sides differ.
      std::array<std::int32_t, 4> origin{}, extent{};
      for (int d = 0; d < dims; ++d) {
        origin[static_cast<std::size_t>(d)] = -3 - d;
        extent[static_cast<std::size_t>(d)] = 7 + d;
      }
      const Tensor y =
          to_dense(x, 3, PerAxis::from(origin.data(), dims), PerAxis::from(extent.data(), dims));
      ASSERT_EQ(y.shape().rank(), 2 + dims);
      Doubles expected(static_cast<std::size_t>(y.shape().elements()), 0.0);
      for (std::size_t row = 0; row < coordinates.size(); ++row)
        for (std::size_t c = 0; c < 2; ++c) {
          std::size_t index = static_cast<std::size_t>(coordinates[row][0]) * 2 + c;
          for (std::size_t d = 0; d < static_cast<std::size_t>(dims); ++d)
            index = index * static_cast<std::size_t>(extent[d]) +
                    static_cast<std::size_t>(coordinates[row][1 + d] - origin[d]);
          expected[index] = values[row * 2 + c];
        }
      EXPECT_EQ(doubles(y), expected) << name(dtype) << " D " << dims;
    }
}

TEST(Dense, RoundTripSortsTheRows) {
  std::mt19937 random(2);
  auto coordinates = random_coordinates(random, 500, 3, 9, 3);
  const Doubles values = distinct(random, 500 * 3);  // 0 occurs once at most: no row is all zeros
  for (const int threads : {1, 4}) {
    const Execution execution{.threads = threads};
    const SparseTensor x(coordinate_tensor(coordinates, 3),
                         tensor(DType::float32, {500, 3}, values), 2, StrideStyle::divided,
                         execution);
    const SparseTensor y = from_dense(to_dense(x, 3, -9, 19), -9, 2, execution);
    std::map<Coordinate, Doubles> expected;
    for (std::size_t row = 0; row < 500; ++row)
      expected[coordinates[row]] = {values[row * 3], values[row * 3 + 1], values[row * 3 + 2]};
    std::vector<Coordinate> order;
    Doubles sorted;
    for (const auto& [coordinate, row] : expected) {
      order.push_back(coordinate);
      sorted.insert(sorted.end(), row.begin(), row.end());
    }
    EXPECT_EQ(coordinates_of(y), order);
    EXPECT_EQ(doubles(y.features()), sorted);
    EXPECT_EQ(y.stride()[2], 2);
  }
}

TEST(Dense, NaNIsAVoxelAndNegativeZeroIsNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType dtype : kFloatingDTypes) {
    const SparseTensor y = from_dense(tensor(dtype, {1, 1, 4}, {0.0, -0.0, nan, 2}), {10});
    EXPECT_EQ(coordinates_of(y), (std::vector<Coordinate>{{0, 12}, {0, 13}}));
  }
}

TEST(Dense, EmptyTensors) {
  const SparseTensor none(Tensor(DType::int32, {0, 3}), Tensor(DType::float32, {0, 2}));
  EXPECT_EQ(doubles(to_dense(none, 1, 0, {2, 3})), Doubles(12, 0.0));
  EXPECT_EQ(to_dense(none, 0, 0, {2, 3}).shape(), (Shape{0, 2, 2, 3}));
  EXPECT_EQ(from_dense(Tensor::zeros(DType::float32, {2, 3, 4, 5})).rows(), 0);
  EXPECT_EQ(from_dense(Tensor::zeros(DType::float32, {2, 3, 0, 5})).rows(), 0);
  EXPECT_EQ(from_dense(Tensor::zeros(DType::float32, {0, 3, 4})).coordinates().dims(), 1);
}

TEST(Dense, NamesWhatIsWrong) {
  const SparseTensor x(coordinate_tensor({{0, -1, 5}, {2, 3, 4}}, 2),
                       tensor(DType::float32, {2, 1}, {1, 2}));
  const auto before = bytes_of(x.features());
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << "message: " << message;
  };
  EXPECT_EQ(to_dense(x, 3, {-1, 4}, {5, 2}).shape(), (Shape{3, 1, 5, 2}));
  expect(error_of([&] { to_dense(x, 3, {0, 4}, {5, 2}); }), "axis 0");
  expect(error_of([&] { to_dense(x, 3, {-1, 4}, {4, 2}); }), "axis 0");
  expect(error_of([&] { to_dense(x, 3, {-1, 4}, {5, 1}); }), "axis 1");
  expect(error_of([&] { to_dense(x, 2, {-1, 4}, {5, 2}); }), "got 2");
  expect(error_of([&] { to_dense(x, 3, {-1, 4, 0}, {5, 2}); }), "origin");
  expect(error_of([&] { to_dense(x, 3, {-1, 4}, {5, 2, 1}); }), "extent");
  expect(error_of([&] { to_dense(x, 3, -1, 0); }), "extent");
  expect(error_of([&] { to_dense({}, 3, 0, 1); }), "default constructed");
  expect(error_of([] { from_dense(Tensor::zeros(DType::float32, {2, 3})); }), "[2, 3]");
  expect(error_of([] { from_dense(Tensor::zeros(DType::uint8, {2, 3, 4})); }), "uint8");
  expect(error_of([] {
           from_dense(Tensor::zeros(DType::float32, {1, 1, 2}), 2147483647);
         }),
         "int32");
  expect(error_of([] { from_dense(Tensor::zeros(DType::float32, {1, 1, 2}), 0, 0); }), "stride");
  EXPECT_EQ(bytes_of(x.features()), before);
}

}  // namespace
}  // namespace gavotte
