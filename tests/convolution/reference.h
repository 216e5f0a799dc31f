// Kernel maps by brute force and convolutions in double, written as the definition reads.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "gavotte/kernel_map.h"
#include "half.h"
#include "map_data.h"

namespace gavotte::testing {

struct Pair {
  int k;
  std::int32_t in, out;
};

/// Pairs in the order of (k, out), with the same pairs as a KernelMap.
struct ReferenceMap {
  int offsets = 0;
  std::int64_t in_rows = 0, out_rows = 0;
  std::vector<Pair> pairs;
  KernelMap map;
};

inline internal::PairLists make_lists(int offsets, const std::vector<Pair>& pairs) {
  std::vector<std::int64_t> begin(static_cast<std::size_t>(offsets) + 1, 0);
  std::vector<std::int32_t> in, out;
  for (const Pair& pair : pairs) {
    ++begin[static_cast<std::size_t>(pair.k) + 1];
    in.push_back(pair.in);
    out.push_back(pair.out);
  }
  for (std::size_t k = 1; k < begin.size(); ++k) begin[k] += begin[k - 1];
  const auto count = static_cast<std::int64_t>(pairs.size());
  return {Tensor::from<std::int64_t>(begin, {offsets + 1}), Tensor::from<std::int32_t>(in, {count}),
          Tensor::from<std::int32_t>(out, {count})};
}

inline ReferenceMap make_reference(int offsets, std::int64_t in_rows, std::int64_t out_rows,
                                   int identity, std::vector<Pair> pairs) {
  const auto sort_by = [&](auto row) {
    std::sort(pairs.begin(), pairs.end(), [&](const Pair& a, const Pair& b) {
      return a.k != b.k ? a.k < b.k : row(a) < row(b);
    });
  };
  auto data = std::make_shared<internal::MapData>();
  data->offsets = offsets;
  data->in_rows = in_rows;
  data->out_rows = out_rows;
  data->pairs = static_cast<std::int64_t>(pairs.size());
  data->identity_offset = identity;
  sort_by([](const Pair& pair) { return pair.in; });
  data->by_in = make_lists(offsets, pairs);
  sort_by([](const Pair& pair) { return pair.out; });
  data->lists = make_lists(offsets, pairs);
  data->sorted_by_out = true;
  return {offsets, in_rows, out_rows, pairs, KernelMap(std::move(data))};
}

/// Of a map that the library made.
inline ReferenceMap reference_of(const KernelMap& map) {
  ReferenceMap reference{map.offsets(), map.in_rows(), map.out_rows(), {}, map};
  const auto begin = map.pair_begin().span<std::int64_t>();
  const auto in = map.pair_in().span<std::int32_t>(), out = map.pair_out().span<std::int32_t>();
  for (int k = 0; k < map.offsets(); ++k)
    for (auto i = static_cast<std::size_t>(begin[static_cast<std::size_t>(k)]);
         i < static_cast<std::size_t>(begin[static_cast<std::size_t>(k) + 1]); ++i)
      reference.pairs.push_back({k, in[i], out[i]});
  return reference;
}

using Voxel = std::array<int, 3>;

/// `rows` distinct voxels of a cube of that extent, in random order.
inline std::vector<Voxel> random_voxels(std::mt19937& random, std::int64_t rows, int extent) {
  std::vector<Voxel> voxels;
  for (int x = 0; x < extent; ++x)
    for (int y = 0; y < extent; ++y)
      for (int z = 0; z < extent; ++z) voxels.push_back({x, y, z});
  std::shuffle(voxels.begin(), voxels.end(), random);
  voxels.resize(static_cast<std::size_t>(rows));
  return voxels;
}

/// in = out * stride + offset for each offset of a centred cube of that size; compares every input
/// with every output.
inline ReferenceMap map_between(const std::vector<Voxel>& inputs, const std::vector<Voxel>& outputs,
                                int size, int stride, bool submanifold) {
  std::vector<Pair> pairs;
  const int low = size / 2;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      int k = 0;
      bool inside = true;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const int step = inputs[i][axis] - outputs[o][axis] * stride + low;
        inside &= step >= 0 && step < size;
        k = k * size + step;
      }
      if (inside) pairs.push_back({k, static_cast<std::int32_t>(i), static_cast<std::int32_t>(o)});
    }
  }
  return make_reference(size * size * size, static_cast<std::int64_t>(inputs.size()),
                        static_cast<std::int64_t>(outputs.size()),
                        submanifold ? size * size * size / 2 : -1, pairs);
}

inline ReferenceMap submanifold_map(std::mt19937& random, std::int64_t rows, int extent, int size) {
  const auto voxels = random_voxels(random, rows, extent);
  return map_between(voxels, voxels, size, 1, true);
}

inline ReferenceMap strided_map(std::mt19937& random, std::int64_t in_rows, std::int64_t out_rows,
                                int extent, int size) {
  return map_between(random_voxels(random, in_rows, extent),
                     random_voxels(random, out_rows, extent / 2), size, 2, false);
}

/// Values as a Tensor of the dtype, and as doubles exactly as they are stored.
struct Values {
  Tensor tensor;
  std::vector<double> exact;
};

inline Values store(const std::vector<double>& values, DType dtype, Shape shape) {
  Values result{Tensor(dtype, shape), values};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::float64) {
      static_cast<double*>(result.tensor.data())[i] = values[i];
    } else if (dtype == DType::float32) {
      const auto value = static_cast<float>(values[i]);
      static_cast<float*>(result.tensor.data())[i] = value;
      result.exact[i] = static_cast<double>(value);
    } else if (dtype == DType::float16) {
      const internal::Float16 value(values[i]);
      static_cast<internal::Float16*>(result.tensor.data())[i] = value;
      result.exact[i] = static_cast<double>(value);
    } else {
      const internal::BFloat16 value(values[i]);
      static_cast<internal::BFloat16*>(result.tensor.data())[i] = value;
      result.exact[i] = static_cast<double>(value);
    }
  }
  return result;
}

inline Values random_values(std::mt19937& random, DType dtype, Shape shape) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> values(static_cast<std::size_t>(shape.elements()));
  for (double& value : values) value = uniform(random);
  return store(values, dtype, shape);
}

inline std::vector<double> to_doubles(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) {
    switch (tensor.dtype()) {
      case DType::float64:
        values.push_back(static_cast<const double*>(tensor.data())[i]);
        break;
      case DType::float16:
        values.push_back(
            static_cast<double>(static_cast<const internal::Float16*>(tensor.data())[i]));
        break;
      case DType::bfloat16:
        values.push_back(
            static_cast<double>(static_cast<const internal::BFloat16*>(tensor.data())[i]));
        break;
      default:
        values.push_back(static_cast<double>(static_cast<const float*>(tensor.data())[i]));
        break;
    }
  }
  return values;
}

/// A result in double, the sum of its terms' magnitudes, and how many terms there are at most.
struct Expected {
  std::vector<double> value, magnitude;
  std::int64_t terms = 0;
  explicit Expected(std::int64_t size)
      : value(static_cast<std::size_t>(size), 0), magnitude(static_cast<std::size_t>(size), 0) {}
  void add(std::int64_t at, double term) {
    value[static_cast<std::size_t>(at)] += term;
    magnitude[static_cast<std::size_t>(at)] += std::abs(term);
  }
};

/// Calls body(pair, ci, co, wi): x[pair.in, ci] meets W[wi] and y[pair.out, co]; weights [K, Cin /
/// groups, Cout].
template <class Body>
void for_each_product(const ReferenceMap& map, std::int64_t in, std::int64_t out, int groups,
                      Body&& body) {
  const std::int64_t in_group = in / groups, out_group = out / groups;
  for (const Pair& pair : map.pairs)
    for (std::int64_t co = 0; co < out; ++co)
      for (std::int64_t c = 0; c < in_group; ++c)
        body(pair, co / out_group * in_group + c, co, (pair.k * in_group + c) * out + co);
}

inline Expected forward(const ReferenceMap& map, std::int64_t in, std::int64_t out, int groups,
                        const std::vector<double>& x, const std::vector<double>& w) {
  Expected y(map.out_rows * out);
  for_each_product(map, in, out, groups,
                   [&](const Pair& pair, std::int64_t ci, std::int64_t co, std::int64_t wi) {
                     y.add(pair.out * out + co, x[static_cast<std::size_t>(pair.in * in + ci)] *
                                                    w[static_cast<std::size_t>(wi)]);
                   });
  y.terms = map.offsets * in / groups;
  return y;
}

inline Expected dgrad(const ReferenceMap& map, std::int64_t in, std::int64_t out, int groups,
                      const std::vector<double>& grad_y, const std::vector<double>& w) {
  Expected grad_x(map.in_rows * in);
  for_each_product(map, in, out, groups,
                   [&](const Pair& pair, std::int64_t ci, std::int64_t co, std::int64_t wi) {
                     grad_x.add(pair.in * in + ci,
                                grad_y[static_cast<std::size_t>(pair.out * out + co)] *
                                    w[static_cast<std::size_t>(wi)]);
                   });
  grad_x.terms = map.offsets * out / groups;
  return grad_x;
}

inline Expected wgrad(const ReferenceMap& map, std::int64_t in, std::int64_t out, int groups,
                      const std::vector<double>& x, const std::vector<double>& grad_y) {
  Expected grad_w(map.offsets * (in / groups) * out);
  for_each_product(map, in, out, groups,
                   [&](const Pair& pair, std::int64_t ci, std::int64_t co, std::int64_t wi) {
                     grad_w.add(wi, x[static_cast<std::size_t>(pair.in * in + ci)] *
                                        grad_y[static_cast<std::size_t>(pair.out * out + co)]);
                   });
  grad_w.terms = map.out_rows;
  return grad_w;
}

/// A sum of n products in an arithmetic of epsilon e (twice the rounding error of one operation) is
/// off by at most (n + 1) * e * sum of magnitudes; storing it in a dtype of epsilon s adds s / 2 of
/// the value, or half the least subnormal. `extra` counts further operations (an epilogue's).
inline double tolerance(DType dtype, std::int64_t terms, double magnitude, double value,
                        int extra = 0) {
  const double arithmetic = dtype == DType::float64 ? 0x1p-52 : 0x1p-23;
  const double storage = dtype == DType::float16    ? 0x1p-10
                         : dtype == DType::bfloat16 ? 0x1p-7
                                                    : arithmetic;
  const double least = dtype == DType::float16 ? 0x1p-24 : 0;
  return static_cast<double>(terms + 1 + extra) * arithmetic * magnitude +
         storage * std::abs(value) / 2 + least / 2;
}

}  // namespace gavotte::testing
