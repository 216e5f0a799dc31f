// Float32 and float64 sums grow in y itself; those of 16-bit features in a worker's tile. Inputs
// are read where they are, but 16-bit ones that the CPU cannot multiply: those are converted to
// float32 beforehand, once.
#include "cpu/tile_indirect.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "cpu/identity.h"
#include "cpu/scratch.h"
#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/stop.h"
#include "cpu/tile_rows.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kConvertedRows = 4096;  // rows of a task that converts inputs
constexpr std::int64_t kFewestTileRows = 32;
constexpr std::int64_t kMostTaskRows = 4096;

// The inputs as the products' dtype, which is their own or float32: themselves, or converted in
// `memory`.
const std::byte* product_inputs(const Execution& execution, const ForwardTask& task, DType dtype,
                                std::int64_t rows, Scratch& memory) {
  if (dtype == task.dtype) return static_cast<const std::byte*>(task.x);
  const std::int64_t channels = task.in_channels, from_bytes = channels * size_bytes(task.dtype);
  memory = Scratch(rows * channels * 4);
  auto* to = memory.as<float>();
  parallel_for(
      execution, (rows + kConvertedRows - 1) / kConvertedRows, [&](std::int64_t block, int) {
        const std::int64_t first = block * kConvertedRows;
        gather_rows({task.dtype, static_cast<const std::byte*>(task.x) + first * from_bytes,
                     nullptr, std::min(kConvertedRows, rows - first), channels, 0, channels,
                     to + first * channels});
      });
  return reinterpret_cast<const std::byte*>(to);
}

// Output rows at places [first, + rows) of the pairs' order.
struct Tile {
  std::int64_t first, rows;
  std::byte* sums;  // accumulators: those of y, or of the tile alone
  bool own_sums;
};

// The panels of a call. streamed: a tile's weights come from beyond the second-level cache.
struct TileWeights {
  const Panels& panels;
  bool streamed;
};

// The pairs of offset k: rows of x, and the sums that they add to.
struct TilePairs {
  const std::int32_t* x_rows;
  TileSums y;
};

// Of an identity there may be no lists.
TilePairs identity_pairs(const ForwardTask& task, const Tile& tile, Workspace& workspace) {
  auto* const own = workspace.entries.as<std::int32_t>(2 * tile.rows);
  std::iota(own, own + tile.rows, static_cast<std::int32_t>(tile.first));
  const std::int32_t* const rows =
      task.pairs.out_order != nullptr ? task.pairs.out_order + tile.first : own;
  if (!tile.own_sums) return {rows, {tile.sums, rows}};
  std::iota(own + tile.rows, own + 2 * tile.rows, 0);
  return {rows, {tile.sums, own + tile.rows}};
}

TilePairs pairs_of(const ForwardTask& task, int k, const Tile& tile, Workspace& workspace) {
  const std::int64_t first = workspace.first[static_cast<std::size_t>(k)];
  const std::int32_t* x_rows = task.pairs.in(k) + first;
  if (!tile.own_sums) return {x_rows, {tile.sums, task.pairs.out(k) + first}};
  const std::int64_t row_bytes = task.out_channels * accumulator_bytes(task.dtype);
  return {x_rows,
          tile_sums(task.pairs, k, tile.first, tile.sums, row_bytes, workspace, workspace.entries)};
}

// The offset that is multiplied after k; after the last that which the next tile begins with.
int offset_after(int k, const MapPairs& pairs, const Workspace& workspace) {
  for (int next = k == pairs.identity ? 0 : k + 1; next < pairs.offsets; ++next)
    if (next != pairs.identity && workspace.counts[static_cast<std::size_t>(next)] > 0) return next;
  return std::max(pairs.identity, 0);
}

void add_offset(const ForwardTask& task, const TileWeights& weights, const std::byte* x, int k,
                bool first, const Tile& tile, Workspace& workspace) {
  const Panels& panels = weights.panels;
  const std::int64_t x_size = size_bytes(panels.dtype), y_size = accumulator_bytes(task.dtype);
  const std::int64_t in = task.in_channels / task.groups, out = task.out_channels / task.groups;
  const std::int64_t count = workspace.counts[static_cast<std::size_t>(k)];
  if (count == 0) return;
  const auto [x_rows, y] = task.pairs.offsets == 1 && k == task.pairs.identity
                               ? identity_pairs(task, tile, workspace)
                               : pairs_of(task, k, tile, workspace);
  const void* const next =
      weights.streamed ? panels.of(offset_after(k, task.pairs, workspace), 0) : nullptr;
  for (int group = 0; group < task.groups; ++group)
    indirect_gemm({.dtype = panels.dtype,
                   .x = x + group * in * x_size,
                   .x_stride = task.in_channels,
                   .panels = panels.of(k, group),
                   .in = in,
                   .out = out,
                   .y = y.sums + group * out * y_size,
                   .y_stride = task.out_channels,
                   .x_rows = x_rows,
                   .y_rows = y.rows,
                   .count = count,
                   .first = first,
                   .scattered = task.pairs.scattered,
                   .matrix_tiles = task.config.matrix_tiles,
                   .next = next});
}

void clear(const ForwardTask& task, const Tile& tile) {
  const std::int64_t bytes = task.out_channels * size_bytes(accumulator_of(task.dtype));
  const auto size = static_cast<std::size_t>(bytes);
  if (tile.own_sums) {
    std::memset(tile.sums, 0, static_cast<std::size_t>(tile.rows) * size);
  } else if (task.pairs.out_order == nullptr) {
    std::memset(tile.sums + tile.first * bytes, 0, static_cast<std::size_t>(tile.rows) * size);
  } else {
    for (std::int64_t place = tile.first; place < tile.first + tile.rows; ++place)
      std::memset(tile.sums + task.pairs.out_order[place] * bytes, 0, size);
  }
}

void finish(const ForwardTask& task, const Tile& tile) {
  if (!tile.own_sums && task.epilogue.empty()) return;
  FinishRows args{task.dtype,        tile.sums, nullptr,           nullptr,       tile.rows,
                  task.out_channels, 0,         task.out_channels, task.epilogue, task.y};
  if (task.pairs.out_order != nullptr) {
    args.y_rows = task.pairs.out_order + tile.first;
    // Signed rows read as unsigned: they are not negative.
    if (!tile.own_sums) args.entries = reinterpret_cast<const std::uint32_t*>(args.y_rows);
  } else {
    const std::int64_t skip = tile.first * task.out_channels;
    const std::int64_t bytes = skip * size_bytes(task.dtype);
    args.y = static_cast<std::byte*>(task.y) + bytes;
    if (args.epilogue.residual != nullptr)
      args.epilogue.residual = static_cast<const std::byte*>(args.epilogue.residual) + bytes;
    if (!tile.own_sums) args.partial = args.y;
  }
  finish_rows(args);
}

void run_tile(const ForwardTask& task, const TileWeights& weights, const std::byte* x,
              std::int64_t first, std::int64_t rows, Workspace& workspace) {
  const MapPairs& pairs = task.pairs;
  Tile tile{first, rows, static_cast<std::byte*>(task.y), !is_accumulator(task.dtype)};
  if (tile.own_sums) tile.sums = workspace.partial.as<std::byte>(rows * task.out_channels * 4);
  if (pairs.identity >= 0) {
    add_offset(task, weights, x, pairs.identity, true, tile, workspace);
  } else {
    clear(task, tile);
  }
  for (int k = 0; k < pairs.offsets; ++k)
    if (k != pairs.identity) add_offset(task, weights, x, k, false, tile, workspace);
  finish(task, tile);
}

std::int64_t cache_bytes() {
  static const std::int64_t bytes = second_level_cache_bytes();
  return bytes;
}

// All weights are read for each tile. A tile's own rows take their part of the cache (Xeon with AMX, 2026-11-23, float32: fetched
// ahead 1.02 to 1.03 of the rate at 128 channels, 1.00 to 1.02 at 256, 1.04 on two threads; 96 channels, half of the cache, do
// not mind).
bool are_streamed(const ForwardTask& task, const Panels& panels) {
  return task.groups == 1 && panels.offset_bytes * task.pairs.offsets > cache_bytes() / 2;
}

// Output rows of a tile, or config.tile_rows where that is set.
std::int64_t rows_of_tile(const Execution& execution, const ConvConfig& config,
                          const MapPairs& pairs, std::int64_t row_bytes) {
  if (config.tile_rows > 0) return rows_per_tile(config, pairs.offsets);
  const std::int64_t threads = thread_count(execution), rows = pairs.out_rows;
  const std::int64_t most = default_tile_rows(rows, row_bytes, cache_bytes(), threads);
  return std::max(even_tile_rows(rows, most, threads), kFewestTileRows);
}

}  // namespace

void for_each_tile(const Execution& execution, const ConvConfig& config, const MapPairs& pairs,
                   std::int64_t row_bytes, const WorkspaceLease& workspaces,
                   FunctionRef<void(std::int64_t, std::int64_t, Workspace&)> body) {
  const std::int64_t tile_rows = rows_of_tile(execution, config, pairs, row_bytes);
  // Pairs of tiles that follow each other are found one after another.
  const std::int64_t share = pairs.out_rows / (kTasksOfAThread * thread_count(execution));
  const std::int64_t task_rows =
      std::max<std::int64_t>(std::min(share, kMostTaskRows) / tile_rows, 1) * tile_rows;
  const std::int64_t tasks = (pairs.out_rows + task_rows - 1) / task_rows;
  std::vector<std::int64_t> next(static_cast<std::size_t>(thread_count(execution)), -1);
  EvictionFlag* const flag = StopScope::flag_of_this_thread();
  parallel_for(execution, tasks, [&](std::int64_t task, int worker) {
    Workspace& workspace = workspaces[worker];
    const std::int64_t first = task * task_rows;
    const std::int64_t end = std::min(first + task_rows, pairs.out_rows);
    // What the worker did last may end where this begins.
    if (std::exchange(next[static_cast<std::size_t>(worker)], task + 1) != task)
      seek_pairs(pairs, first, workspace);
    for (std::int64_t row = first; row < end; row += tile_rows) {
      if (row > first) tile_boundary(flag);  // before the first lies the task's
      const std::int64_t rows = std::min(tile_rows, end - row);
      next_pairs(pairs, row, rows, workspace);
      body(row, rows, workspace);
    }
  });
}

void tile_indirect(const Execution& execution, const ForwardTask& task, const Panels& panels,
                   const WorkspaceLease& workspaces) {
  const MapPairs& pairs = task.pairs;
  if (pairs.out_rows == 0 || task.out_channels == 0) return;
  Scratch converted;
  const std::byte* x = product_inputs(execution, task, panels.dtype, pairs.in_rows, converted);
  const TileWeights weights{panels, are_streamed(task, panels)};
  const std::int64_t row_bytes = task.in_channels * size_bytes(panels.dtype) +
                                 task.out_channels * accumulator_bytes(task.dtype);
  for_each_tile(execution, task.config, pairs, row_bytes, workspaces,
                [&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
                  run_tile(task, weights, x, first, rows, workspace);
                });
}

}  // namespace gavotte::internal::cpu
