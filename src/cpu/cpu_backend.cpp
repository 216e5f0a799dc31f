#include "cpu_backend.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "batch_norm.h"
#include "byte_convolution.h"
#include "convolution.h"
#include "coordinates.h"
#include "dense.h"
#include "elementwise.h"
#include "global_pooling.h"
#include "identity.h"
#include "map.h"
#include "map_forms.h"
#include "memory.h"
#include "parallel.h"
#include "pooling.h"
#include "voxelize.h"

namespace gavotte::internal::cpu {
namespace {

// What the config leaves of the call's budget.
Execution within(const Execution& execution, const ConvConfig& config) {
  Execution bounded = execution;
  if (config.threads > 0) bounded.threads = std::min(thread_count(execution), config.threads);
  return bounded;
}

}  // namespace

std::shared_ptr<void> CpuBackend::allocate(const Execution&, std::int64_t bytes) {
  return cpu::allocate(bytes);
}

void CpuBackend::fill_zero(const Execution&, TensorView destination) {
  std::memset(destination.data, 0, static_cast<std::size_t>(destination.bytes()));
}

void CpuBackend::copy(const Execution& execution, TensorView destination, ConstTensorView source) {
  cpu::copy(execution, destination, source);
}

DeviceIdentity CpuBackend::identity(const Device&) { return cpu::identity(); }

double CpuBackend::time_ms(const Execution&, FunctionRef<void()> call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

std::int64_t CpuBackend::scale_lattice(const Execution& execution, ConstTensorView from,
                                       const PerAxis& stride, bool divide, TensorView to) {
  return cpu::scale_lattice(execution, from, stride, divide, to);
}

std::shared_ptr<const CoordinateData> CpuBackend::make_set(const Execution& execution,
                                                           Tensor lattice, PerAxis stride) {
  return cpu::make_set(execution, std::move(lattice), stride);
}

std::shared_ptr<const CoordinateData> CpuBackend::downsample(const Execution& execution,
                                                             const CoordinateData& set,
                                                             const AxisOffset& scale,
                                                             PerAxis stride, Wait) {
  return cpu::downsample(execution, set, scale, stride);
}

std::shared_ptr<const CoordinateData> CpuBackend::expand(const Execution& execution,
                                                         const CoordinateData& set,
                                                         const Geometry& geometry, bool to_coarse,
                                                         const std::optional<Bounds>& bounds,
                                                         PerAxis stride, Wait) {
  return cpu::expand(execution, set, geometry, to_coarse, bounds, stride);
}

std::shared_ptr<const CoordinateData> CpuBackend::unite(const Execution& execution,
                                                        const CoordinateData& a,
                                                        const CoordinateData& b, Tensor& row_of_a,
                                                        Tensor& row_of_b) {
  return cpu::unite(execution, a, b, row_of_a, row_of_b);
}

std::shared_ptr<const MapData> CpuBackend::build_map(const Execution& execution,
                                                     const Geometry& geometry,
                                                     const CoordinateData& input,
                                                     const CoordinateData& output,
                                                     const MapConfig& config, Wait) {
  return cpu::build_map(execution, geometry, input, output, config);
}

PairLists CpuBackend::sort_lists(const Execution& execution, const MapData& map, bool by_input) {
  return cpu::sort_lists(execution, map, by_input);
}

Tensor CpuBackend::map_table(const Execution& execution, const PairView& pairs) {
  return cpu::map_table(execution, pairs);
}

Tensor CpuBackend::map_masks(const Execution& execution, const PairView& pairs) {
  return cpu::map_masks(execution, pairs);
}

std::unique_ptr<const PackedWeights> CpuBackend::pack_weights(const Execution& execution,
                                                              const ConvPlan& plan,
                                                              ConstTensorView weights) {
  if (weights.dtype == DType::int8) return pack_byte_weights(execution, plan, weights);
  return cpu::pack_weights(execution, plan, weights);
}

void CpuBackend::convolution_forward(const Execution& execution, const ConvPlan& plan,
                                     ConstTensorView x, ConstTensorView weights,
                                     const Epilogue& epilogue, TensorView y) {
  cpu::convolution_forward(within(execution, plan.config), plan, x, weights, epilogue, y);
}

void CpuBackend::convolution_bytes(const Execution& execution, const ConvPlan& plan,
                                   const ByteInput& input, const Epilogue& epilogue,
                                   const ByteOutput& output) {
  byte_convolution(within(execution, plan.config), plan, input, epilogue, output);
}

void CpuBackend::quantize(const Execution& execution, ConstTensorView x, const ByteScale& scale,
                          std::int64_t column, TensorView y) {
  cpu::quantize(execution, x, scale, column, y);
}

void CpuBackend::convolution_dgrad(const Execution& execution, const ConvPlan& plan,
                                   ConstTensorView grad_y, ConstTensorView weights,
                                   TensorView grad_x) {
  cpu::convolution_dgrad(within(execution, plan.config), plan, grad_y, weights, grad_x);
}

void CpuBackend::convolution_wgrad(const Execution& execution, const ConvPlan& plan,
                                   ConstTensorView x, ConstTensorView grad_y,
                                   TensorView grad_weights) {
  cpu::convolution_wgrad(within(execution, plan.config), plan, x, grad_y, grad_weights);
}

void CpuBackend::column_sum(const Execution& execution, ConstTensorView x, TensorView sums) {
  cpu::column_sum(execution, x, sums);
}

double CpuBackend::padding_ratio(const ConvPlan& plan) { return cpu::padding_ratio(plan); }

void CpuBackend::pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                              ConstTensorView x, TensorView y) {
  cpu::pool_forward(execution, map, mode, x, y);
}

void CpuBackend::pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                               ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                               TensorView grad_x) {
  cpu::pool_backward(execution, map, mode, x, y, grad_y, grad_x);
}

void CpuBackend::global_pool_forward(const Execution& execution, const CoordinateData& set,
                                     PoolMode mode, ConstTensorView x, TensorView y) {
  cpu::global_pool_forward(execution, set, mode, x, y);
}

void CpuBackend::global_pool_backward(const Execution& execution, const CoordinateData& set,
                                      PoolMode mode, ConstTensorView x, ConstTensorView y,
                                      ConstTensorView grad_y, TensorView grad_x) {
  cpu::global_pool_backward(execution, set, mode, x, y, grad_y, grad_x);
}

void CpuBackend::batch_norm_forward(const Execution& execution, ConstTensorView x,
                                    ConstTensorView residual, const BatchNormOptions& options,
                                    const RunningStatistics& running, TensorView statistics,
                                    TensorView y) {
  cpu::batch_norm_forward(execution, x, residual, options, running, statistics, y);
}

void CpuBackend::batch_norm_backward(const Execution& execution, ConstTensorView grad_y,
                                     ConstTensorView x, ConstTensorView y,
                                     ConstTensorView statistics, const BatchNormOptions& options,
                                     const BatchNormGradients& out) {
  cpu::batch_norm_backward(execution, grad_y, x, y, statistics, options, out);
}

void CpuBackend::epilogue(const Execution& execution, ConstTensorView x, const Epilogue& epilogue,
                          TensorView y) {
  cpu::epilogue(execution, x, epilogue, y);
}

void CpuBackend::binary(const Execution& execution, BinaryOp op, ConstTensorView a,
                        ConstTensorView b, TensorView y) {
  cpu::binary(execution, op, a, b, y);
}

void CpuBackend::scatter_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                              std::int64_t column, TensorView y) {
  cpu::scatter_rows(execution, x, rows, column, y);
}

void CpuBackend::concatenate(const Execution& execution, std::span<const ConstTensorView> xs,
                             TensorView y) {
  cpu::concatenate(execution, xs, y);
}

void CpuBackend::gather_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                             TensorView y) {
  cpu::gather_rows(execution, x, rows, y);
}

void CpuBackend::convert(const Execution& execution, ConstTensorView x, TensorView y) {
  cpu::convert(execution, x, y);
}

void CpuBackend::transpose(const Execution& execution, ConstTensorView x, TensorView y) {
  cpu::transpose(execution, x, y);
}

Tensor CpuBackend::kept_rows(const Execution& execution, ConstTensorView keep) {
  return cpu::kept_rows(execution, keep);
}

void CpuBackend::to_dense(const Execution& execution, const CoordinateData& set, ConstTensorView x,
                          PerAxis origin, TensorView y) {
  cpu::to_dense(execution, set, x, origin, y);
}

void CpuBackend::from_dense(const Execution& execution, ConstTensorView dense, PerAxis origin,
                            Tensor& lattice, Tensor& features) {
  cpu::from_dense(execution, dense, origin, lattice, features);
}

void CpuBackend::voxelize(const Execution& execution, std::span<const PointsView> scans,
                          const VoxelizeOptions& options, Voxels& out) {
  cpu::voxelize(execution, scans, options, out);
}

void CpuBackend::spread_voxels(const Execution& execution, ConstTensorView x,
                               ConstTensorView inverse, TensorView y) {
  cpu::spread_voxels(execution, x, inverse, y);
}

}  // namespace gavotte::internal::cpu
