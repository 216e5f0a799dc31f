// Forward and input gradient: the weights become accumulators once, then tiles of output rows run
// in parallel.
#include "cpu/convolution.h"

#include <algorithm>

#include "cpu/convolution_tile.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/workspace.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

bool runs_dense(const ConvPlan& plan) {
  return plan.map.is_identity() && plan.config.dataflow != Dataflow::gather_gemm_scatter;
}

void run_tiles(const Execution& execution, const ForwardTask& task, bool dense,
               const WorkspaceLease& workspaces) {
  const std::int64_t tile_rows = rows_per_tile(task.config, task.pairs.offsets);
  const std::int64_t rows = task.pairs.out_rows;
  if (rows == 0 || task.out_channels == 0) return;
  const bool depthwise = task.in_channels == task.groups;
  parallel_for(execution, (rows + tile_rows - 1) / tile_rows, [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile * tile_rows, count = std::min(tile_rows, rows - first);
    if (dense) {
      convolve_dense_tile(task, first, count, workspaces[worker]);
    } else if (depthwise) {
      convolve_depthwise_tile(task, first, count, workspaces[worker]);
    } else {
      convolve_tile(task, first, count, workspaces[worker]);
    }
  });
}

// Weights [rows, columns] as accumulators: themselves, or a converted copy in the workspace.
const void* accumulator_weights(const ConstTensorView& weights, std::int64_t rows,
                                std::int64_t columns, Buffer& buffer) {
  if (is_accumulator(weights.dtype)) return weights.data;
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

}  // namespace

void convolution_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                         ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  const WorkspaceLease workspaces(thread_count(execution));
  const std::int64_t weight_rows = plan.map.offsets() * (plan.in_channels / plan.groups);
  const void* values =
      accumulator_weights(weights, weight_rows, plan.out_channels, workspaces[0].weights);
  const MapPairs pairs(plan.map);
  run_tiles(execution,
            {pairs, plan.config, x.dtype, plan.in_channels, plan.out_channels, plan.groups, x.data,
             values, RowEpilogue::from(epilogue), y.data},
            runs_dense(plan), workspaces);
}

void convolution_dgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView grad_y,
                       ConstTensorView weights, TensorView grad_x) {
  const WorkspaceLease workspaces(thread_count(execution));
  const std::int64_t weight_rows = plan.map.offsets() * (plan.in_channels / plan.groups);
  // The partial buffer is free until the tiles start; the transposed weights stay for the whole
  // call.
  const void* values =
      accumulator_weights(weights, weight_rows, plan.out_channels, workspaces[0].partial);
  values = grad_y.dtype == DType::float64
               ? transposed_weights<double>(plan, values, workspaces[0].weights)
               : transposed_weights<float>(plan, values, workspaces[0].weights);
  const KernelMap transposed = plan.map.transposed();
  const MapPairs pairs(transposed);
  run_tiles(execution,
            {pairs, plan.config, grad_y.dtype, plan.out_channels, plan.in_channels, plan.groups,
             grad_y.data, values, RowEpilogue{}, grad_x.data},
            runs_dense(plan), workspaces);
}

double padding_ratio(const ConvPlan& plan) {
  if (runs_dense(plan) || plan.in_channels == plan.groups) return 1.0;
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
