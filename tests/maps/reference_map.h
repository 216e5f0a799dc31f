// Output coordinates and pairs straight from the rules of the peers, by trying everything: the
// oracle of kernel maps. Shares no code with the library; written from the formulas, one branch for
// each row of conv_spec.h's table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "gavotte/conv_spec.h"
#include "gavotte/coordinates.h"
#include "gavotte/kernel_map.h"

namespace gavotte::testing {

using Point = std::vector<std::int64_t>;  // batch, then axes

/// floor(a / b) by definition.
inline std::int64_t reference_floor(std::int64_t a, std::int64_t b) {
  std::int64_t quotient = a / b;
  while (quotient * b > a) --quotient;
  return quotient;
}

/// Multi-index of each weight, by counting through the kernel in the stated order.
inline std::vector<std::vector<std::int64_t>> kernel_indices(const ConvSpec& spec, int dims) {
  int volume = 1;
  for (int a = 0; a < dims; ++a) volume *= spec.kernel_size[a];
  bool first_fastest = spec.offset_order == OffsetOrder::first_axis_fastest;
  if (spec.offset_order == OffsetOrder::torchsparse) first_fastest = volume % 2 == 1;
  std::vector<std::vector<std::int64_t>> indices;
  std::vector<std::int64_t> index(static_cast<std::size_t>(dims), 0);
  while (static_cast<int>(indices.size()) < volume) {
    indices.push_back(index);
    for (int i = 0; i < dims; ++i) {
      const int axis = first_fastest ? i : dims - 1 - i;
      if (++index[static_cast<std::size_t>(axis)] < spec.kernel_size[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
  return indices;
}

/// Does weight k join input i and output o on this axis?
inline bool joined(const ConvSpec& spec, int axis, std::int64_t i, std::int64_t o, std::int64_t k) {
  const std::int64_t size = spec.kernel_size[axis], s = spec.stride[axis], p = spec.padding[axis],
                     d = spec.dilation[axis];
  const bool up = spec.kind == ConvKind::transposed || spec.kind == ConvKind::inverse ||
                  spec.kind == ConvKind::generative;
  const std::int64_t coarse = up ? i : o, fine = up ? o : i;
  const std::int64_t centred = size % 2 == 1 ? k - size / 2 : k;
  if (spec.kind == ConvKind::submanifold) {
    if (spec.rule == CoordinateRule::window) return i == o + (k - size / 2) * d;
    return i == o + centred * d;
  }
  if (spec.rule == CoordinateRule::window) return fine == coarse * s - p + k * d;
  if (spec.rule == CoordinateRule::floor) return fine == coarse * s + centred * d;
  return fine == coarse * s - p + k;
}

/// The output set. finer: what an inverse (or reusing transposed) layer restores.
inline std::set<Point> reference_outputs(
    const ConvSpec& spec, int dims, const std::vector<Point>& inputs,
    const std::optional<std::vector<Point>>& finer = std::nullopt) {
  std::set<Point> outputs;
  if (spec.kind == ConvKind::submanifold) return {inputs.begin(), inputs.end()};
  // With stride 1 the set at the finer stride is the input itself.
  if (spec.kind == ConvKind::transposed && spec.rule != CoordinateRule::window &&
      spec.stride.all_equal(1, dims)) {
    return {inputs.begin(), inputs.end()};
  }
  const bool reuse =
      spec.kind == ConvKind::inverse ||
      (spec.kind == ConvKind::transposed && spec.rule != CoordinateRule::window && finer);
  if (reuse) return {finer->begin(), finer->end()};

  bool floors = spec.rule == CoordinateRule::floor;
  if (spec.rule == CoordinateRule::torchsparse) {
    floors = true;
    for (int a = 0; a < dims; ++a)
      floors = floors && (spec.stride[a] == 1 || spec.stride[a] == spec.kernel_size[a]);
  }
  if (spec.kind == ConvKind::strided && floors) {
    for (const Point& input : inputs) {
      Point output = input;
      for (int a = 0; a < dims; ++a)
        output[static_cast<std::size_t>(a) + 1] =
            reference_floor(input[static_cast<std::size_t>(a) + 1], spec.stride[a]);
      outputs.insert(output);
    }
    return outputs;
  }
  std::vector<std::int64_t> largest(static_cast<std::size_t>(dims), INT64_MIN);
  for (const Point& input : inputs) {
    for (std::size_t a = 0; a < static_cast<std::size_t>(dims); ++a)
      largest[a] = std::max(largest[a], input[a + 1]);
  }
  const auto indices = kernel_indices(spec, dims);
  for (const Point& input : inputs) {
    for (const auto& index : indices) {
      Point output = input;
      bool exists = true;
      for (int a = 0; a < dims && exists; ++a) {
        const auto c = static_cast<std::size_t>(a) + 1;
        const std::int64_t size = spec.kernel_size[a], s = spec.stride[a], p = spec.padding[a],
                           d = spec.dilation[a];
        const std::int64_t kk = index[c - 1];
        if (spec.kind == ConvKind::strided) {
          // o * s = i + p - k * d
          const std::int64_t scaled = input[c] + p - kk * d;
          exists = reference_floor(scaled, s) * s == scaled;
          output[c] = reference_floor(scaled, s);
        } else {
          const bool centre = spec.rule == CoordinateRule::floor && size % 2 == 1;
          output[c] = input[c] * s - p + (centre ? kk - size / 2 : kk) * d;
        }
        if (spec.spatial_shape && spec.rule == CoordinateRule::window) {
          const std::int64_t extent = (*spec.spatial_shape)[a];
          const std::int64_t bound =
              spec.kind == ConvKind::strided
                  ? reference_floor(extent + 2 * p - d * (size - 1) - 1, s) + 1
                  : (extent - 1) * s - 2 * p + d * (size - 1) + 1 + spec.output_padding[a];
          exists = exists && output[c] >= 0 && output[c] < bound;
        } else if (spec.rule == CoordinateRule::torchsparse && spec.kind == ConvKind::strided) {
          const std::int64_t last =
              (spec.spatial_shape ? (*spec.spatial_shape)[a] - 1 : largest[c - 1]) + 2 * p -
              (size - 1);
          exists = exists && output[c] >= 0 && output[c] <= reference_floor(last, s);
        }
      }
      if (exists) outputs.insert(output);
    }
  }
  return outputs;
}

/// Does any weight join the input and the output on every axis, each by an index of its own?
inline bool may_be_joined(const ConvSpec& spec, int dims, const Point& input, const Point& output) {
  if (input[0] != output[0]) return false;
  for (int a = 0; a < dims; ++a) {
    const auto c = static_cast<std::size_t>(a) + 1;
    bool any = false;
    for (int k = 0; k < spec.kernel_size[a] && !any; ++k)
      any = joined(spec, a, input[c], output[c], k);
    if (!any) return false;
  }
  return true;
}

/// (offset, output row, input row), every combination tried.
using PairSet = std::set<std::tuple<int, std::int64_t, std::int64_t>>;
inline PairSet reference_pairs(const ConvSpec& spec, int dims, const std::vector<Point>& inputs,
                               const std::vector<Point>& outputs) {
  PairSet pairs;
  const auto indices = kernel_indices(spec, dims);
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!may_be_joined(spec, dims, inputs[i], outputs[o])) continue;
      for (std::size_t k = 0; k < indices.size(); ++k) {
        bool match = true;
        for (int a = 0; a < dims && match; ++a) {
          const auto c = static_cast<std::size_t>(a) + 1;
          match = joined(spec, a, inputs[i][c], outputs[o][c], indices[k][c - 1]);
        }
        if (match)
          pairs.emplace(static_cast<int>(k), static_cast<std::int64_t>(o),
                        static_cast<std::int64_t>(i));
      }
    }
  }
  return pairs;
}

inline std::vector<Point> points_of(const Coordinates& set) {
  std::vector<Point> points;
  const auto values = set.lattice().span<std::int32_t>();
  const auto columns = static_cast<std::size_t>(set.dims()) + 1;
  for (std::size_t i = 0; i < values.size(); i += columns) {
    points.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(i),
                        values.begin() + static_cast<std::ptrdiff_t>(i + columns));
  }
  return points;
}

inline PairSet pairs_of(const KernelMap& map) {
  PairSet pairs;
  const auto begin = map.pair_begin().span<std::int64_t>();
  const auto in = map.pair_in().span<std::int32_t>();
  const auto out = map.pair_out().span<std::int32_t>();
  for (int k = 0; k < map.offsets(); ++k) {
    for (auto i = static_cast<std::size_t>(begin[static_cast<std::size_t>(k)]);
         i < static_cast<std::size_t>(begin[static_cast<std::size_t>(k) + 1]); ++i) {
      pairs.emplace(k, out[i], in[i]);
    }
  }
  return pairs;
}

/// `count` distinct points in [lower, lower + extent)^dims over `batches` entries, in random order.
inline Tensor random_points(std::mt19937_64& random, int dims, int count, std::int64_t lower,
                            std::int64_t extent, int batches = 1) {
  std::set<Point> points;
  for (int tries = 0; static_cast<int>(points.size()) < count && tries < 50 * count; ++tries) {
    Point point = {static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(batches))};
    for (int a = 0; a < dims; ++a)
      point.push_back(lower +
                      static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(extent)));
    points.insert(point);
  }
  std::vector<Point> shuffled(points.begin(), points.end());
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  Tensor tensor(DType::int32, {static_cast<std::int64_t>(shuffled.size()), 1 + dims});
  std::size_t next = 0;
  for (const Point& point : shuffled) {
    for (const std::int64_t value : point)
      tensor.span<std::int32_t>()[next++] = static_cast<std::int32_t>(value);
  }
  return tensor;
}

}  // namespace gavotte::testing
