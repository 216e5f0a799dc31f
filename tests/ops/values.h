// What the tests of this folder share: tensors from and to doubles, random kernel maps, random
// sets.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dispatch.h"
#include "gavotte/kernel_map.h"
#include "gavotte/sparse_tensor.h"
#include "map_data.h"

namespace gavotte::testing_ops {

using Doubles = std::vector<double>;

inline constexpr std::array kFloatingDTypes = {DType::float16, DType::bfloat16, DType::float32,
                                               DType::float64};

inline Tensor tensor(DType dtype, Shape shape, const Doubles& values) {
  Tensor result(dtype, shape);
  internal::dispatch_floating(dtype, [&]<class T>() {
    std::transform(values.begin(), values.end(), result.span<T>().begin(),
                   [](double value) { return static_cast<T>(value); });
  });
  return result;
}

inline Doubles doubles(const ConstTensorView& view) {
  Doubles result;
  internal::dispatch_floating(view.dtype, [&]<class T>() {
    for (const T value : view.span<T>()) result.push_back(static_cast<double>(value));
  });
  return result;
}

/// Multiples of 1/4 from -4 to 4: exact in every dtype, and so are sums of a few dozen in float.
/// Equal values are frequent, so ties are.
inline Doubles quarters(std::mt19937& random, std::int64_t count) {
  std::uniform_int_distribution<int> steps(-16, 16);
  Doubles result(static_cast<std::size_t>(count));
  for (double& value : result) value = steps(random) / 4.0;
  return result;
}

/// All different, so that a maximum has a gradient.
inline Doubles distinct(std::mt19937& random, std::int64_t count) {
  Doubles result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), -static_cast<double>(count) / 2);
  std::shuffle(result.begin(), result.end(), random);
  for (double& value : result) value /= 16;
  return result;
}

inline Doubles normals(std::mt19937& random, std::int64_t count) {
  std::normal_distribution<double> normal;
  Doubles result(static_cast<std::size_t>(count));
  for (double& value : result) value = normal(random);
  return result;
}

/// Half a place of the dtype at 1: one rounding's relative error.
inline double rounding(DType dtype) {
  switch (dtype) {
    case DType::float16:
      return 0x1p-11;
    case DType::bfloat16:
      return 0x1p-8;
    case DType::float32:
      return 0x1p-24;
    default:
      return 0x1p-53;
  }
}

inline double dot(const Doubles& a, const Doubles& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

inline std::vector<std::byte> bytes_of(const ConstTensorView& view) {
  const auto* const first = static_cast<const std::byte*>(view.data);
  return {first, first + view.bytes()};
}

struct Pair {
  int offset;
  std::int64_t in, out;
};

/// Pairs by offset, then by output row; within an offset no row occurs twice on either side.
inline std::vector<Pair> random_pairs(std::mt19937& random, int offsets, std::int64_t in_rows,
                                      std::int64_t out_rows) {
  std::vector<Pair> pairs;
  std::vector<std::int64_t> inputs(static_cast<std::size_t>(in_rows));
  std::iota(inputs.begin(), inputs.end(), 0);
  for (int k = 0; k < offsets; ++k) {
    std::shuffle(inputs.begin(), inputs.end(), random);
    std::size_t next = 0;
    for (std::int64_t out = 0; out < out_rows && next < inputs.size(); ++out)
      if (random() % 3 == 0) pairs.push_back({k, inputs[next++], out});
  }
  return pairs;
}

inline KernelMap map_of(const std::vector<Pair>& pairs, int offsets, std::int64_t in_rows,
                        std::int64_t out_rows) {
  auto data = std::make_shared<internal::MapData>();
  data->offsets = offsets;
  data->in_rows = in_rows;
  data->out_rows = out_rows;
  data->pairs = static_cast<std::int64_t>(pairs.size());
  std::vector<std::int64_t> begin(static_cast<std::size_t>(offsets) + 1, 0);
  std::vector<std::int32_t> in, out;
  for (const Pair& pair : pairs) {
    ++begin[static_cast<std::size_t>(pair.offset) + 1];
    in.push_back(static_cast<std::int32_t>(pair.in));
    out.push_back(static_cast<std::int32_t>(pair.out));
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  data->sorted_by_out = true;
  data->lists = {Tensor::from<std::int64_t>(begin, {offsets + 1}),
                 Tensor::from<std::int32_t>(in, {data->pairs}),
                 Tensor::from<std::int32_t>(out, {data->pairs})};
  return KernelMap(std::move(data));
}

using Coordinate = std::vector<std::int32_t>;  // batch, axis 0, ...

/// Different coordinates in random order, each axis in [-range, range], the batch in [0, batch).
inline std::vector<Coordinate> random_coordinates(std::mt19937& random, std::int64_t count,
                                                  int dims, int range, int batch) {
  std::set<Coordinate> chosen;
  std::uniform_int_distribution<int> axis(-range, range);
  while (static_cast<std::int64_t>(chosen.size()) < count) {
    Coordinate coordinate = {static_cast<int>(random() % static_cast<unsigned>(batch))};
    for (int d = 0; d < dims; ++d) coordinate.push_back(axis(random));
    chosen.insert(coordinate);
  }
  std::vector<Coordinate> result(chosen.begin(), chosen.end());
  std::shuffle(result.begin(), result.end(), random);
  return result;
}

inline Tensor coordinate_tensor(const std::vector<Coordinate>& coordinates, int dims) {
  std::vector<std::int32_t> flat;
  for (const Coordinate& coordinate : coordinates)
    flat.insert(flat.end(), coordinate.begin(), coordinate.end());
  return Tensor::from<std::int32_t>(flat,
                                    {static_cast<std::int64_t>(coordinates.size()), 1 + dims});
}

inline std::vector<Coordinate> coordinates_of(const SparseTensor& x) {
  const auto lattice = x.coordinates().lattice();
  const auto values = lattice.span<std::int32_t>();
  const auto columns = lattice.shape[1];
  std::vector<Coordinate> result;
  for (std::int64_t row = 0; row < lattice.rows(); ++row)
    result.emplace_back(values.begin() + row * columns, values.begin() + (row + 1) * columns);
  return result;
}

/// The message of the Error that the call throws, or an empty string.
template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace gavotte::testing_ops
