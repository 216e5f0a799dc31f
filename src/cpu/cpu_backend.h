// The CPU's Backend: each operation is a function in a file of its own; this class only forwards.
#pragma once

#include "backend.h"

namespace gavotte::internal::cpu {

class CpuBackend final : public Backend {
 public:
  DeviceKind kind() const noexcept override { return DeviceKind::cpu; }
  std::shared_ptr<void> allocate(const Execution&, std::int64_t bytes) override;
  void fill_zero(const Execution&, TensorView destination) override;
  void copy(const Execution&, TensorView destination, ConstTensorView source) override;
  DeviceIdentity identity(const Device&) override;
  double time_ms(const Execution&, FunctionRef<void()> call) override;

  std::int64_t scale_lattice(const Execution&, ConstTensorView from, const PerAxis& stride,
                             bool divide, TensorView to) override;
  std::shared_ptr<const CoordinateData> make_set(const Execution&, Tensor lattice,
                                                 PerAxis stride) override;
  std::shared_ptr<const CoordinateData> downsample(const Execution&, const CoordinateData&,
                                                   const AxisOffset& scale, PerAxis stride,
                                                   Wait) override;
  std::shared_ptr<const CoordinateData> expand(const Execution&, const CoordinateData&,
                                               const Geometry&, bool to_coarse,
                                               const std::optional<Bounds>&, PerAxis stride,
                                               Wait) override;
  std::shared_ptr<const CoordinateData> unite(const Execution&, const CoordinateData& a,
                                              const CoordinateData& b, Tensor& row_of_a,
                                              Tensor& row_of_b) override;

  std::shared_ptr<const MapData> build_map(const Execution&, const Geometry&,
                                           const CoordinateData& input,
                                           const CoordinateData& output, const MapConfig&,
                                           Wait) override;
  PairLists sort_lists(const Execution&, const MapData&, bool by_input) override;
  Tensor map_table(const Execution&, const PairView&) override;
  Tensor map_masks(const Execution&, const PairView&) override;

  std::unique_ptr<const PackedWeights> pack_weights(const Execution&, const ConvPlan&,
                                                    ConstTensorView weights) override;
  void convolution_forward(const Execution&, const ConvPlan&, ConstTensorView x,
                           ConstTensorView weights, const Epilogue&, TensorView y) override;
  void convolution_bytes(const Execution&, const ConvPlan&, const ByteInput&, const Epilogue&,
                         const ByteOutput&) override;
  void quantize(const Execution&, ConstTensorView x, const ByteScale&, std::int64_t column,
                TensorView y) override;
  void convolution_dgrad(const Execution&, const ConvPlan&, ConstTensorView grad_y,
                         ConstTensorView weights, TensorView grad_x) override;
  void convolution_wgrad(const Execution&, const ConvPlan&, ConstTensorView x,
                         ConstTensorView grad_y, TensorView grad_weights) override;
  void column_sum(const Execution&, ConstTensorView x, TensorView sums) override;
  double padding_ratio(const ConvPlan&) override;

  void pool_forward(const Execution&, const KernelMap&, PoolMode, ConstTensorView x,
                    TensorView y) override;
  void pool_backward(const Execution&, const KernelMap&, PoolMode, ConstTensorView x,
                     ConstTensorView y, ConstTensorView grad_y, TensorView grad_x) override;
  void global_pool_forward(const Execution&, const CoordinateData&, PoolMode, ConstTensorView x,
                           TensorView y) override;
  void global_pool_backward(const Execution&, const CoordinateData&, PoolMode, ConstTensorView x,
                            ConstTensorView y, ConstTensorView grad_y, TensorView grad_x) override;
  void batch_norm_forward(const Execution&, ConstTensorView x, ConstTensorView residual,
                          const BatchNormOptions&, const RunningStatistics&, TensorView statistics,
                          TensorView y) override;
  void batch_norm_backward(const Execution&, ConstTensorView grad_y, ConstTensorView x,
                           ConstTensorView y, ConstTensorView statistics, const BatchNormOptions&,
                           const BatchNormGradients& out) override;
  void epilogue(const Execution&, ConstTensorView x, const Epilogue&, TensorView y) override;
  void binary(const Execution&, BinaryOp, ConstTensorView a, ConstTensorView b,
              TensorView y) override;
  void scatter_rows(const Execution&, ConstTensorView x, ConstTensorView rows, std::int64_t column,
                    TensorView y) override;
  void concatenate(const Execution&, std::span<const ConstTensorView> xs, TensorView y) override;
  void gather_rows(const Execution&, ConstTensorView x, ConstTensorView rows,
                   TensorView y) override;
  void convert(const Execution&, ConstTensorView x, TensorView y) override;
  void transpose(const Execution&, ConstTensorView x, TensorView y) override;
  Tensor kept_rows(const Execution&, ConstTensorView keep) override;
  void to_dense(const Execution&, const CoordinateData&, ConstTensorView x, PerAxis origin,
                TensorView y) override;
  void from_dense(const Execution&, ConstTensorView dense, PerAxis origin, Tensor& lattice,
                  Tensor& features) override;
  void voxelize(const Execution&, std::span<const PointsView> scans, const VoxelizeOptions&,
                Voxels& out) override;
  void spread_voxels(const Execution&, ConstTensorView x, ConstTensorView inverse,
                     TensorView y) override;
};

}  // namespace gavotte::internal::cpu
