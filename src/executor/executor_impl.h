// What an Executor holds.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend.h"
#include "executor/arena.h"
#include "executor/plan.h"
#include "executor/private_pool.h"
#include "executor/weights.h"
#include "gavotte/executor.h"
#include "launch_sharing.h"

namespace gavotte {

namespace internal {

/// A scan as a run reads it; what a PreparedScan handle points to.
struct ScanData {
  Coordinates given;  ///< With rows in the caller's order.
  Coordinates input;  ///< With rows in the run's order; the same set where that is the caller's.
  Tensor memory;      ///< Of `features`, unless they are the caller's.
  Tensor lent;        ///< Memory of `features` that the caller has a share in.
  ConstTensorView features;              ///< Of `input`, in the Executor's dtype.
  std::int64_t given_feature_bytes = 0;  ///< Of the features as the caller has them.
  CoordinateManager manager;
  std::vector<MapResult> maps;  ///< Of Plan::maps.
  std::int64_t batch = 0;       ///< Entries of the batch, empty ones included.
  double ms = 0;                ///< That preparing took.
  std::int64_t borrowed_bytes =
      0;  ///< That the maps' scratch has taken or would have of the arena.
  std::shared_ptr<const int> plan;  ///< Names the plan that the maps are of.
  std::int64_t bytes() const;       ///< Of coordinate sets, maps and `memory`.
};

/// What a run is given: views, and the tensors that keep their memory where they are not the caller's.
struct ScanInput {
  ConstTensorView coordinates, features;
  std::int64_t least_batch = 0;  ///< Entries of the batch, at least.
  Tensor coordinate_memory = {}, feature_memory = {};
  void own(const Execution& how);  ///< Copies what is the caller's.
};

/// A run from its input to its result, one restart group after another; what is here is of those that are done.
struct Job {
  ScanInput input;                           ///< Not of a prepared scan.
  std::shared_ptr<const ScanData> prepared;  ///< Null: `own`, once the input has been read.
  std::optional<ScanData> own;
  int preparing_threads = 0;  ///< That `own` was begun with.
  bool placed = false;        ///< Its features have their places in the arena.
  bool reorder = false;       ///< The output returns to the rows of the caller.
  std::size_t steps = 0;
  Result result;
  double ms = 0;  ///< Spent after preparing.
  const ScanData& scan() const { return prepared ? *prepared : *own; }
};
}  // namespace internal

struct Executor::Impl {
  internal::PrivatePool
      pool;  ///< Of runs without waits; first, since memory of the others goes back to it.
  internal::Plan plan;
  std::shared_ptr<const int> plan_name =
      std::make_shared<const int>(0);  ///< Its address is unique.
  ExecutorOptions options;
  Execution execution;
  Execution call = execution;       ///< With the budget of the call at hand.
  internal::LaunchSharing sharing;  ///< Of the call at hand, on a GPU.
  std::shared_ptr<internal::RunStop>
      run_stop;  ///< What `sharing` points to; once a run had a flag.
  internal::Backend* backend = nullptr;
  std::vector<internal::StepWeights> weights;  ///< Of each step.
  std::vector<LayerStats> layer_stats;         ///< Of each step: what no scan changes.
  std::vector<LayerKind> kinds;                ///< Of each step, as options.config names it.
  std::int64_t weight_bytes = 0, needed_weight_bytes = 0;
  internal::Arena arena;
  internal::Arena
      fixed_arena;  ///< Of runs without waits: a graph that captured one points into it.

  // Of the scan at hand; kept so that their memory is reused.
  std::vector<std::int64_t> set_rows;
  std::vector<Coordinates> set_coordinates;
  /// Of each value's floats, then of each one's bytes; the last is the output with rows in the
  /// caller's order.
  std::vector<internal::ArenaBuffer> buffers;
  std::vector<TensorView> views;       ///< Of each value's floats, and that of the last buffer.
  std::vector<TensorView> byte_views;  ///< Of each value's bytes; no data where none are kept.
  std::vector<int> order;
  bool outgrown = true;   ///< Since the last run; so kept blocks are those of other work.
  double padding_ms = 0;  ///< Spent on measuring padding; in none of the times.

  Impl(const Network& network, ExecutorOptions given);
  std::span<std::byte> begin_run();
  void reserve_arena(std::int64_t bytes);
  std::int64_t needed_bytes(const internal::ScanData& scan) const;
  void check_int8() const;
  void check_multiprocessors(int multiprocessors) const;
  std::int64_t value_rows(int value, std::int64_t batch) const;
  void take_sets(const Coordinates& input, const std::vector<MapResult>& maps);
  std::int64_t place(std::int64_t batch, bool returned);
  void set_views(internal::Arena& from, std::int64_t batch);
  LayerChoice choose(std::size_t index, const KernelMap& map, std::int64_t rows) const;
  internal::ConvPlan launch_step(std::size_t index, const ConvConfig& config, const KernelMap& map,
                                 ConstTensorView input_view);
  void launch_int8(const internal::PlanStep& step, const internal::ConvPlan& conv,
                   ConstTensorView x, const Epilogue& epilogue);
  void write_bytes(int value, ConstTensorView floats);
  void run_step(std::size_t index, const KernelMap& map, ConstTensorView input_view,
                LayerStats& stats);

  // Runs and their restart groups (run.cpp).
  std::optional<internal::Job> underway;  ///< Between calls: the suspended run.
  std::atomic<bool> busy = false;         ///< Within run() or resume(), their callbacks included.
  RunOutcome run(internal::Job job, const RunOptions& how);
  RunOutcome resume(const RunOptions& how);
  RunOutcome go_on(const RunOptions& how);
  bool advance(EvictionFlag* flag);
  void prepare(internal::Job& job, EvictionFlag* flag);
  void start_steps(internal::Job& job);
  void run_next_step(internal::Job& job, EvictionFlag* flag);
  void finish(internal::Job& job, EvictionFlag* flag);
  void drop() noexcept;
  template <class Body>
  void in_group(const internal::Job& job, EvictionFlag* flag, Body&& body);
  void begin_sharing(const RunOptions& how);
  void settle();
  void rewind(internal::Job& job);
  int restart_group(const internal::Job& job) const;
  void check_run(const RunOptions& how) const;

  // What comes before a run (prepare.cpp); changes nothing here, so that it may go on beside a run. `lent`, which may
  // be empty, is scratch for the maps: what a run's features lie in, where no run is underway.
  internal::ScanInput input_of(const Voxels& voxels) const;
  internal::ScanData prepare(const internal::ScanInput& input, const Execution& how,
                             std::span<std::byte> lent) const;
  internal::ScanData read_input(const internal::ScanInput& input, const Execution& how) const;
  void build_maps(internal::ScanData& scan, EvictionFlag* flag, std::span<std::byte> lent) const;
  void build_next_map(internal::ScanData& scan, EvictionFlag* flag) const;
  /// Throws Error (value): an empty handle, or a scan of another Executor.
  const internal::ScanData& data_of(const PreparedScan& scan) const;
  void check_input(const ConstTensorView& coordinates, const ConstTensorView& features) const;
  void take_features(ConstTensorView features, const Execution& how,
                     internal::ScanData& scan) const;
  Execution preparing(int threads) const;

  // Runs without waits (fixed_run.cpp).
  struct Enqueued {
    Coordinates input;
    std::vector<MapResult> maps;
    TensorView features;  ///< The output, with room for all rows.
    bool any = false;
  };
  Enqueued enqueued;  ///< The run that collect() waits for; its memory is the pool's.
  void enqueue(ConstTensorView coordinates, ConstTensorView features, ConstTensorView count);
  Result collect();
  void check_enqueue(const ConstTensorView& coordinates, const ConstTensorView& features,
                     const ConstTensorView& count) const;

  ConstTensorView read(int value, const ConstTensorView& input_view) const;
  void check_one_set(const internal::PlanStep& step, int a, int b) const;
};

}  // namespace gavotte
