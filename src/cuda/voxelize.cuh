// Kernels of the voxeliser. Bytes a point with C float32 features: quantising 12 read and 16
// written; reducing 4 + 4 C read, 4 C written a voxel, besides the sort's.
#pragma once

#include <cmath>
#include <cstring>

#include "cuda/device/kernel.h"
#include "cuda/device/row_lanes.h"
#include "cuda/device/rows.h"
#include "cuda/device/set_facts.h"
#include "gavotte/voxelize.h"

namespace gavotte::internal::cuda {

/// What the voxeliser finds out; zeroed memory is the start.
struct VoxelFacts {
  SetFacts set;
  std::uint32_t nonfinite = 0, out_of_range = 0, out_of_int32 = 0;
};

/// A field of a record.
struct Field {
  std::int64_t offset = 0;  ///< Bytes from the record's start.
  DType dtype = DType::float32;
  bool aligned = false;  ///< To its dtype, in every record.

  /// Value `index` of the field as double.
  GAVOTTE_DEVICE double load(const unsigned char* record, std::int64_t index) const {
    const unsigned char* at = record + offset;
    switch (dtype) {
      case DType::uint8:
        return load_as<std::uint8_t>(at, index);
      case DType::int32:
        return load_as<std::int32_t>(at, index);
      case DType::int64:
        return load_as<std::int64_t>(at, index);
      case DType::float64:
        return load_as<double>(at, index);
      default:
        return load_as<float>(at, index);
    }
  }

 private:
  template <class T>
  GAVOTTE_DEVICE double load_as(const unsigned char* at, std::int64_t index) const {
    at += index * static_cast<std::int64_t>(sizeof(T));
    T value;
    if (aligned) {
      std::memcpy(&value, __builtin_assume_aligned(at, alignof(T)), sizeof(T));
    } else {
      std::memcpy(&value, at, sizeof(T));  // byte by byte
    }
    return static_cast<double>(value);
  }
};

/// A scan whose records lie in device memory.
struct DeviceScan {
  const unsigned char* data = nullptr;
  std::int64_t first = 0;  ///< Its first point, counted over all scans.
  std::int64_t stride_bytes = 0;
  Field xyz, features;

  GAVOTTE_DEVICE const unsigned char* record(std::int64_t point) const {
    return data + (point - first) * stride_bytes;
  }
};

struct QuantizePointsArgs {
  const DeviceScan* scans;  ///< [scan_count], ascending in `first`
  std::int32_t scan_count;
  std::int64_t points;
  double voxel_size_m[3], origin_m[3];
  bool has_range;
  PointRange range;
  std::int32_t* voxels;  ///< [points, 4] Batch and index; batch -1: dropped.
  VoxelFacts* facts;
};

/// The scan of a point: the last one that begins at or before it.
GAVOTTE_DEVICE std::int32_t scan_of(const DeviceScan* scans, std::int32_t count,
                                    std::int64_t point) {
  std::int32_t low = 0;
  for (std::int32_t high = count; high - low > 1;) {
    const std::int32_t middle = low + (high - low) / 2;
    (scans[middle].first <= point ? low : high) = middle;
  }
  return low;
}

GAVOTTE_DEVICE void add_count(std::uint32_t* to, std::uint32_t count) {
  for (int lanes = kWarpThreads / 2; lanes > 0; lanes /= 2)
    count += shuffle_xor(kFullMask, count, lanes);
  if (lane_index() == 0 && count != 0) atomic_add(to, count);
}

/// voxels[p] = floor((p - origin) / size) in double; counts what is dropped, and finds the box.
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kSetThreads)
    quantize_points_kernel(QuantizePointsArgs args) {
  BoxPart box;
  std::uint32_t nonfinite = 0, out_of_range = 0, out_of_int32 = 0;
  for (std::int64_t point = grid_thread(); point < args.points; point += grid_threads()) {
    const std::int32_t batch = scan_of(args.scans, args.scan_count, point);
    const DeviceScan& scan = args.scans[batch];
    const unsigned char* record = scan.record(point);
    bool finite = true, inside = true, fits = true;
    std::int32_t values[kMaxColumns] = {batch};
    for (int a = 0; a < 3; ++a) {
      const double p = scan.xyz.load(record, a);
      finite = finite && p - p == 0.0;
      if (args.has_range) inside = inside && p >= args.range.min_m[a] && p < args.range.max_m[a];
      const double voxel = std::floor((p - args.origin_m[a]) / args.voxel_size_m[a]);
      const bool narrow = voxel >= -2147483648.0 && voxel <= 2147483647.0;
      fits = fits && narrow;
      values[1 + a] = narrow ? static_cast<std::int32_t>(voxel) : 0;
    }
    nonfinite += finite ? 0 : 1;
    out_of_range += finite && !inside ? 1 : 0;
    out_of_int32 += finite && inside && !fits ? 1 : 0;
    const bool kept = finite && inside && fits;
    if (kept) box.add(values);
    args.voxels[4 * point] = kept ? batch : -1;
    for (int c = 1; c < 4; ++c) args.voxels[4 * point + c] = values[c];
  }
  box.reduce_into(args.facts->set, 4);
  add_count(&args.facts->nonfinite, nonfinite);
  add_count(&args.facts->out_of_range, out_of_range);
  add_count(&args.facts->out_of_int32, out_of_int32);
}

struct ReduceFeaturesArgs {
  const DeviceScan* scans;
  const std::int32_t* voxels;  ///< [count, 4]
  const std::int32_t* starts;  ///< [count] Where each voxel's points begin in `order`.
  const std::int32_t* order;   ///< [kept, ...] Points by voxel, then by number.
  RowCount count;
  std::int64_t kept;
  std::int64_t channels;
  RowLanes lanes;  ///< Of channels.
  Reduce reduce;
  float* features;  ///< [count, channels]
};

/// features[v, c] = the reduction of the points of voxel v, in their order, in double.
GAVOTTE_KERNEL void GAVOTTE_LAUNCH_BOUNDS(kRowThreads)
    reduce_features_kernel(ReduceFeaturesArgs args) {
  const std::int64_t count = args.count.get();
  for_each_row_item(
      args.lanes, count, args.channels, [&](std::int64_t voxel, std::int64_t channel) {
        const DeviceScan& scan = args.scans[args.voxels[4 * voxel]];
        const std::int64_t begin = args.starts[voxel];
        const std::int64_t end = voxel + 1 < count ? args.starts[voxel + 1] : args.kept;
        const auto value_of = [&](std::int64_t i) {
          return scan.features.load(scan.record(args.order[i]), channel);
        };
        double result = value_of(begin);
        if (args.reduce != Reduce::first) {
          for (std::int64_t i = begin + 1; i < end; ++i) {
            const double value = value_of(i);
            if (args.reduce != Reduce::max) {
              result += value;
            } else if (value != value || value > result) {
              result = value;  // a NaN stays: nothing is > NaN
            }
          }
        }
        if (args.reduce == Reduce::mean) result /= static_cast<double>(end - begin);
        args.features[element_at(voxel, args.channels, channel)] = static_cast<float>(result);
      });
}

struct SpreadVoxelsArgs {
  const std::uint32_t* x;       ///< [rows, width] int32 or float32 as bits.
  const std::int32_t* inverse;  ///< [points.bound]
  std::uint32_t* y;             ///< [points.bound, width]
  RowCount points;
  std::int64_t width;
  RowLanes lanes;         ///< Of width.
  std::uint32_t missing;  ///< What points without a voxel get.
};

GAVOTTE_KERNEL void spread_voxels_kernel(SpreadVoxelsArgs args) {
  for_each_row_item(args.lanes, args.points.get(), args.width,
                    [&](std::int64_t point, std::int64_t item) {
                      const std::int32_t row = args.inverse[point];
                      args.y[element_at(point, args.width, item)] =
                          row < 0 ? args.missing : args.x[element_at(row, args.width, item)];
                    });
}

}  // namespace gavotte::internal::cuda
