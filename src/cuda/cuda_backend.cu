#include "cuda/cuda_backend.h"

#include <stdexcept>
#include <utility>

#include "cuda/convolution.h"
#include "cuda/coordinates.h"
#include "cuda/dense.h"
#include "cuda/elementwise.h"
#include "cuda/global_pooling.h"
#include "cuda/launch.h"
#include "cuda/map.h"
#include "cuda/memory.h"
#include "cuda/pooling.h"
#include "cuda/run_stop.h"
#include "cuda/runtime.h"
#include "cuda/transpose.h"
#include "cuda/voxelize.h"

namespace gavotte::internal::cuda {

std::shared_ptr<void> CudaBackend::allocate(const Execution& execution, std::int64_t bytes) {
  return cuda::allocate(execution, bytes);
}

void CudaBackend::fill_zero(const Execution& execution, TensorView destination) {
  use_device(execution.device.index);
  fill_bytes(execution.stream.handle, destination.data, 0, destination.bytes());
}

void CudaBackend::copy(const Execution& execution, TensorView destination, ConstTensorView source) {
  cuda::copy(execution, destination, source);
}

void CudaBackend::order_streams(const Execution& first, const Execution& later) {
  use_device(first.device.index);
  if (!is_capturing(first.stream.handle) && !is_capturing(later.stream.handle))
    cuda::order_streams(first.stream.handle, later.stream.handle);
}

DeviceIdentity CudaBackend::identity(const Device& device) {
  const DeviceLimits& limits = device_limits(device.index);
  return {.kind = DeviceKind::cuda,
          .name = limits.name,
          .compute_capability = {limits.major, limits.minor},
          .units = limits.multiprocessors,
          .cache_bytes = limits.l2_bytes,
          .clock_mhz = limits.clock_mhz};
}

double CudaBackend::time_ms(const Execution& execution, FunctionRef<void()> call) {
  use_device(execution.device.index);
  return cuda::time_ms(execution.stream.handle, call);
}

LaunchListener* CudaBackend::listen(LaunchListener* listener) {
  return set_launch_listener(listener);
}

const LaunchSharing* CudaBackend::share(const LaunchSharing* sharing) {
  return set_launch_sharing(sharing);
}

std::shared_ptr<RunStop> CudaBackend::make_run_stop() { return std::make_shared<DeviceStop>(); }

std::string CudaBackend::kernel_symbol(const void* kernel) { return cuda::kernel_symbol(kernel); }

std::optional<LoadedKernel> CudaBackend::loaded_kernel(const Launch& launch) {
  return cuda::loaded_kernel(launch);
}

std::int64_t CudaBackend::scale_lattice(const Execution& execution, ConstTensorView from,
                                        const PerAxis& stride, bool divide, TensorView to) {
  return cuda::scale_lattice(execution, from, stride, divide, to);
}

std::shared_ptr<const CoordinateData> CudaBackend::make_set(const Execution& execution,
                                                            Tensor lattice, PerAxis stride) {
  return cuda::make_set(execution, std::move(lattice), stride);
}

std::shared_ptr<const CoordinateData> CudaBackend::downsample(const Execution& execution,
                                                              const CoordinateData& set,
                                                              const AxisOffset& scale,
                                                              PerAxis stride, Wait wait) {
  return cuda::downsample(execution, set, scale, stride, wait);
}

std::shared_ptr<const CoordinateData> CudaBackend::expand(const Execution& execution,
                                                          const CoordinateData& set,
                                                          const Geometry& geometry, bool to_coarse,
                                                          const std::optional<Bounds>& bounds,
                                                          PerAxis stride, Wait wait) {
  return cuda::expand(execution, set, geometry, to_coarse, bounds, stride, wait);
}

std::shared_ptr<const CoordinateData> CudaBackend::make_deferred_set(const Execution& execution,
                                                                     Tensor lattice,
                                                                     ConstTensorView count,
                                                                     const Box& box,
                                                                     PerAxis stride) {
  return cuda::make_deferred_set(execution, std::move(lattice), count, box, stride);
}

void CudaBackend::resolve(const Execution& execution,
                          std::span<const std::shared_ptr<const CoordinateData>> sets) {
  cuda::resolve(execution, sets);
}

std::shared_ptr<const CoordinateData> CudaBackend::unite(const Execution& execution,
                                                         const CoordinateData& a,
                                                         const CoordinateData& b, Tensor& row_of_a,
                                                         Tensor& row_of_b) {
  return cuda::unite(execution, a, b, row_of_a, row_of_b);
}

std::shared_ptr<const MapData> CudaBackend::build_map(const Execution& execution,
                                                      const Geometry& geometry,
                                                      const CoordinateData& input,
                                                      const CoordinateData& output,
                                                      const MapConfig& config, Wait wait) {
  return cuda::build_map(execution, geometry, input, output, config, wait);
}

void CudaBackend::resolve(const Execution& execution,
                          std::span<const std::shared_ptr<const MapData>> maps) {
  cuda::resolve(execution, maps);
}

Tensor CudaBackend::transpose_table(const Execution& execution, ConstTensorView table,
                                    std::int64_t in_rows) {
  const MadeWhole form;
  return cuda::transpose_table(execution, table, in_rows);
}

PairLists CudaBackend::sort_lists(const Execution& execution, const MapData& map, bool by_input) {
  if (!by_input) throw std::logic_error("CUDA's lists are sorted by output row as they are built");
  const MadeWhole form;
  return cuda::sort_by_input(execution, map);
}

Tensor CudaBackend::map_table(const Execution& execution, const PairView& pairs) {
  const MadeWhole form;
  return cuda::map_table(execution, pairs);
}

Tensor CudaBackend::map_masks(const Execution& execution, const PairView& pairs) {
  const MadeWhole form;
  return cuda::map_masks(execution, pairs);
}

void CudaBackend::convolution_forward(const Execution& execution, const ConvPlan& plan,
                                      ConstTensorView x, ConstTensorView weights,
                                      const Epilogue& epilogue, TensorView y) {
  cuda::convolution_forward(execution, plan, x, weights, epilogue, y);
}

void CudaBackend::convolution_dgrad(const Execution& execution, const ConvPlan& plan,
                                    ConstTensorView grad_y, ConstTensorView weights,
                                    TensorView grad_x) {
  cuda::convolution_dgrad(execution, plan, grad_y, weights, grad_x);
}

void CudaBackend::convolution_wgrad(const Execution& execution, const ConvPlan& plan,
                                    ConstTensorView x, ConstTensorView grad_y,
                                    TensorView grad_weights) {
  cuda::convolution_wgrad(execution, plan, x, grad_y, grad_weights);
}

void CudaBackend::column_sum(const Execution& execution, ConstTensorView x, TensorView sums) {
  cuda::column_sum(execution, x, sums);
}

double CudaBackend::padding_ratio(const ConvPlan& plan) { return cuda::padding_ratio(plan); }

void CudaBackend::pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                               ConstTensorView x, TensorView y) {
  cuda::pool_forward(execution, map, mode, x, y);
}

void CudaBackend::pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                                ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                                TensorView grad_x) {
  cuda::pool_backward(execution, map, mode, x, y, grad_y, grad_x);
}

void CudaBackend::global_pool_forward(const Execution& execution, const CoordinateData& set,
                                      PoolMode mode, ConstTensorView x, TensorView y) {
  cuda::global_pool_forward(execution, set, mode, x, y);
}

void CudaBackend::global_pool_backward(const Execution& execution, const CoordinateData& set,
                                       PoolMode mode, ConstTensorView x, ConstTensorView y,
                                       ConstTensorView grad_y, TensorView grad_x) {
  cuda::global_pool_backward(execution, set, mode, x, y, grad_y, grad_x);
}

void CudaBackend::epilogue(const Execution& execution, ConstTensorView x, const Epilogue& epilogue,
                           TensorView y) {
  cuda::epilogue(execution, x, epilogue, y);
}

void CudaBackend::binary(const Execution& execution, BinaryOp op, ConstTensorView a,
                         ConstTensorView b, TensorView y) {
  cuda::binary(execution, op, a, b, y);
}

void CudaBackend::scatter_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                               std::int64_t column, TensorView y) {
  cuda::scatter_rows(execution, x, rows, column, y);
}

void CudaBackend::gather_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                              TensorView y) {
  cuda::gather_rows(execution, x, rows, y);
}

void CudaBackend::convert(const Execution& execution, ConstTensorView x, TensorView y) {
  cuda::convert(execution, x, y);
}

void CudaBackend::transpose(const Execution& execution, ConstTensorView x, TensorView y) {
  cuda::transpose(execution, x, y);
}

Tensor CudaBackend::kept_rows(const Execution& execution, ConstTensorView keep) {
  return cuda::kept_rows(execution, keep);
}

void CudaBackend::to_dense(const Execution& execution, const CoordinateData& set, ConstTensorView x,
                           PerAxis origin, TensorView y) {
  cuda::to_dense(execution, set, x, origin, y);
}

void CudaBackend::from_dense(const Execution& execution, ConstTensorView dense, PerAxis origin,
                             Tensor& lattice, Tensor& features) {
  cuda::from_dense(execution, dense, origin, lattice, features);
}

void CudaBackend::voxelize(const Execution& execution, std::span<const PointsView> scans,
                           const VoxelizeOptions& options, Voxels& out) {
  cuda::voxelize(execution, scans, options, out);
}

void CudaBackend::spread_voxels(const Execution& execution, ConstTensorView x,
                                ConstTensorView inverse, TensorView y) {
  cuda::spread_voxels(execution, x, inverse, y);
}

}  // namespace gavotte::internal::cuda
