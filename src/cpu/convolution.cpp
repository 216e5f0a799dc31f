// Forward and input gradient: the weights become accumulators once, a dataflow is chosen, then
// tiles of output rows run in parallel.
#include "cpu/convolution.h"

#include <algorithm>
#include <utility>

#include "cpu/convolution_tile.h"
#include "cpu/simd/indirect_gemm.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/tile_indirect.h"
#include "cpu/workspace.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kDenseElements = 1 << 16;  // of the wider side of a tile
constexpr std::int64_t kFewestDenseRows = 128;
constexpr std::int64_t kTilesOfAThread = 4;  // so that threads end together
constexpr std::int64_t kGemmRows = 64;       // that a GEMM multiplies at once

enum class Way { dense, depthwise, indirect, gathered };

// What is read, and the channels of the side that is read and of the one that is written.
struct Sides {
  DType dtype;
  std::int64_t in_channels, out_channels;
};

Way way_of(const ConvPlan& plan, const Sides& sides, bool identity) {
  const Dataflow dataflow = plan.config.dataflow;
  if (identity && (dataflow == Dataflow::automatic || dataflow == Dataflow::dense_gemm)) {
    // dense multiplies 16-bit features as float32 (Xeon with AMX, 2026-11-23, 128 -> 96 bfloat16 channels: 3.7 of its rate).
    const bool tiles =
        multiplies_by_tiles(sides.dtype, sides.in_channels / plan.groups,
                            sides.out_channels / plan.groups, plan.config.matrix_tiles);
    return tiles ? Way::indirect : Way::dense;
  }
  // One channel without groups is a matrix of one row.
  if (plan.groups > 1 && sides.in_channels == plan.groups) return Way::depthwise;
  return dataflow == Dataflow::gather_gemm_scatter ? Way::gathered : Way::indirect;
}
Way way_of(const ConvPlan& plan, const Sides& sides) {
  return way_of(plan, sides, plan.map.is_identity());
}

MapPairs::Order order_of(Way way) {
  return way == Way::indirect ? MapPairs::Order::key : MapPairs::Order::output_row;
}

// Output rows of a tile, or config.tile_rows where that is set.
std::int64_t rows_of_tile(const Execution& execution, const ForwardTask& task, Way way) {
  std::int64_t tile_rows = rows_per_tile(task.config, task.pairs.offsets);
  if (task.config.tile_rows > 0) return tile_rows;
  // 16-bit features and their sums lie in a worker's memory as float32. A GEMM of fewer rows may add in another order, so tiles
  // end where those of any number of threads do.
  if (way == Way::dense && !is_accumulator(task.dtype))
    tile_rows = std::clamp(kDenseElements /
                               std::max<std::int64_t>({task.in_channels, task.out_channels, 1}) /
                               kGemmRows * kGemmRows,
                           kFewestDenseRows, tile_rows);
  const int threads = thread_count(execution);
  // A smaller tile costs what is gathered a second look at all weights, the others nothing.
  if (threads == 1 || way == Way::gathered) return tile_rows;
  const std::int64_t blocks = task.pairs.out_rows / (kTilesOfAThread * threads * kGemmRows);
  return std::min(tile_rows, std::max<std::int64_t>(blocks, 1) * kGemmRows);
}

void run_tiles(const Execution& execution, const ForwardTask& task, Way way,
               const WorkspaceLease& workspaces) {
  const std::int64_t rows = task.pairs.out_rows;
  if (rows == 0 || task.out_channels == 0) return;
  const std::int64_t tile_rows = rows_of_tile(execution, task, way);
  parallel_for(execution, (rows + tile_rows - 1) / tile_rows, [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile * tile_rows, count = std::min(tile_rows, rows - first);
    if (way == Way::dense) {
      convolve_dense_tile(task, first, count, workspaces[worker]);
    } else if (way == Way::depthwise) {
      convolve_depthwise_tile(task, first, count, workspaces[worker]);
    } else {
      convolve_tile(task, first, count, workspaces[worker]);
    }
  });
}

// Weights [rows, columns] as `dtype`, their accumulator's: themselves, or a converted copy in the
// workspace.
const void* weights_as(DType dtype, const ConstTensorView& weights, std::int64_t rows,
                       std::int64_t columns, Buffer& buffer) {
  if (weights.dtype == dtype) return weights.data;
  float* to = buffer.as<float>(rows * columns);
  gather_rows({weights.dtype, weights.data, nullptr, rows, columns, 0, columns, to});
  return to;
}

// [K, Cin / groups, Cout] -> [K, Cout / groups, Cin]: each group of each offset transposed.
template <class T>
const void* transposed_weights(const ConvPlan& plan, const void* weights, Buffer& buffer) {
  const std::int64_t in_group = plan.in_channels / plan.groups,
                     out_group = plan.out_channels / plan.groups;
  const std::int64_t volume = in_group * plan.out_channels;
  T* transposed = buffer.as<T>(plan.map.offsets() * volume);
  for (int k = 0; k < plan.map.offsets(); ++k) {
    const T* from = static_cast<const T*>(weights) + k * volume;
    T* to = transposed + k * volume;
    for (int group = 0; group < plan.groups; ++group)
      for (std::int64_t o = 0; o < out_group; ++o)
        for (std::int64_t i = 0; i < in_group; ++i)
          to[o * plan.in_channels + group * in_group + i] =
              from[i * plan.out_channels + group * out_group + o];
  }
  return transposed;
}

PanelShape forward_shape(const ConvPlan& plan, std::int64_t offsets) {
  return {static_cast<int>(offsets), plan.groups, plan.in_channels, plan.out_channels};
}
OffsetWeights forward_weights(const ConvPlan& plan, const ConstTensorView& weights) {
  return {weights.dtype,
          weights.data,
          plan.in_channels / plan.groups * plan.out_channels,
          plan.out_channels / plan.groups,
          plan.out_channels,
          1};
}

// In the workspace, unless the plan brings them.
Panels forward_panels(const Execution& execution, const ConvPlan& plan, ConstTensorView weights,
                      Workspace& workspace) {
  if (plan.packed != nullptr) return static_cast<const KeptPanels*>(plan.packed)->panels;
  const PanelShape shape = forward_shape(plan, plan.map.offsets());
  return pack(execution, shape, forward_weights(plan, weights),
              workspace.panels.as<std::byte>(panel_bytes(shape, weights.dtype)));
}

}  // namespace

std::unique_ptr<const PackedWeights> pack_weights(const Execution& execution, const ConvPlan& plan,
                                                  ConstTensorView weights) {
  // One offset may turn out to be the identity.
  const std::int64_t offsets = weights.shape[0];
  const Sides sides{weights.dtype, plan.in_channels, plan.out_channels};
  for (const bool identity : {false, offsets == 1})
    if (way_of(plan, sides, identity) != Way::indirect) return nullptr;
  return std::make_unique<const KeptPanels>(execution, forward_shape(plan, offsets),
                                            forward_weights(plan, weights));
}

void convolution_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                         ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  const WorkspaceLease workspaces(thread_count(execution));
  const Way way = way_of(plan, {x.dtype, plan.in_channels, plan.out_channels});
  const MapPairs pairs(plan.map, order_of(way));
  ForwardTask task{pairs,
                   plan.config,
                   x.dtype,
                   plan.in_channels,
                   plan.out_channels,
                   plan.groups,
                   x.data,
                   nullptr,
                   RowEpilogue::from(epilogue),
                   y.data};
  if (way == Way::indirect)
    return tile_indirect(execution, task, forward_panels(execution, plan, weights, workspaces[0]),
                         workspaces);
  const std::int64_t weight_rows = plan.map.offsets() * (plan.in_channels / plan.groups);
  task.weights = weights_as(accumulator_of(x.dtype), weights, weight_rows, plan.out_channels,
                            workspaces[0].weights);
  run_tiles(execution, task, way, workspaces);
}

void convolution_dgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView grad_y,
                       ConstTensorView weights, TensorView grad_x) {
  const WorkspaceLease workspaces(thread_count(execution));
  const std::int64_t weight_rows = plan.map.offsets() * (plan.in_channels / plan.groups);
  const KernelMap transposed = plan.map.transposed();
  const Way way = way_of(plan, {grad_y.dtype, plan.out_channels, plan.in_channels});
  const MapPairs pairs(transposed, order_of(way));
  ForwardTask task{pairs,       plan.config, grad_y.dtype, plan.out_channels, plan.in_channels,
                   plan.groups, grad_y.data, nullptr,      RowEpilogue{},     grad_x.data};
  if (way == Way::indirect) {
    const PanelShape shape{plan.map.offsets(), plan.groups, plan.out_channels, plan.in_channels};
    OffsetWeights turned = forward_weights(plan, weights);
    std::swap(turned.in, turned.out);
    const Panels panels =
        pack(execution, shape, turned,
             workspaces[0].panels.as<std::byte>(panel_bytes(shape, weights.dtype)));
    return tile_indirect(execution, task, panels, workspaces);
  }
  // The partial buffer is free until the tiles start; what they read stays for the whole call.
  const void* values = weights_as(accumulator_of(weights.dtype), weights, weight_rows,
                                  plan.out_channels, workspaces[0].partial);
  task.weights = grad_y.dtype == DType::float64
                     ? transposed_weights<double>(plan, values, workspaces[0].weights)
                     : transposed_weights<float>(plan, values, workspaces[0].weights);
  run_tiles(execution, task, way, workspaces);
}

double padding_ratio(const ConvPlan& plan) {
  // The dtype chooses among other ways alone.
  const Sides sides{DType::float32, plan.in_channels, plan.out_channels};
  if (way_of(plan, sides) != Way::gathered) return 1.0;
  const WorkspaceLease workspaces(1);
  const MapPairs pairs(plan.map);
  const std::int64_t tile_rows = rows_per_tile(plan.config, pairs.offsets);
  std::int64_t real = 0, padded = 0;
  for (std::int64_t first = 0; first < pairs.out_rows; first += tile_rows) {
    const std::int64_t rows = std::min(tile_rows, pairs.out_rows - first);
    find_pairs(pairs, first, rows, workspaces[0]);
    group_tile(pairs, plan.config, workspaces[0]);
    const std::int64_t identity_rows =
        pairs.identity >= 0 ? rows : 0;  // a GEMM of its own, without padding
    real += workspaces[0].grouping.real_rows + identity_rows;
    padded += workspaces[0].grouping.padded_rows + identity_rows;
  }
  return real > 0 ? static_cast<double>(padded) / static_cast<double>(real) : 1.0;
}

}  // namespace gavotte::internal::cpu
