// The operations that a device implements: plan values and views in, results out. src/cpu and
// src/cuda derive from it. Arguments are validated by the callers (src/*.cpp); a backend assumes
// them right.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bytes.h"
#include "coordinate_data.h"
#include "function_ref.h"
#include "gavotte/batch_norm.h"
#include "gavotte/config.h"
#include "gavotte/convolution.h"
#include "gavotte/device_config.h"
#include "gavotte/pooling.h"
#include "gavotte/sparse_ops.h"
#include "gavotte/voxelize.h"
#include "geometry.h"
#include "launches.h"
#include "map_data.h"

namespace gavotte::internal {

struct LaunchSharing;
class RunStop;

/// Outputs outside [lower, upper] on an axis are dropped.
struct Bounds {
  AxisOffset lower = {}, upper = {};
};

/// Whether a call may leave its sizes on the device. later: a backend that works asynchronously
/// returns at once, with sizes that are bounds until resolve() has read them all in one wait; the CPU
/// is always done at the return.
enum class Wait { now, later };

/// The pair lists of a map in one reading direction, sorted by output row.
struct PairView {
  int offsets = 0;
  std::int64_t out_rows = 0;
  ConstTensorView begin, in, out;
  ConstTensorView table;  ///< The same pairs, int32 [K, out_rows], where that form is there.
};

/// Weights in the form that a backend's forward pass reads them in, made once for many calls.
struct PackedWeights {
  virtual ~PackedWeights() = default;
  virtual std::int64_t bytes() const noexcept = 0;
};

/// One convolution, ready to launch: weights are [K, Cin / groups, Cout] row-major.
struct ConvPlan {
  KernelMap map;
  std::int64_t in_channels = 0, out_channels = 0;
  int groups = 1;
  ConvConfig config = {};
  const PackedWeights* packed =
      nullptr;  ///< The call's weights, whose own values are not read then.
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual DeviceKind kind() const noexcept = 0;
  /// Memory on the device, 64-byte aligned, for work on the stream; null where there is not enough.
  virtual std::shared_ptr<void> allocate(const Execution&, std::int64_t bytes) = 0;
  virtual void fill_zero(const Execution&, TensorView destination) = 0;
  /// Between any two of this device and the host; the host's side may be changed after the return.
  virtual void copy(const Execution&, TensorView destination, ConstTensorView source) = 0;
  /// What is enqueued on the stream of `later` from now on waits for what is on that of `first` by now; nothing where
  /// one of them is being captured. A device without streams has nothing to do.
  virtual void order_streams(const Execution& /*first*/, const Execution& /*later*/) {}

  /// What a config says of the device, for a tuner.
  virtual DeviceIdentity identity(const Device&) = 0;
  /// How long the work of `call` takes, which goes to the stream of the execution alone: waits for what is there
  /// before, and for the call's own.
  virtual double time_ms(const Execution&, FunctionRef<void()> call) = 0;
  /// Who is told of what this thread starts from now on; null: nobody. Returns the one before. A device that starts no
  /// kernels has nothing to tell.
  virtual LaunchListener* listen(LaunchListener*) { return nullptr; }
  /// How what this thread starts from now on shares the device (launch_sharing.h); null: not at all. Returns the one
  /// before. A device that starts no kernels has nothing to share that way.
  virtual const LaunchSharing* share(const LaunchSharing*) { return nullptr; }
  /// For LaunchSharing::stop; null where kernels do not look.
  virtual std::shared_ptr<RunStop> make_run_stop() { return nullptr; }
  /// The mangled name of a kernel that a listener was told of; empty where nobody knows it.
  virtual std::string kernel_symbol(const void* /*kernel*/) { return {}; }
  /// Of a kernel that a listener is told of; nothing where nobody knows it.
  virtual std::optional<LoadedKernel> loaded_kernel(const Launch&) { return std::nullopt; }

  // Coordinates. lattice: int32 [N, 1 + D].
  /// to = from / stride (`divide`) or from * stride on the axes; may be in place. Returns the first
  /// element that is no multiple of the stride or passes int32, -1 where all went well.
  virtual std::int64_t scale_lattice(const Execution&, ConstTensorView from, const PerAxis& stride,
                                     bool divide, TensorView to) = 0;
  /// Sorts; finds the box; throws Error naming the first pair of equal rows. Keeps the row order.
  virtual std::shared_ptr<const CoordinateData> make_set(const Execution&, Tensor lattice,
                                                         PerAxis stride) = 0;
  /// Set of floor(coordinate / scale), rows in key order.
  virtual std::shared_ptr<const CoordinateData> downsample(const Execution&,
                                                           const CoordinateData& set,
                                                           const AxisOffset& scale, PerAxis stride,
                                                           Wait) = 0;
  /// to_coarse: every coarse with coarse * scale + offset in the set; else every fine = coarse *
  /// scale + offset with coarse in the set. Bounded; rows in key order.
  virtual std::shared_ptr<const CoordinateData> expand(const Execution&, const CoordinateData& set,
                                                       const Geometry&, bool to_coarse,
                                                       const std::optional<Bounds>&, PerAxis stride,
                                                       Wait) = 0;
  /// A set of the first *count rows (int64 [1] on the device) of the lattice, whose coordinates the
  /// caller says lie in `box`. Nothing waits: the set is deferred. What is wrong with it comes out in
  /// resolve(). For devices that work asynchronously; others throw Error.
  virtual std::shared_ptr<const CoordinateData> make_deferred_set(const Execution&, Tensor lattice,
                                                                  ConstTensorView count,
                                                                  const Box& box, PerAxis stride);
  /// Makes the sizes of deferred sets and maps exact, all in one wait each. Throws Error for what their
  /// kernels found wrong (more rows than there is room for, rows outside the box, duplicates, outputs
  /// outside int32); the objects are then to be thrown away.
  virtual void resolve(const Execution&, std::span<const std::shared_ptr<const CoordinateData>>) {}
  /// Union of two sets, rows in key order; row_of_a, row_of_b: int32, the union's row of each row.
  virtual std::shared_ptr<const CoordinateData> unite(const Execution&, const CoordinateData& a,
                                                      const CoordinateData& b, Tensor& row_of_a,
                                                      Tensor& row_of_b) = 0;

  // Maps.
  /// With Wait::later, or on a deferred set, an asynchronous backend leaves the map deferred: a table and
  /// no lists. A map of exact sets gets its lists in resolve().
  virtual std::shared_ptr<const MapData> build_map(const Execution&, const Geometry&,
                                                   const CoordinateData& input,
                                                   const CoordinateData& output, const MapConfig&,
                                                   Wait) = 0;
  virtual void resolve(const Execution&, std::span<const std::shared_ptr<const MapData>>) {}
  /// The table int32 [K, in_rows] of the map read the other way, from that of [K, out_rows].
  virtual Tensor transpose_table(const Execution&, ConstTensorView table, std::int64_t in_rows);
  /// The map's lists sorted by the rows of one side, where they are not. Called under its mutex.
  virtual PairLists sort_lists(const Execution&, const MapData&, bool by_input) = 0;
  virtual Tensor map_table(const Execution&, const PairView&) = 0;
  virtual Tensor map_masks(const Execution&, const PairView&) = 0;

  // Convolution. Every output is written whole.
  /// The weights of the plan's forward passes on any map of their offsets, packed for all of them;
  /// null where a call reads them as they are. int8 weights are always packed, for convolution_bytes.
  virtual std::unique_ptr<const PackedWeights> pack_weights(const Execution&, const ConvPlan&,
                                                            ConstTensorView /*weights*/) {
    return nullptr;
  }
  virtual void convolution_forward(const Execution&, const ConvPlan&, ConstTensorView x,
                                   ConstTensorView weights, const Epilogue&, TensorView y) = 0;
  /// An int8 convolution: plan.packed holds int8 weights, the epilogue's scale counts the weights'. The
  /// epilogue has float32 scale and shift. For devices that multiply bytes; others throw Error.
  virtual void convolution_bytes(const Execution&, const ConvPlan&, const ByteInput&,
                                 const Epilogue&, const ByteOutput&);
  /// y[:, column : column + C] = the bytes of x [N, C] of a floating dtype but float64; y uint8. For
  /// the same devices.
  virtual void quantize(const Execution&, ConstTensorView x, const ByteScale&, std::int64_t column,
                        TensorView y);
  virtual void convolution_dgrad(const Execution&, const ConvPlan&, ConstTensorView grad_y,
                                 ConstTensorView weights, TensorView grad_x) = 0;
  virtual void convolution_wgrad(const Execution&, const ConvPlan&, ConstTensorView x,
                                 ConstTensorView grad_y, TensorView grad_weights) = 0;
  virtual void column_sum(const Execution&, ConstTensorView x, TensorView sums) = 0;
  /// Padded rows / real rows of the plan's grouped GEMMs; 1 = no padding.
  virtual double padding_ratio(const ConvPlan&) = 0;

  // Pooling and the rest.
  virtual void pool_forward(const Execution&, const KernelMap&, PoolMode, ConstTensorView x,
                            TensorView y) = 0;
  virtual void pool_backward(const Execution&, const KernelMap&, PoolMode, ConstTensorView x,
                             ConstTensorView y, ConstTensorView grad_y, TensorView grad_x) = 0;
  virtual void global_pool_forward(const Execution&, const CoordinateData&, PoolMode,
                                   ConstTensorView x, TensorView y) = 0;
  virtual void global_pool_backward(const Execution&, const CoordinateData&, PoolMode,
                                    ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                                    TensorView grad_x) = 0;
  /// In training; see batch_norm.h. For the CPU: PyTorch has its own on a GPU. Others throw Error.
  virtual void batch_norm_forward(const Execution&, ConstTensorView x, ConstTensorView residual,
                                  const BatchNormOptions&, const RunningStatistics&,
                                  TensorView statistics, TensorView y);
  virtual void batch_norm_backward(const Execution&, ConstTensorView grad_y, ConstTensorView x,
                                   ConstTensorView y, ConstTensorView statistics,
                                   const BatchNormOptions&, const BatchNormGradients& out);
  virtual void epilogue(const Execution&, ConstTensorView x, const Epilogue&, TensorView y) = 0;
  virtual void binary(const Execution&, BinaryOp, ConstTensorView a, ConstTensorView b,
                      TensorView y) = 0;
  /// Rows of any dtype. y[rows[i], column : column + C] = x[i, :]; no rows view: row i to row i.
  virtual void scatter_rows(const Execution&, ConstTensorView x, ConstTensorView rows,
                            std::int64_t column, TensorView y) = 0;
  /// Rows of any dtype. y[:, x's columns] = x for each, side by side in their order; these fill y.
  virtual void concatenate(const Execution&, std::span<const ConstTensorView> xs, TensorView y);
  /// Rows of any dtype. y[i, :] = x[rows[i], :]
  virtual void gather_rows(const Execution&, ConstTensorView x, ConstTensorView rows,
                           TensorView y) = 0;
  virtual void convert(const Execution&, ConstTensorView x, TensorView y) = 0;
  /// y [C, R] = x [R, C] with rows and columns exchanged; any dtype.
  virtual void transpose(const Execution&, ConstTensorView x, TensorView y) = 0;
  /// Rows whose mask (uint8 [N]) is not 0, ascending: int32.
  virtual Tensor kept_rows(const Execution&, ConstTensorView keep) = 0;
  /// y [batch, C, axis 0, ...] with lattice coordinate `origin` at index 0, zeros elsewhere.
  virtual void to_dense(const Execution&, const CoordinateData&, ConstTensorView x, PerAxis origin,
                        TensorView y) = 0;
  /// Voxels of a dense [batch, C, axis 0, ...] where any channel is not 0, in lexicographic order:
  /// lattice int32 [N, 1 + D], features [N, C].
  virtual void from_dense(const Execution&, ConstTensorView dense, PerAxis origin, Tensor& lattice,
                          Tensor& features) = 0;

  // Points.
  /// Fills in coordinates, features, inverse and the dropped points of `out`; the rest is there. The
  /// scans are in the host's memory.
  virtual void voxelize(const Execution&, std::span<const PointsView> scans, const VoxelizeOptions&,
                        Voxels& out) = 0;
  /// int32 or float32. y[i, :] = x[inverse[i], :], or -1 or NaN where inverse[i] < 0.
  virtual void spread_voxels(const Execution&, ConstTensorView x, ConstTensorView inverse,
                             TensorView y) = 0;
};

/// The backend of a device; throws Error (runtime) that says why where it is not there.
Backend& backend(const Device& device);
/// `backend` serves the devices of a kind from now on; null: the one that is built in or loaded on
/// demand. Tests put the emulated CUDA backend in another's place.
void set_backend(DeviceKind kind, Backend* backend) noexcept;

}  // namespace gavotte::internal
