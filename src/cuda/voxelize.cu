// Launchers of the voxeliser.
#include "cuda/voxelize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "cuda/row_launch.h"
#include "cuda/unique_rows.h"
#include "cuda/voxelize.cuh"

namespace gavotte::internal::cuda {
namespace {

constexpr std::int64_t kRecordAlignment = 256;  // of the first record of each scan
constexpr int kDims = 3;

/// Bytes that the fields of a scan's points span: the last record may end before its stride does.
std::int64_t used_bytes(const PointsView& scan) {
  if (scan.count == 0) return 0;
  std::int64_t end = scan.xyz_offset + 3 * size_bytes(scan.xyz_dtype);
  if (scan.features > 0)
    end = std::max(end, scan.feature_offset + scan.features * size_bytes(scan.feature_dtype));
  return (scan.count - 1) * scan.stride_bytes + end;
}

/// The scans in device memory.
class UploadedScans {
 public:
  UploadedScans(const Execution& execution, std::span<const PointsView> scans)
      : table_(execution, static_cast<std::int64_t>(scans.size())) {
    std::int64_t bytes = 0;
    for (const PointsView& scan : scans) bytes += rounded(used_bytes(scan));
    records_ = Scratch<unsigned char>(execution, bytes);
    std::vector<DeviceScan> table;
    std::int64_t at = 0, first = 0;
    for (const PointsView& scan : scans) {
      unsigned char* data = records_.get() + at;
      upload(execution, data, scan.data, used_bytes(scan));
      table.push_back({data, first, scan.stride_bytes, field(scan, scan.xyz_offset, scan.xyz_dtype),
                       field(scan, scan.feature_offset, scan.feature_dtype)});
      at += rounded(used_bytes(scan));
      first += scan.count;
    }
    upload(execution, table_.get(), table.data(),
           static_cast<std::int64_t>(table.size() * sizeof(DeviceScan)));
  }
  const DeviceScan* table() const { return table_.get(); }

 private:
  static std::int64_t rounded(std::int64_t bytes) {
    return blocks_for(bytes, kRecordAlignment) * kRecordAlignment;
  }
  static Field field(const PointsView& scan, std::int64_t offset, DType dtype) {
    const std::int64_t size = size_bytes(dtype);
    return {offset, dtype, offset % size == 0 && scan.stride_bytes % size == 0};
  }

  Scratch<DeviceScan> table_;
  Scratch<unsigned char> records_;
};

/// The box that a finite range leaves for voxels: quantising keeps order.
std::optional<Box> box_of_range(const VoxelizeOptions& options, std::size_t scans) {
  if (!options.range) return std::nullopt;
  Box box;
  box.upper[0] = static_cast<std::int64_t>(scans) - 1;
  for (std::size_t a = 0; a < kDims; ++a) {
    const auto index = [&](float position) {
      const double voxel = std::floor((static_cast<double>(position) - options.origin_m[a]) /
                                      options.voxel_size_m[a]);
      return static_cast<std::int64_t>(
          std::clamp<double>(voxel, std::numeric_limits<std::int32_t>::min(),
                             std::numeric_limits<std::int32_t>::max()));
    };
    if (!std::isfinite(options.range->min_m[a]) || !std::isfinite(options.range->max_m[a]))
      return std::nullopt;
    box.lower[1 + a] = index(options.range->min_m[a]);
    box.upper[1 + a] = index(options.range->max_m[a]);
  }
  // A range far wider than the points would cost more in the sort than the wait does.
  if (KeyLayout::of(box, kDims).bits > 63) return std::nullopt;
  return box;
}

void launch_quantize_points(const Execution& execution, const UploadedScans& scans,
                            std::int64_t scan_count, std::int64_t points,
                            const VoxelizeOptions& options, std::int32_t* voxels,
                            VoxelFacts* facts) {
  QuantizePointsArgs args{scans.table(),
                          static_cast<std::int32_t>(scan_count),
                          points,
                          {},
                          {},
                          options.range.has_value(),
                          options.range.value_or(PointRange{}),
                          voxels,
                          facts};
  std::copy_n(options.voxel_size_m.data(), 3, args.voxel_size_m);
  std::copy_n(options.origin_m.data(), 3, args.origin_m);
  // Few blocks: each adds its atomics.
  GridRule rule = kSetGrid;
  rule.most = 1 << 10;
  launch("quantize_points", execution.stream.handle,
         shape_of_set(points, sizeof(ReduceBoxShared), rule), quantize_points_kernel, args);
}

}  // namespace

void voxelize(const Execution& execution, std::span<const PointsView> scans,
              const VoxelizeOptions& options, Voxels& out) {
  use_device(execution.device.index);
  const std::int64_t points = out.points();
  const std::int64_t channels = scans.empty() ? 0 : scans[0].features;
  out.inverse = make_tensor(execution, DType::int32, {points});
  if (points == 0) {
    out.coordinates = make_tensor(execution, DType::int32, {0, 1 + kDims});
    out.features = make_tensor(execution, DType::float32, {0, channels});
    return;
  }
  const UploadedScans uploaded(execution, scans);
  Scratch<VoxelFacts> facts(execution, 1);
  fill_bytes(execution.stream.handle, facts.get(), 0, sizeof(VoxelFacts));
  Scratch<std::int32_t> quantized(execution, points * (1 + kDims));
  launch_quantize_points(execution, uploaded, static_cast<std::int64_t>(scans.size()), points,
                         options, quantized.get(), facts.get());
  std::optional<Box> box = box_of_range(options, scans.size());
  if (!box) box = read_back(execution, facts.get(), 1).front().set.box(1 + kDims);

  const QuantizedPoints source{quantized.get(), points};
  const UniqueRows unique =
      find_unique(execution, source, KeyLayout::of(*box, kDims), &facts.get()->set);
  const VoxelFacts found = read_back(execution, facts.get(), 1).front();
  out.dropped_nonfinite = found.nonfinite;
  out.dropped_out_of_range = found.out_of_range;
  out.dropped_out_of_int32 = found.out_of_int32;

  const std::int64_t voxels = found.set.count;
  out.coordinates = make_tensor(execution, DType::int32, {voxels, 1 + kDims});
  out.features = make_tensor(execution, DType::float32, {voxels, channels});
  Scratch<std::int32_t> starts(execution, voxels);
  auto* const coordinates = static_cast<std::int32_t*>(out.coordinates.data());
  write_rows(execution, source, unique, coordinates, static_cast<std::int32_t*>(out.inverse.data()),
             starts.get());
  const RowLanes lanes = RowLanes::for_items(channels);
  launch("reduce_features", execution.stream.handle, shape_of_rows(lanes, voxels, channels),
         reduce_features_kernel,
         ReduceFeaturesArgs{
             uploaded.table(), coordinates, starts.get(),
             static_cast<const std::int32_t*>(unique.sorted.order.data()), RowCount{voxels},
             points - out.dropped_nonfinite - out.dropped_out_of_range - out.dropped_out_of_int32,
             channels, lanes, options.reduce, static_cast<float*>(out.features.data())});
}

void spread_voxels(const Execution& execution, ConstTensorView x, ConstTensorView inverse,
                   TensorView y) {
  use_device(execution.device.index);
  const std::int64_t width = x.shape.rank() == 2 ? x.shape[1] : 1;
  const RowLanes lanes = RowLanes::for_items(width);
  constexpr std::uint32_t kMinusOne = 0xffffffffU, kQuietNaN = 0x7fc00000U;
  launch("spread_voxels", execution.stream.handle, shape_of_rows(lanes, inverse.rows(), width),
         spread_voxels_kernel,
         SpreadVoxelsArgs{static_cast<const std::uint32_t*>(x.data),
                          static_cast<const std::int32_t*>(inverse.data),
                          static_cast<std::uint32_t*>(y.data), RowCount{inverse.rows()}, width,
                          lanes, x.dtype == DType::int32 ? kMinusOne : kQuietNaN});
}

}  // namespace gavotte::internal::cuda
