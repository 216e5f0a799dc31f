#include "cpu/quantize_points.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kBlock = 1 << 12;  // points of a task

using Cell = std::array<std::int32_t, 4>;  // batch entry, x, y, z

struct Grid {
  std::array<double, 3> size, origin, lower, upper;  // lower, upper: of the range
  bool has_range;
};

Grid grid_of(const VoxelizeOptions& options) {
  Grid grid{};
  for (std::size_t a = 0; a < 3; ++a) {
    grid.size[a] = options.voxel_size_m[a];
    grid.origin[a] = options.origin_m[a];
    if (options.range) {
      grid.lower[a] = options.range->min_m[a];
      grid.upper[a] = options.range->max_m[a];
    }
  }
  grid.has_range = options.range.has_value();
  return grid;
}

enum Fate : std::uint8_t { kept, nonfinite, out_of_range, out_of_int32, fates };
using Counts = std::array<std::int64_t, fates>;

// A point's x, y and z need not be aligned.
template <class T>
Fate quantize_point(const std::byte* xyz, const Grid& grid, Cell& cell) {
  std::array<T, 3> p;
  std::memcpy(p.data(), xyz, sizeof(p));
  if (!std::isfinite(p[0]) || !std::isfinite(p[1]) || !std::isfinite(p[2])) return nonfinite;
  for (std::size_t a = 0; a < 3 && grid.has_range; ++a)
    if (p[a] < grid.lower[a] || p[a] >= grid.upper[a]) return out_of_range;
  constexpr double kEnd = 2147483648.0;  // 2^31
  std::array<double, 3> place;
  bool fits = true;
  for (std::size_t a = 0; a < 3; ++a) {
    place[a] = (static_cast<double>(p[a]) - grid.origin[a]) / grid.size[a];
    fits &= place[a] >= -kEnd;
    fits &= place[a] < kEnd;
  }
  if (!fits) return out_of_int32;
  for (std::size_t a = 0; a < 3; ++a) {
    // Rounded down: a CPU without SSE4.1 has no instruction for it.
    const auto truncated = static_cast<std::int32_t>(place[a]);
    cell[a + 1] = truncated - static_cast<std::int32_t>(place[a] < truncated);
  }
  return kept;
}

// Points [first, first + count) of a scan, which are from `row` on of all.
struct PointBlock {
  std::int32_t scan;
  std::int64_t first, count, row;
  Counts counts;
};

std::vector<PointBlock> blocks_of(std::span<const PointsView> scans) {
  std::vector<PointBlock> blocks;
  std::int64_t row = 0;
  for (std::size_t s = 0; s < scans.size(); ++s) {
    for (std::int64_t first = 0; first < scans[s].count; first += kBlock) {
      const std::int64_t count = std::min(kBlock, scans[s].count - first);
      blocks.push_back({static_cast<std::int32_t>(s), first, count, row, {}});
      row += count;
    }
  }
  return blocks;
}

// Those that are kept, from the block's own row on.
template <class T>
void quantize_block(const PointsView& scan, const Grid& grid, PointBlock& block, Cell* cells,
                    std::int32_t* rows) {
  const std::byte* xyz =
      static_cast<const std::byte*>(scan.data) + block.first * scan.stride_bytes + scan.xyz_offset;
  Counts counts = {};
  std::int64_t at = block.row;
  Cell cell = {block.scan, 0, 0, 0};
  for (std::int64_t i = 0; i < block.count; ++i, xyz += scan.stride_bytes) {
    const Fate fate = quantize_point<T>(xyz, grid, cell);
    if (fate != kept) {
      ++counts[fate];
      continue;
    }
    cells[at] = cell;
    rows[at++] = static_cast<std::int32_t>(block.row + i);
  }
  counts[kept] = at - block.row;
  block.counts = counts;
}

}  // namespace

QuantizedPoints quantize_points(const Execution& execution, std::span<const PointsView> scans,
                                const VoxelizeOptions& options) {
  const Grid grid = grid_of(options);
  std::vector<PointBlock> blocks = blocks_of(scans);
  const std::int64_t all = blocks.empty() ? 0 : blocks.back().row + blocks.back().count;
  const auto size = static_cast<std::int64_t>(sizeof(std::int32_t));
  QuantizedPoints quantized;
  quantized.cell_memory = Scratch(4 * size * all);
  quantized.row_memory = Scratch(size * all);
  auto* const cells = quantized.cell_memory.as<Cell>();
  auto* const rows = quantized.row_memory.as<std::int32_t>();
  parallel_for(execution, static_cast<std::int64_t>(blocks.size()), [&](std::int64_t b, int) {
    PointBlock& block = blocks[static_cast<std::size_t>(b)];
    const PointsView& scan = scans[static_cast<std::size_t>(block.scan)];
    scan.xyz_dtype == DType::float64 ? quantize_block<double>(scan, grid, block, cells, rows)
                                     : quantize_block<float>(scan, grid, block, cells, rows);
  });
  for (const PointBlock& block : blocks) {
    if (quantized.count != block.row) {
      std::copy_n(cells + block.row, block.counts[kept], cells + quantized.count);
      std::copy_n(rows + block.row, block.counts[kept], rows + quantized.count);
    }
    quantized.count += block.counts[kept];
    quantized.dropped_nonfinite += block.counts[nonfinite];
    quantized.dropped_out_of_range += block.counts[out_of_range];
    quantized.dropped_out_of_int32 += block.counts[out_of_int32];
  }
  if (quantized.count == all) quantized.row_memory = {};
  return quantized;
}

}  // namespace gavotte::internal::cpu
