// Runs a network on scan after scan.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gavotte/device_config.h"
#include "gavotte/eviction.h"
#include "gavotte/network.h"
#include "gavotte/voxelize.h"

namespace gavotte {

/// Where all coordinates of a run without waits lie: lower to upper, both included, on each axis; batch indices below
/// batch_size.
struct CoordinateBounds {
  PerAxis lower = 0, upper = 0;
  std::int32_t batch_size = 1;
};

struct ExecutorOptions {
  Device device = {};
  Stream stream = {};  ///< Where all work of a run goes; the caller's, who keeps it alive.
  DType dtype = DType::
      float32;  ///< Of features and weights while running; accumulation is float32 (float64 for float64).
  /// More input voxels are an Error; 0 = no limit, at most 2^31 - 1. Without bounds run()'s arena is taken
  /// beforehand for it, every coordinate set counted with as many rows.
  std::int64_t max_voxels = 0;
  /// Needed by enqueue(), as max_voxels is; run() does not look at them.
  std::optional<CoordinateBounds> bounds = {};
  int threads = 0;  ///< See Execution.
  /// Of a GPU: its kernels are launched with no more blocks than run at once on so many multiprocessors; 0: all. A sort
  /// or scan of CUB and a product of cuBLAS are not bounded by it. The results have the same bits.
  int multiprocessors = 0;
  /// What was tuned for the device, a DeviceConfig or the path of one: each layer and map runs as its entry says.
  /// Layers run without waits (enqueue()) do not ask it.
  TunedConfig config = {};
  OtherDevice other_device = OtherDevice::refuse;  ///< Whether `config` may be of another device.
  MapConfig map_config = {};                       ///< Of maps that `config` has nothing for.
  ConvConfig conv_config = {};                     ///< Of layers that `config` has nothing for.
  bool measure_padding =
      false;  ///< Fill LayerStats::padding: a walk over every map, left out of the times.
  /// Called after each layer with its index and the number of layers; may be empty. What this or observe throws
  /// comes out of run(), which is then over, or of resume(), whose run stays suspended.
  std::function<void(int, int)> progress = {};
  /// Called by run() after each layer with its index in RunStats::layers and the features that it
  /// wrote, rows in the run's own order, valid until the call returns; may be empty. On a GPU they may
  /// still be underway. An int8 network then keeps floats beside its bytes, and takes more time and
  /// memory.
  std::function<void(int, ConstTensorView)> observe = {};
};

struct LayerStats {
  std::string name;  ///< As in the network; fused layers are joined with '+'.
  std::string op;
  std::string kernel;  ///< "3x3x3 s1 submanifold".
  std::int64_t in_channels = 0, out_channels = 0;
  std::int64_t in_voxels = 0, out_voxels = 0, pairs = 0;
  double matches_per_output = 0;
  double map_ms = 0;  ///< Time to build this layer's map; 0 where it was shared.
  double compute_ms = 0;
  double gflop = 0;        ///< 2 * pairs * Cin * Cout / groups / 1e9.
  std::int64_t bytes = 0;  ///< Compulsory: inputs, weights, outputs, map.
  double padding =
      0;              ///< Padded rows / real rows of its grouped GEMMs; 1 = none, 0 = not measured.
  ConvConfig config;  ///< That it ran with; the default where it multiplies nothing.
  ConfigSource config_source = ConfigSource::built_in;
};

struct RunStats {
  std::vector<LayerStats> layers;
  double map_ms = 0;  ///< All coordinate sets and maps, the sorting of the input's rows included.
  double compute_ms = 0, total_ms = 0;
  std::int64_t voxels = 0;
  /// Features of all layers, placed by liveness; on the CPU the scratch of run()'s maps lies in the same memory before.
  std::int64_t arena_bytes = 0;
  std::int64_t peak_bytes =
      0;  ///< Arena, input, maps and coordinate sets; weights and a call's scratch not counted.
  std::int64_t weight_bytes = 0;  ///< As the Executor keeps them, packed or not.
  /// The least that peak_bytes + weight_bytes can be: the input as given, the features that are alive at once at the worst step,
  /// all weights without padding, and of all layers' maps and coordinate sets each once, a map as its pairs (two int32
  /// for each, shared by mirrored offsets, none for the identity). 0 from collect().
  std::int64_t needed_bytes = 0;
};

/// Output of one run. Views into the Executor's arena: valid until its next run of the same kind (run(), or enqueue()
/// and replays); clone() to keep.
struct GAVOTTE_API Result {
  /// [M, C], the Executor's dtype. After a global pool [batch, C]: a row for each scan of the Voxels, or up to the largest
  /// batch index of the coordinates.
  ConstTensorView features;
  Coordinates
      coordinates;  ///< Output set, the scan's own with its rows in the scan's order where it is that;
                    ///< empty after a global pool.
  RunStats stats;
  /// Index of the largest channel for each row, int32 [M]; the first where several are equal, NaN never wins.
  /// In the host's memory; from a GPU it waits for the run.
  Tensor argmax() const;
};

/// What a run with RunOptions came to.
struct GAVOTTE_API RunOutcome {
  std::optional<Result> result = {};  ///< Without a value: cancelled at a tile boundary.
  /// Of a cancelled run: where resume() goes on, a restart group of the network's manifest. Groups before it are done.
  int restart_group = -1;
  bool cancelled() const noexcept { return !result.has_value(); }
};

namespace internal {
struct ScanData;
struct ExecutorAccess;
}  // namespace internal

/// A scan made ready for a run of the Executor that prepared it: its coordinate sets, its kernel maps and its features
/// in the order and dtype of the run. A handle, copies share; nothing in it changes.
class GAVOTTE_API PreparedScan {
 public:
  PreparedScan() = default;
  std::int64_t voxels() const noexcept;
  std::int64_t bytes()
      const;  ///< Of sets, maps and features, but for those of the caller's Voxels.
  explicit operator bool() const noexcept { return data_ != nullptr; }

 private:
  friend class Executor;
  explicit PreparedScan(std::shared_ptr<const internal::ScanData> data) : data_(std::move(data)) {}
  std::shared_ptr<const internal::ScanData> data_;
};

/// Plans once: folds batch norm, fuses bias, activation and residual add into the convolutions, shares maps, places
/// buffers in one arena by liveness. Then run() allocates features only where a scan outgrows the arena. An
/// Executor runs one scan at a time: a call beside it, from another thread or from a callback, is an Error (value).
/// Copies of a Network share their weights, but each Executor on the CPU packs those of its
/// convolutions for itself, once. On the CPU a run works on rows in key order, whatever order the scan's have: scans
/// in key order run without a copy, others have their features copied once, and the output again where it lies on the
/// input's coordinates. The order of rows changes no bit of the result.
class GAVOTTE_API Executor {
 public:
  explicit Executor(const Network& network, ExecutorOptions options = {});
  /// Results and prepared scans stay valid; what was moved from can only be assigned to.
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

  /// Throws Error: channels differ from the network's input, too many voxels, duplicates. The Executor stays usable.
  /// Voxels of another device are copied first. On a GPU the run's work may still be queued when this returns: times are
  /// those of the host.
  Result run(const Voxels& voxels);
  /// Both on the Executor's device.
  Result run(ConstTensorView coordinates, ConstTensorView features);

  /// The first part of run(), all that depends on coordinates: on the CPU, on `threads` threads (see Execution). It
  /// changes nothing in the Executor, so one thread may prepare the next scan while another runs the last one: with a
  /// budget of one for each no thread is started. The scan's result has the bits of run().
  /// Shares the memory of `voxels`, which nobody may change before the run.
  /// Throws Error: as run(); an Executor on a GPU.
  PreparedScan prepare(const Voxels& voxels, int threads) const;
  /// The same for views, which may go afterwards: features are copied.
  PreparedScan prepare(ConstTensorView coordinates, ConstTensorView features, int threads) const;
  /// The second part, as often as wanted. map_ms and total_ms of the statistics count the time of prepare().
  /// Throws Error (value): an empty handle, or a scan of another Executor.
  Result run(const PreparedScan& scan);

  /// The same with options of this call, on the CPU. Where its flag is set, the run stops in all its threads, each at its
  /// next tile boundary, and is suspended: the Executor keeps maps and features and shares the scan, which nobody may
  /// change; of views it makes copies. resume() runs the restart group that was cut again, then the rest, and gives the bits of an
  /// undisturbed run. Until then, or until drop(), any run() is an Error; prepare() stays possible. Results of earlier
  /// runs are no longer valid, as after any run.
  /// Throws Error (value): as run(); a run is suspended; options on a GPU, or threads out of range.
  RunOutcome run(const Voxels& voxels, const RunOptions& how);
  RunOutcome run(ConstTensorView coordinates, ConstTensorView features, const RunOptions& how);
  RunOutcome run(const PreparedScan& scan, const RunOptions& how);
  /// Goes on with the suspended run, which may be cancelled again. With another number of threads than before, a run that
  /// was cut before its first step prepares its scan anew. An Error leaves the run suspended.
  /// Throws Error (value): no run is suspended; options as for run().
  RunOutcome resume(const RunOptions& how = {});
  bool suspended() const noexcept;
  /// Forgets the suspended run, if there is one; the arena stays.
  void drop() noexcept;

  /// A run on a GPU as a fixed sequence of launches: it waits for nothing, allocates nothing after its first call, and
  /// is the same for every scan, so that it may be captured in a CUDA graph, whose replays take what the three views
  /// then hold. coordinates: int32 [max_voxels, 1 + D]; features: [max_voxels, C] of the Executor's dtype; count: int64
  /// [1], how many rows of them are used. All on the device; they must stay until collect(). Needs options.max_voxels
  /// and options.bounds. Every convolution runs as implicit_gemm, which needs no sizes on the host.
  /// Its memory is its own: run() in between changes nothing in what a captured graph points to. Graphs and calls of
  /// one Executor share that memory, so their runs must not overlap; a graph must not be replayed after the Executor's
  /// end, and a capture of other views than those of the last enqueue() must be collected before the next call.
  /// Throws Error: another device than a GPU, missing options, wrong shapes or dtypes.
  void enqueue(ConstTensorView coordinates, ConstTensorView features, ConstTensorView count);
  /// Waits once, for the run that was enqueued or replayed last, and returns its result; the times in its statistics
  /// are 0. Throws Error (value): more rows than max_voxels, rows outside the bounds, duplicates.
  Result collect();
  /// Bytes that runs by enqueue() hold on the device beside their arena, after the first of them.
  std::int64_t workspace_bytes() const noexcept;

  /// The steps that a run takes, one line each.
  std::string plan() const;

 private:
  friend struct internal::ExecutorAccess;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gavotte
