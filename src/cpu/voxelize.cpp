// Points to voxels by sorting: quantise, sort the voxel keys with a stable radix sort that carries
// the point's index, cut the sorted run where the voxel changes, reduce each cut in point order.
#include "cpu/voxelize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cpu/radix_sort.h"
#include "keys.h"

namespace gavotte::internal::cpu {
namespace {

using Index4 = std::array<std::int32_t, 4>;  // batch, x, y, z
constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();

// The points that are kept, in point order.
struct Quantized {
  std::vector<Index4> coordinates;        // [kept]
  std::vector<std::int32_t> points;       // [kept] row in the concatenation of all scans
  std::vector<const std::byte*> records;  // [kept] first byte of the point
};

// By memcpy: the fields of a record need not be aligned.
double load(const std::byte* address, DType dtype) {
  const auto read = [address]<class T>(T value) {
    std::memcpy(&value, address, sizeof(T));
    return static_cast<double>(value);
  };
  switch (dtype) {
    case DType::uint8:
      return read(std::uint8_t{});
    case DType::int32:
      return read(std::int32_t{});
    case DType::int64:
      return read(std::int64_t{});
    case DType::float64:
      return read(double{});
    default:
      return read(float{});
  }
}

enum class Fate { kept, nonfinite, out_of_range, out_of_int32 };

Fate quantize_point(const std::byte* record, const PointsView& scan, const VoxelizeOptions& options,
                    Index4* index) {
  std::array<double, 3> p;
  for (std::size_t a = 0; a < 3; ++a) {
    const std::int64_t offset =
        scan.xyz_offset + static_cast<std::int64_t>(a) * size_bytes(scan.xyz_dtype);
    p[a] = load(record + offset, scan.xyz_dtype);
    if (!std::isfinite(p[a])) return Fate::nonfinite;
  }
  if (options.range) {
    for (std::size_t a = 0; a < 3; ++a) {
      if (p[a] < options.range->min_m[a] || p[a] >= options.range->max_m[a])
        return Fate::out_of_range;
    }
  }
  for (std::size_t a = 0; a < 3; ++a) {
    const double from_origin = p[a] - options.origin_m[a];
    const double voxel = std::floor(from_origin / options.voxel_size_m[a]);
    if (!(voxel >= std::numeric_limits<std::int32_t>::min() && voxel <= kMaxInt32)) {
      return Fate::out_of_int32;
    }
    (*index)[a + 1] = static_cast<std::int32_t>(voxel);
  }
  return Fate::kept;
}

Quantized quantize(std::span<const PointsView> scans, const VoxelizeOptions& options, Voxels* out) {
  Quantized kept;
  kept.coordinates.reserve(static_cast<std::size_t>(out->points()));
  kept.points.reserve(static_cast<std::size_t>(out->points()));
  kept.records.reserve(static_cast<std::size_t>(out->points()));
  for (std::size_t s = 0; s < scans.size(); ++s) {
    const auto* bytes = static_cast<const std::byte*>(scans[s].data);
    Index4 index = {static_cast<std::int32_t>(s), 0, 0, 0};
    for (std::int64_t i = 0; i < scans[s].count; ++i) {
      const std::byte* record = bytes + i * scans[s].stride_bytes;
      switch (quantize_point(record, scans[s], options, &index)) {
        case Fate::nonfinite:
          ++out->dropped_nonfinite;
          break;
        case Fate::out_of_range:
          ++out->dropped_out_of_range;
          break;
        case Fate::out_of_int32:
          ++out->dropped_out_of_int32;
          break;
        case Fate::kept:
          kept.coordinates.push_back(index);
          kept.points.push_back(static_cast<std::int32_t>(out->scan_starts[s] + i));
          kept.records.push_back(record);
          break;
      }
    }
  }
  return kept;
}

// Rows of `coordinates` in lexicographic order, equal ones in point order.
std::vector<std::uint32_t> lexicographic_order(const std::vector<Index4>& coordinates,
                                               const Execution& execution) {
  std::vector<std::uint32_t> order(coordinates.size());
  if (order.empty()) return order;
  Box box;
  for (std::size_t a = 0; a < 4; ++a) {
    box.lower[a] = box.upper[a] = coordinates[0][a];
    for (const Index4& c : coordinates) {
      box.lower[a] = std::min<std::int64_t>(box.lower[a], c[a]);
      box.upper[a] = std::max<std::int64_t>(box.upper[a], c[a]);
    }
  }
  const auto layout = KeyLayout::of(box, 3);
  dispatch_key(layout.bits, [&]<class Key>() {
    std::vector<KeyRow<Key>> items(order.size()), scratch(order.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      items[i] = {static_cast<std::uint32_t>(i), layout.key<Key>(coordinates[i].data())};
    }
    const auto* sorted = radix_sort(execution, items.data(), scratch.data(), items.data(),
                                    static_cast<std::int64_t>(items.size()), layout.bits);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = sorted[i].row;
  });
  return order;
}

// Reduces the points order[0..count) of one voxel into out[C].
void reduce_voxel(const Quantized& kept, const PointsView& scan,
                  std::span<const std::uint32_t> order, Reduce reduce, std::span<double> sums,
                  float* out) {
  const std::int64_t step = size_bytes(scan.feature_dtype);
  const std::size_t used = reduce == Reduce::first ? 1 : order.size();
  for (std::size_t i = 0; i < used; ++i) {
    const std::byte* feature = kept.records[order[i]] + scan.feature_offset;
    for (double& sum : sums) {
      const double value = load(feature, scan.feature_dtype);
      feature += step;
      if (i == 0) {
        sum = value;
      } else if (reduce == Reduce::max) {
        if (std::isnan(value) || value > sum) sum = value;  // a NaN stays: nothing is > NaN
      } else {
        sum += value;
      }
    }
  }
  const double divisor = reduce == Reduce::mean ? static_cast<double>(order.size()) : 1.0;
  for (const double sum : sums) *out++ = static_cast<float>(sum / divisor);
}

template <class T>
void spread_rows(std::span<const T> values, std::span<const std::int32_t> inverse,
                 std::size_t width, T missing, std::span<T> out) {
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    T* to = out.data() + i * width;
    if (inverse[i] < 0) {
      std::fill_n(to, width, missing);
    } else {
      std::copy_n(values.data() + static_cast<std::size_t>(inverse[i]) * width, width, to);
    }
  }
}

}  // namespace

void voxelize(const Execution& execution, std::span<const PointsView> scans,
              const VoxelizeOptions& options, Voxels& out) {
  const std::int64_t channels = scans.empty() ? 0 : scans[0].features;
  const Quantized kept = quantize(scans, options, &out);
  const std::vector<std::uint32_t> order = lexicographic_order(kept.coordinates, execution);
  const auto coordinate = [&](std::size_t i) -> const Index4& {
    return kept.coordinates[order[i]];
  };

  std::vector<std::size_t> cuts;  // where each voxel's points begin in `order`
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || coordinate(i) != coordinate(i - 1)) cuts.push_back(i);
  }
  const auto voxels = static_cast<std::int64_t>(cuts.size());
  cuts.push_back(order.size());

  out.coordinates = Tensor(DType::int32, {voxels, 4});
  out.features = Tensor(DType::float32, {voxels, channels});
  out.inverse = Tensor(DType::int32, {out.points()});
  std::int32_t* coordinates = out.coordinates.span<std::int32_t>().data();
  float* features = out.features.span<float>().data();
  const std::span<std::int32_t> inverse = out.inverse.span<std::int32_t>();
  std::fill(inverse.begin(), inverse.end(), -1);
  std::vector<double> sums(static_cast<std::size_t>(channels));
  for (std::size_t v = 0; v + 1 < cuts.size(); ++v) {
    const std::span<const std::uint32_t> members(order.data() + cuts[v], cuts[v + 1] - cuts[v]);
    const Index4& index = coordinate(cuts[v]);
    std::copy_n(index.data(), 4, coordinates + 4 * v);
    for (const std::uint32_t row : members) {
      inverse[static_cast<std::size_t>(kept.points[row])] = static_cast<std::int32_t>(v);
    }
    if (channels > 0) {
      reduce_voxel(kept, scans[static_cast<std::size_t>(index[0])], members, options.reduce, sums,
                   features + v * sums.size());
    }
  }
}

void spread_voxels(const Execution&, ConstTensorView x, ConstTensorView inverse, TensorView y) {
  const std::size_t width =
      x.shape.rank() == 2 ? static_cast<std::size_t>(x.shape[1]) : std::size_t{1};
  const std::span<const std::int32_t> rows = inverse.span<std::int32_t>();
  if (x.dtype == DType::int32) {
    spread_rows(x.span<std::int32_t>(), rows, width, -1, y.span<std::int32_t>());
  } else {
    spread_rows(x.span<float>(), rows, width, std::numeric_limits<float>::quiet_NaN(),
                y.span<float>());
  }
}

}  // namespace gavotte::internal::cpu
