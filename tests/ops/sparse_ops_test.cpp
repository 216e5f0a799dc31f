// Joining, pruning and element-wise operations against maps from coordinates to values.
#include "gavotte/sparse_ops.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "ops/values.h"

namespace gavotte {
namespace {

using namespace testing_ops;

// A sparse tensor as a dictionary; std::map orders coordinates lexicographically.
using Dictionary = std::map<Coordinate, Doubles>;

Dictionary dictionary(const SparseTensor& x) {
  Dictionary result;
  const std::vector<Coordinate> coordinates = coordinates_of(x);
  const Doubles values = doubles(x.features());
  for (std::size_t row = 0; row < coordinates.size(); ++row) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(row) * x.channels();
    result[coordinates[row]] = Doubles(first, first + x.channels());
  }
  return result;
}

SparseTensor random_tensor(std::mt19937& random, std::int64_t rows, std::int64_t channels,
                           DType dtype = DType::float32, int dims = 3, int threads = 0) {
  const auto coordinates = random_coordinates(random, rows, dims, 3, 2);
  return {coordinate_tensor(coordinates, dims),
          tensor(dtype, {rows, channels}, quarters(random, rows * channels)),
          1,
          StrideStyle::divided,
          {.threads = threads}};
}

double apply(BinaryOp op, double a, double b) {
  return op == BinaryOp::add ? a + b : op == BinaryOp::subtract ? a - b : a * b;
}

constexpr std::array kOperations = {BinaryOp::add, BinaryOp::subtract, BinaryOp::multiply};

void expect_contains(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << "message: " << message;
}

TEST(SparseTensor, KeepsItsRowsAndPrintsItself) {
  std::mt19937 random(1);
  const auto coordinates = random_coordinates(random, 9, 2, 5, 2);
  const Doubles values = quarters(random, 27);
  const SparseTensor x(coordinate_tensor(coordinates, 2), tensor(DType::float16, {9, 3}, values),
                       2);
  EXPECT_EQ(coordinates_of(x), coordinates);
  EXPECT_EQ(doubles(x.features()), values);
  EXPECT_EQ(x.rows(), 9);
  EXPECT_EQ(x.channels(), 3);
  expect_contains(x.to_string(), "9");
  expect_contains(x.to_string(), "float16");
  EXPECT_EQ(SparseTensor().rows(), 0);
  EXPECT_FALSE(SparseTensor().to_string().empty());
}

TEST(SparseTensor, CopiesWhatItIsGiven) {
  Tensor features = tensor(DType::float32, {1, 1}, {5});
  Tensor coordinates = coordinate_tensor({{0, 7}}, 1);
  const SparseTensor x(coordinates, features);
  features.span<float>()[0] = 6;
  coordinates.span<std::int32_t>()[1] = 8;
  EXPECT_EQ(doubles(x.features()), (Doubles{5}));
  EXPECT_EQ(coordinates_of(x), (std::vector<Coordinate>{{0, 7}}));
}

TEST(SparseTensor, OtherFeaturesOnTheSameSet) {
  std::mt19937 random(2);
  const SparseTensor x = random_tensor(random, 5, 2);
  const SparseTensor y = x.with_features(tensor(DType::float64, {5, 1}, {1, 2, 3, 4, 5}));
  EXPECT_TRUE(y.coordinates().same_as(x.coordinates()));
  EXPECT_EQ(y.channels(), 1);
  expect_contains(error_of([&] { x.with_features(Tensor(DType::float32, {4, 2})); }), "[4, 2]");
  expect_contains(error_of([&] { x.with_features(Tensor::zeros(DType::int64, {5, 2})); }), "int64");
}

TEST(SparseTensor, NamesWhatIsWrong) {
  const Tensor coordinates = coordinate_tensor({{0, 1}, {0, 2}}, 1);
  const Tensor features = tensor(DType::float32, {3, 1}, {1, 2, 3});
  expect_contains(error_of([&] { SparseTensor(coordinates, features); }), "[3, 1]");
  expect_contains(error_of([&] {
                    SparseTensor(coordinates, Tensor::zeros(DType::uint8, {2, 1}));
                  }),
                  "uint8");
  const ConstTensorView nowhere(nullptr, DType::float32, {2, 1});
  expect_contains(error_of([&] { SparseTensor(coordinates, nowhere); }), "null");
  expect_contains(error_of([&] {
                    SparseTensor(coordinate_tensor({{0, 1}, {0, 1}, {0, 3}}, 1), features);
                  }),
                  "0");
  EXPECT_EQ(doubles(features), (Doubles{1, 2, 3}));
}

TEST(SparseOps, CombineOnOneSetKeepsItsRows) {
  std::mt19937 random(3);
  for (const DType dtype : kFloatingDTypes) {
    const SparseTensor a = random_tensor(random, 40, 3, dtype);
    const SparseTensor b = a.with_features(tensor(dtype, {40, 3}, quarters(random, 120)));
    for (const BinaryOp op : kOperations) {
      const SparseTensor y = combine(a, b, op);
      EXPECT_TRUE(y.coordinates().same_as(a.coordinates()));
      const Doubles p = doubles(a.features()), q = doubles(b.features()), r = doubles(y.features());
      for (std::size_t i = 0; i < r.size(); ++i) {
        const double expected = apply(op, p[i], q[i]);
        ASSERT_NEAR(r[i], expected, rounding(dtype) * std::abs(expected)) << name(dtype);
      }
    }
  }
}

TEST(SparseOps, CombineOverTheUnion) {
  std::mt19937 random(4);
  for (const DType dtype : {DType::bfloat16, DType::float64})
    for (const int threads : {1, 3}) {
      const SparseTensor a = random_tensor(random, 60, 2, dtype, 2, threads);
      const SparseTensor b = random_tensor(random, 45, 2, dtype, 2, threads);
      for (const BinaryOp op : kOperations) {
        Dictionary left = dictionary(a), right = dictionary(b), expected;
        for (const auto* side : {&left, &right})
          for (const auto& [coordinate, values] : *side) expected[coordinate] = Doubles(2);
        ASSERT_GT(expected.size(), left.size());
        ASSERT_LT(expected.size(), left.size() + right.size());
        std::vector<Coordinate> order;
        for (auto& [coordinate, values] : expected) {
          order.push_back(coordinate);
          left[coordinate].resize(2);  // an absent row is 0
          right[coordinate].resize(2);
          for (std::size_t c = 0; c < 2; ++c) {
            const double exact = apply(op, left[coordinate][c], right[coordinate][c]);
            values[c] = doubles(tensor(dtype, {1}, {exact}))[0];
          }
        }
        const SparseTensor y = combine(a, b, op);
        EXPECT_EQ(coordinates_of(y), order);
        EXPECT_EQ(dictionary(y), expected);
      }
    }
}

TEST(SparseOps, UniteSaysWhereRowsLie) {
  const std::vector<std::int32_t> first = {0, 5, 0, 1}, second = {0, 1, 0, 7};
  const Coordinates a(Tensor::from<std::int32_t>(first, {2, 2}));
  const Coordinates b(Tensor::from<std::int32_t>(second, {2, 2}));
  const CoordinateUnion joined = unite(a, b);
  const auto values = [](const ConstTensorView& view) {
    const auto span = view.span<std::int32_t>();
    return std::vector<std::int32_t>(span.begin(), span.end());
  };
  EXPECT_EQ(values(joined.coordinates.lattice()), (std::vector<std::int32_t>{0, 1, 0, 5, 0, 7}));
  EXPECT_EQ(values(joined.row_of_a), (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(values(joined.row_of_b), (std::vector<std::int32_t>{0, 2}));
  const Coordinates coarse(Tensor::from<std::int32_t>(second, {2, 2}), 2);
  EXPECT_THROW(unite(a, coarse), Error);
  EXPECT_THROW(unite(a, Coordinates()), Error);
}

TEST(SparseOps, CoordinatesMayShareTheCallersMemory) {
  const std::vector<std::int32_t> values = {0, 5, 0, 1}, twice = {0, 5, 0, 5};
  Tensor lattice = Tensor::from<std::int32_t>(values, {2, 2});
  const void* const memory = lattice.data();
  const Coordinates set = Coordinates::sharing(std::move(lattice));
  EXPECT_EQ(set.lattice().data, memory);
  EXPECT_THROW(Coordinates::sharing(Tensor::from<std::int32_t>(twice, {2, 2})), Error);
}

TEST(SparseOps, CombineWithAnEmptyTensor) {
  std::mt19937 random(5);
  const SparseTensor a = random_tensor(random, 6, 1);
  const SparseTensor none(Tensor(DType::int32, {0, 4}), Tensor(DType::float32, {0, 1}));
  EXPECT_EQ(dictionary(combine(a, none, BinaryOp::add)), dictionary(a));
  EXPECT_EQ(dictionary(combine(none, a, BinaryOp::add)), dictionary(a));
  EXPECT_EQ(combine(none, none, BinaryOp::multiply).rows(), 0);
}

TEST(SparseOps, ConcatenateOverUnionsAndSharedSets) {
  std::mt19937 random(6);
  for (const DType dtype : {DType::float16, DType::float32}) {
    const SparseTensor a = random_tensor(random, 30, 2, dtype);
    const SparseTensor b = random_tensor(random, 20, 1, dtype);
    const SparseTensor c = a.with_features(tensor(dtype, {30, 3}, quarters(random, 90)));
    const SparseTensor d = random_tensor(random, 25, 5, dtype);
    const std::vector<SparseTensor> tensors = {a, b, c, d};
    Dictionary expected;
    std::size_t channels = 0;
    for (const SparseTensor& x : tensors) {
      for (const auto& [coordinate, values] : dictionary(x)) {
        Doubles& row = expected[coordinate];
        row.resize(11);
        std::copy(values.begin(), values.end(),
                  row.begin() + static_cast<std::ptrdiff_t>(channels));
      }
      channels += static_cast<std::size_t>(x.channels());
    }
    const SparseTensor y = concatenate(tensors);
    EXPECT_EQ(y.channels(), 11);
    EXPECT_EQ(dictionary(y), expected);
    EXPECT_EQ(coordinates_of(y).front(), expected.begin()->first);
  }
}

TEST(SparseOps, ConcatenateOnOneSetKeepsItsRows) {
  std::mt19937 random(7);
  const SparseTensor a = random_tensor(random, 8, 1);
  const std::vector<SparseTensor> tensors = {a, a, a};
  const SparseTensor y = concatenate(tensors);
  EXPECT_TRUE(y.coordinates().same_as(a.coordinates()));
  for (const auto& [coordinate, values] : dictionary(a))
    EXPECT_EQ(dictionary(y)[coordinate], (Doubles{values[0], values[0], values[0]}));
  EXPECT_EQ(dictionary(concatenate(std::span(tensors).first(1))), dictionary(a));
}

// Blocks of rows take their parts in turn.
TEST(SparseOps, ConcatenateManyRowsOnOneSet) {
  std::mt19937 random(8);
  for (const DType dtype : {DType::bfloat16, DType::float32, DType::float64}) {
    const std::int64_t rows = 300;
    const SparseTensor first = random_tensor(random, rows, 16, dtype, 3, 3);
    std::vector<SparseTensor> tensors = {first};
    std::vector<Doubles> parts = {doubles(first.features())};
    for (const std::int64_t channels : {3, 32, 130}) {
      parts.push_back(quarters(random, rows * channels));
      tensors.push_back(first.with_features(tensor(dtype, {rows, channels}, parts.back())));
      parts.back() = doubles(tensors.back().features());
    }
    Doubles expected;
    for (std::ptrdiff_t row = 0; row < rows; ++row)
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::ptrdiff_t channels = tensors[i].channels();
        const auto from = parts[i].begin() + row * channels;
        expected.insert(expected.end(), from, from + channels);
      }
    EXPECT_EQ(doubles(concatenate(tensors).features()), expected) << name(dtype);
  }
}

// Rows of 8 to 256 bytes: copies of some sizes are loops of their own.
TEST(SparseOps, RowsOfEveryWidthAreMovedWhole) {
  std::mt19937 random(17);
  for (const DType dtype : {DType::bfloat16, DType::float32})
    for (const std::int64_t channels : {4, 8, 16, 24, 32, 33, 64}) {
      const SparseTensor a = random_tensor(random, 20, channels, dtype),
                         b = random_tensor(random, 30, channels, dtype);
      const auto width = static_cast<std::size_t>(channels);
      Dictionary expected;
      for (const auto& [coordinate, values] : dictionary(a)) {
        expected[coordinate].assign(2 * width, 0.0);
        std::copy(values.begin(), values.end(), expected[coordinate].begin());
      }
      for (const auto& [coordinate, values] : dictionary(b)) {
        expected[coordinate].resize(2 * width, 0.0);
        std::copy(values.begin(), values.end(), expected[coordinate].end() - channels);
      }
      const std::vector<SparseTensor> tensors = {a, b};
      EXPECT_EQ(dictionary(concatenate(tensors)), expected) << name(dtype) << " " << channels;

      Tensor keep(DType::uint8, {20});
      for (std::size_t row = 0; row < 20; ++row) keep.span<std::uint8_t>()[row] = row % 3 == 0;
      Dictionary all = dictionary(a), kept = dictionary(prune(a, keep));
      EXPECT_EQ(kept.size(), 7u);
      for (const auto& [coordinate, values] : kept)
        EXPECT_EQ(values, all[coordinate]) << name(dtype) << " " << channels;
    }
}

TEST(SparseOps, PruneKeepsOrder) {
  std::mt19937 random(8);
  for (const std::int64_t rows : {0, 1, 300}) {
    const SparseTensor x = random_tensor(random, rows, 3, DType::float16);
    for (const unsigned one_in : {1u, 3u, 1000000u}) {
      Tensor keep(DType::uint8, {rows});
      std::vector<Coordinate> expected;
      Dictionary rest;
      for (std::int64_t row = 0; row < rows; ++row) {
        const bool kept = random() % one_in == 0;
        keep.span<std::uint8_t>()[static_cast<std::size_t>(row)] = kept ? 200 : 0;
        if (kept) expected.push_back(coordinates_of(x)[static_cast<std::size_t>(row)]);
      }
      const SparseTensor y = prune(x, keep);
      EXPECT_EQ(coordinates_of(y), expected);
      Dictionary all = dictionary(x);
      for (const auto& [coordinate, values] : dictionary(y)) EXPECT_EQ(values, all[coordinate]);
      EXPECT_EQ(y.coordinates().dims(), 3);
    }
  }
}

TEST(SparseOps, PruneOfManyRowsIsTheSameForEveryThreadCount) {
  std::mt19937 random(9);
  std::vector<Coordinate> line;
  for (int i = 0; i < 20000; ++i) line.push_back({0, (i * 7919) % 20011});
  Tensor keep(DType::uint8, {20000});
  for (std::uint8_t& value : keep.span<std::uint8_t>()) value = random() % 2 == 0;
  const Tensor features = tensor(DType::float32, {20000, 2}, normals(random, 40000));
  std::vector<std::byte> first;
  for (const int threads : {1, 2, 5}) {
    const SparseTensor x(coordinate_tensor(line, 1), features, 1, StrideStyle::divided,
                         {.threads = threads});
    const SparseTensor y = prune(x, keep);
    if (threads == 1) first = bytes_of(y.features());
    EXPECT_EQ(bytes_of(y.features()), first);
  }
}

TEST(SparseOps, EpilogueMatchesItsFormula) {
  std::mt19937 random(10);
  for (const DType dtype : kFloatingDTypes)
    for (const auto [rows, channels] : {std::array<std::int64_t, 2>{21, 1},
                                        {21, 7},
                                        {21, 40},
                                        {600, 1},
                                        {150, 16},
                                        {150, 24},
                                        {9, 300}})
      for (const Activation activation :
           {Activation::none, Activation::relu, Activation::leaky_relu, Activation::sigmoid}) {
        const DType vector_dtype = dtype == DType::float64 ? dtype : DType::float32;
        const Doubles x = quarters(random, rows * channels),
                      residual = quarters(random, rows * channels);
        const Doubles scale = quarters(random, channels), shift = quarters(random, channels);
        const Tensor scale_tensor = tensor(vector_dtype, {channels}, scale);
        const Tensor shift_tensor = tensor(vector_dtype, {channels}, shift);
        const Tensor residual_tensor = tensor(dtype, {rows, channels}, residual);
        const Epilogue epilogue{.scale = scale_tensor,
                                .shift = shift_tensor,
                                .residual = residual_tensor,
                                .activation = activation,
                                .negative_slope = 0.125F};
        const Doubles y =
            doubles(apply_epilogue(tensor(dtype, {rows, channels}, x), epilogue, {.threads = 2}));
        // Below 2^-14 the error of a float16 is absolute.
        const double absolute = dtype == DType::float16 ? 0x1p-25 : 0.0;
        for (std::size_t i = 0; i < y.size(); ++i) {
          const std::size_t c = i % static_cast<std::size_t>(channels);
          double expected = scale[c] * x[i] + shift[c] + residual[i];
          if (activation == Activation::relu) expected = std::max(expected, 0.0);
          if (activation == Activation::leaky_relu && expected < 0) expected *= 0.125;
          if (activation == Activation::sigmoid) expected = 1 / (1 + std::exp(-expected));
          ASSERT_NEAR(y[i], expected, 8 * rounding(dtype) * std::abs(expected) + absolute)
              << name(dtype) << " " << name(activation);
        }
      }
}

TEST(SparseOps, ConvertRoundsOnceBetweenAllDtypes) {
  const Doubles values = {0.0,
                          -0.0,
                          1.0 + 0x1p-11 + 0x1p-40,
                          -3.14159,
                          1e-7,
                          65519.999,
                          1e30,
                          -std::numeric_limits<double>::infinity()};
  for (const DType from : kFloatingDTypes)
    for (const DType to : kFloatingDTypes) {
      const Tensor x = tensor(from, {2, 2, 2}, values);
      const Tensor y = convert(x, to);
      EXPECT_EQ(y.dtype(), to);
      EXPECT_EQ(y.shape(), x.shape());
      EXPECT_EQ(bytes_of(y), bytes_of(tensor(to, {2, 2, 2}, doubles(x)))) << name(from) << name(to);
    }
  EXPECT_TRUE(std::isnan(
      doubles(convert(tensor(DType::float64, {1}, {std::numeric_limits<double>::quiet_NaN()}),
                      DType::float16))[0]));
}

TEST(SparseOps, NamesWhatIsWrongAndChangesNothing) {
  std::mt19937 random(11);
  const SparseTensor x = random_tensor(random, 6, 2);
  const auto before = bytes_of(x.features());
  const SparseTensor wide = random_tensor(random, 6, 3);
  const SparseTensor other = random_tensor(random, 6, 2, DType::float64);
  const SparseTensor flat = random_tensor(random, 6, 2, DType::float32, 2);
  const SparseTensor coarse(coordinate_tensor({{0, 0, 0, 0}}, 3),
                            tensor(DType::float32, {1, 2}, {1, 2}), 2);
  const auto combined = [&](const SparseTensor& y) {
    return error_of([&] { combine(x, y, BinaryOp::add); });
  };
  expect_contains(combined(wide), "2 and 3");
  expect_contains(combined(other), "float64");
  expect_contains(combined(flat), "3 and 2");
  expect_contains(combined(coarse), "stride");
  expect_contains(combined({}), "default constructed");
  expect_contains(error_of([&] { combine(x, x, static_cast<BinaryOp>(7)); }), "7");
  expect_contains(error_of([] { concatenate({}); }), "none");
  expect_contains(error_of([&] { concatenate(std::vector<SparseTensor>{x, coarse}); }), "stride");
  expect_contains(error_of([&] { prune(x, Tensor::zeros(DType::uint8, {5})); }), "[5]");
  expect_contains(error_of([&] { prune(x, Tensor::zeros(DType::int32, {6})); }), "int32");
  expect_contains(error_of([&] { prune({}, Tensor::zeros(DType::uint8, {0})); }), "default");
  expect_contains(error_of([&] { convert(x.features(), DType::int32); }), "int32");
  expect_contains(error_of([&] { convert(Tensor::zeros(DType::int32, {1}), DType::float32); }),
                  "int32");
  const Tensor short_vector = Tensor::zeros(DType::float32, {1});
  expect_contains(error_of([&] { apply_epilogue(x.features(), {.scale = short_vector}); }), "[1]");
  const Tensor doubles_vector = Tensor::zeros(DType::float64, {2});
  expect_contains(error_of([&] { apply_epilogue(x.features(), {.shift = doubles_vector}); }),
                  "float64");
  EXPECT_EQ(bytes_of(x.features()), before);
}

}  // namespace
}  // namespace gavotte
