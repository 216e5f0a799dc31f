// What each launch of a network's run needs: read by schedulers that share a device among jobs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gavotte/executor.h"

namespace gavotte {

/// The parts of a Manifest, named as in its JSON (docs/manifest.md).
namespace manifest {

/// Where a figure is from: a clock or counter of this run; counted from the plan; said by who made it, or by the
/// system; a model; nowhere.
enum class Source { measured, derived, declared, estimated, unavailable };
GAVOTTE_API std::string_view name(Source source) noexcept;

/// A figure, without a value just where it is unavailable.
template <class T>
struct Metric {
  std::optional<T> v = {};
  Source src = Source::unavailable;
  std::string how = "not known";  ///< At least one character.
  friend bool operator==(const Metric&, const Metric&) = default;
};
using Count = Metric<std::int64_t>;
using Amount = Metric<double>;  ///< At least 0.
using Flag = Metric<bool>;
using Words = Metric<std::string>;
using Extent = Metric<std::array<std::int64_t, 3>>;

struct Duration {
  Amount min, median, p99;  ///< Microseconds.
  Count n;
  friend bool operator==(const Duration&, const Duration&) = default;
};

struct Library {
  std::string name = "gavotte", version;
  Words commit, toolkit, cudart, launch;
  Flag ptx;
  friend bool operator==(const Library&, const Library&) = default;
};

struct DeviceLimits {
  Count threads_per_unit, blocks_per_unit, registers_per_unit, shared_memory_bytes_per_unit;
  friend bool operator==(const DeviceLimits&, const DeviceLimits&) = default;
};
struct DevicePeaks {
  Amount gflops, tensor_gflops, dram_gb_per_s;
  friend bool operator==(const DevicePeaks&, const DevicePeaks&) = default;
};
struct DeviceSharing {
  Words mig, mps;
  friend bool operator==(const DeviceSharing&, const DeviceSharing&) = default;
};
struct DeviceFacts {
  std::string kind, name;
  Count units;
  DeviceLimits limits;
  Words driver;
  Amount clock_mhz, memory_clock_mhz;
  DevicePeaks peaks;
  Amount balance;  ///< FLOP for each byte.
  DeviceSharing sharing;
  friend bool operator==(const DeviceFacts&, const DeviceFacts&) = default;
};

struct Range {
  double min = 0, max = 0;
  friend bool operator==(const Range&, const Range&) = default;
};
/// How far a time may be from the predicted one, by what is known of a scan: with the band b it lies within predicted /
/// (1 + b) and predicted * (1 + b).
struct Bands {
  Amount sizes, voxels, points;  ///< Each symbol; N_in alone; the number of points alone.
  friend bool operator==(const Bands&, const Bands&) = default;
};
struct Prediction {
  Words duration_us;  ///< A formula of the symbols.
  Amount error;  ///< Median of |predicted - measured| / measured, over scans left out of the fit.
  Bands band;
  std::map<std::string, Range> valid;  ///< Of each symbol over the scans of the fit.
  friend bool operator==(const Prediction&, const Prediction&) = default;
};
/// Of a whole run: what calibrate() (gavotte/predict.h) fitted.
struct RunPrediction {
  Count scans;       ///< That it was fitted to.
  Amount level;      ///< The share of scans, alike to those, whose times lie within the bands.
  Prediction total;  ///< Of a run from its input to its result: the sum of its launches.
  /// Symbols as formulas of N_in; N_in as one of `points`.
  std::map<std::string, std::string> sizes;
  friend bool operator==(const RunPrediction&, const RunPrediction&) = default;
};

struct Run {
  std::string network, dtype;
  std::int64_t threads = 1;
  std::map<std::string, Count> symbols;  ///< With this run's values.
  std::string launch_sequence_hash;      ///< Of what no scan's size changes.
  Flag sequence_stable;
  Count host_reads, workspace_bytes, peak_bytes;
  Duration duration_us;  ///< Of the whole run.
  RunPrediction predict;
  friend bool operator==(const Run&, const Run&) = default;
};

struct Buffer {
  std::string name, role, size;  ///< size: a formula of the symbols, in bytes.
  Count bytes, capacity_bytes;
  std::string memory;  ///< Buffers of one memory may share bytes.
  Count offset_bytes;
  friend bool operator==(const Buffer&, const Buffer&) = default;
};

/// Bytes [begin, end) of a buffer.
struct Segment {
  std::string buffer, begin, end;
  std::int64_t begin_bytes = 0, end_bytes = 0;
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct Config {
  std::string source;
  std::map<std::string, std::variant<std::string, std::int64_t, double, bool>> values;
  friend bool operator==(const Config&, const Config&) = default;
};

struct KernelName {
  Words mangled, demangled;
  std::string key;
  friend bool operator==(const KernelName&, const KernelName&) = default;
};
struct LayerShape {
  std::string kernel, in_rows = "0", out_rows = "0", pairs = "0";
  std::int64_t in_channels = 0, out_channels = 0;
  friend bool operator==(const LayerShape&, const LayerShape&) = default;
};
struct Occupancy {
  Count blocks_per_sm, sms_needed;
  Amount waves;
  friend bool operator==(const Occupancy&, const Occupancy&) = default;
};
struct Budget {
  std::int64_t sms = 1;
  Duration duration_us;
  friend bool operator==(const Budget&, const Budget&) = default;
};
struct Work {
  Amount flop, tensor_flop, dram_bytes;
  friend bool operator==(const Work&, const Work&) = default;
};
struct Utilisation {
  Amount sm, tensor, dram, l2;  ///< In [0, 1].
  friend bool operator==(const Utilisation&, const Utilisation&) = default;
};
/// compute, memory or neither, by the rule of that name.
struct Class {
  Words metric;
  std::string rule = "roofline_balance";
  friend bool operator==(const Class&, const Class&) = default;
};
struct Safety {
  Flag idempotent;
  std::int64_t restart_group =
      0;  ///< Run again from its first launch, it may have been cut anywhere.
  Flag block_independent;
  Count preemption_points;
  Amount latency_us;
  friend bool operator==(const Safety&, const Safety&) = default;
};
struct Segments {
  std::vector<Segment> reads, writes;
  friend bool operator==(const Segments&, const Segments&) = default;
};

struct Launch {
  std::int64_t seq = 0;
  std::string layer, op, api;
  KernelName kernel;
  LayerShape shape;
  std::optional<Config> config;
  Extent grid, block;
  Words grid_formula, block_formula;  ///< Of their first numbers.
  Count static_shared_memory_bytes, dynamic_shared_memory_bytes, registers;
  Extent cluster;
  Occupancy occupancy;
  Duration duration_us;
  std::vector<Budget> sm_budget;
  Work work;
  Utilisation utilisation;
  Class classed;  ///< "class" in JSON.
  Safety safety;
  Segments segments;
  std::int64_t stream = 0;
  std::vector<std::int64_t> dependencies;
  Prediction predict;
  Amount energy_mj;
  friend bool operator==(const Launch&, const Launch&) = default;
};

}  // namespace manifest

/// A value. On disk one JSON file (docs/manifest.md, docs/manifest.schema.json).
struct GAVOTTE_API Manifest {
  manifest::Library library;
  manifest::DeviceFacts device;
  manifest::Run run;
  std::vector<manifest::Buffer> buffers;
  std::vector<manifest::Launch> launches;

  /// Throws Error (value) with one line, what is wrong and where: what the schema says and what it promises beyond.
  static Manifest from_json(std::string_view text, const std::string& what = "manifest");
  static Manifest load(const std::string& path);
  /// Throws Error (value) where from_json() would refuse the text.
  std::string to_json() const;
  /// Replaces the file at once. Throws Error: as to_json(); (runtime) with the reason.
  void save(const std::string& path) const;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

struct ManifestOptions {
  int rounds = 10;  ///< Runs that are timed, at least 1.
  int warmup = 3;   ///< Runs before them.
  /// Of the device, as measured or declared by the caller: 10^9 FLOP and 10^9 bytes a second; 0: not known, and no
  /// launch is classed then.
  double peak_gflops = 0, peak_dram_gb_per_s = 0;
  /// Whether the run is timed with each smaller budget of threads as well, from 1, `warmup` and `rounds` times each:
  /// Launch::sm_budget, with an entry for each budget up to that of the run.
  bool thread_sweep = false;
};

/// Files that say what a run does not; empty: none. docs/manifest.md has their members.
struct LaunchOptions {
  /// Of the GPU that the manifest is for; none: the one that runs.
  std::string device_description = {};
  /// What the compiler said of each kernel's registers and memory.
  std::string kernel_resources = {};
  /// Of Executor::enqueue() in place of run(): one sequence for every scan, whose sizes are the most that options.max_voxels
  /// and options.bounds allow. Both are then needed.
  bool enqueued = false;
};

/// Runs a network on a scan on a GPU, three times (enqueue() twice), and says what each launch of the last run needs:
/// kernels, fills, copies and calls of other libraries, in order. Nothing is timed: durations are unavailable. The
/// voxels lie on the device or are brought there. With a description, grids are those of a device of as many
/// multiprocessors.
/// Throws Error: as Executor; a device that is a CPU; (value) a file that is not as it should be; of enqueue() no bounds, or
/// voxels outside of them.
GAVOTTE_API Manifest record_launches(const Network& network, const Voxels& voxels,
                                     const ExecutorOptions& options,
                                     const LaunchOptions& files = {});

/// Runs a network on a scan, `warmup` and `rounds` times, and says what each of its steps needs. On the CPU a launch is
/// a region: the input's sorting, each kernel map, each step of the plan, the return of the result. All but the measured
/// durations is the same in each call.
/// Throws Error: as Executor; a device other than a CPU; options out of range.
GAVOTTE_API Manifest profile(const Network& network, const Voxels& voxels,
                             const ExecutorOptions& options = {}, const ManifestOptions& how = {});

}  // namespace gavotte
