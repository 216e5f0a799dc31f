// What was tuned for a device: for each kind and size of layer how it runs fastest, as measured.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gavotte/config.h"
#include "gavotte/conv_spec.h"
#include "gavotte/device.h"
#include "gavotte/dtype.h"

namespace gavotte {

/// The three computations of a convolution; each is tuned apart.
enum class Direction { forward, dgrad, wgrad };
GAVOTTE_API std::string_view name(Direction direction) noexcept;

/// "3x3x3 s1 submanifold": size, stride, kind, and " d2" where dilated. What a config tells specs apart by.
GAVOTTE_API std::string kernel_name(const ConvSpec& spec, int dims);

/// LayerKind::threads and MapKind::threads of a call: its budget on the CPU, 1 on a GPU.
GAVOTTE_API int kind_threads(const Execution& execution);

/// What the speed of a layer depends on, but for its size.
struct GAVOTTE_API LayerKind {
  std::string kernel = {};  ///< kernel_name()
  std::int64_t in_channels = 0, out_channels = 0;
  int groups = 1;
  DType dtype = DType::float32;  ///< Of the features; int8 for an int8 layer.
  Direction direction = Direction::forward;
  int threads = 1;  ///< CPU: the call's budget in threads; 1 on a GPU.
  std::string to_string() const;
  friend auto operator<=>(const LayerKind&, const LayerKind&) = default;
};

/// The same for a kernel map.
struct GAVOTTE_API MapKind {
  std::string kernel;
  int threads = 1;
  std::string to_string() const;
  friend auto operator<=>(const MapKind&, const MapKind&) = default;
};

/// How many output rows count as one size: bucket b holds [2^b, 2^(b + 1)); 0 holds none and one.
GAVOTTE_API int size_bucket(std::int64_t rows) noexcept;

/// What was timed side by side with the default, in one run.
struct Measurement {
  double ms = 0, default_ms = 0;  ///< Medians.
  double noise = 0;               ///< Of `ms`: median absolute deviation of one sample / median.
  int samples = 0;
  friend bool operator==(const Measurement&, const Measurement&) = default;
};

struct TunedLayer {
  LayerKind kind;
  std::int64_t rows = 0, pairs = 0;  ///< Of the map that it was timed on; rows: its outputs.
  ConvConfig config;
  Measurement measured;
  friend bool operator==(const TunedLayer&, const TunedLayer&) = default;
};

struct TunedMap {
  MapKind kind;
  std::int64_t rows = 0, pairs = 0;
  MapConfig config;
  Measurement measured;
  friend bool operator==(const TunedMap&, const TunedMap&) = default;
};

/// Which machine a config is for. Two are the same where kind, name, target and compute capability are: the rest
/// is there to be read.
struct GAVOTTE_API DeviceIdentity {
  DeviceKind kind = DeviceKind::cpu;
  std::string name = {};    ///< "AMD EPYC 9654 96-Core Processor", "NVIDIA H200"
  std::string target = {};  ///< CPU: simd_target(), with " BF16" and " VNNI" where it has those.
  std::array<int, 2> compute_capability = {0, 0};  ///< GPU
  int units = 0;                 ///< Cores that this process may use; multiprocessors.
  std::int64_t cache_bytes = 0;  ///< Of the second level: of a core, of a GPU.
  double clock_mhz = 0;          ///< At most; 0 where it is not told.
  /// Throws Error (runtime) where the device is not there.
  static DeviceIdentity of(const Device& device);
  bool same_device(const DeviceIdentity& other) const;
  std::string to_string() const;
  friend bool operator==(const DeviceIdentity&, const DeviceIdentity&) = default;
};

/// Constants of the cost model (autotune/cost_model.h says what it counts), fitted to what was timed.
struct CostFit {
  DType dtype = DType::float32;
  Direction direction = Direction::forward;
  Dataflow dataflow = Dataflow::tile_indirect;
  int threads = 1;
  std::vector<double> ns = {};  ///< For each unit that the model counts.
  double error = 0;  ///< Median of |predicted - measured| / measured over what it was fitted to.
  int samples = 0;
  friend bool operator==(const CostFit&, const CostFit&) = default;
};

/// Where a config came from, in the order of the look-up: an entry of the layer's size; one of the next size; the
/// cost model; nowhere, so that the caller's default runs.
enum class ConfigSource { exact, nearest, cost_model, built_in };
GAVOTTE_API std::string_view name(ConfigSource source) noexcept;

struct LayerChoice {
  ConvConfig config;
  ConfigSource source = ConfigSource::built_in;
};
struct MapChoice {
  MapConfig config;
  ConfigSource source = ConfigSource::built_in;
};

/// Whether a config of another device may be used, as a guess.
enum class OtherDevice { refuse, accept };

/// A value: entries by kind and size, one each. Not safe to change while another thread reads it. On disk one JSON
/// file a device (docs/device-config.md, docs/device-config.schema.json).
class GAVOTTE_API DeviceConfig {
 public:
  DeviceConfig() = default;
  explicit DeviceConfig(DeviceIdentity device) : device_(std::move(device)) {}

  /// Throws Error (value) with one line: what is wrong and where; a format or kernels of another version.
  static DeviceConfig from_json(std::string_view text, const std::string& what = "device config");
  static DeviceConfig load(const std::string& path);
  std::string to_json() const;
  /// Replaces the file at once: a reader sees the old or the new one whole. Throws Error (runtime) with the reason.
  void save(const std::string& path) const;

  const DeviceIdentity& device() const noexcept { return device_; }
  std::span<const TunedLayer> layers() const noexcept { return layers_; }
  std::span<const TunedMap> maps() const noexcept { return maps_; }
  std::span<const CostFit> cost_model() const noexcept { return fits_; }
  bool empty() const noexcept { return layers_.empty() && maps_.empty() && fits_.empty(); }

  /// In place of the entry of that kind and size. Throws Error where a value is out of its range.
  void put(TunedLayer layer);
  void put(TunedMap map);
  void put(CostFit fit);
  /// Everything of `newer` in place of what is here. Throws Error where it is for another device.
  void merge(const DeviceConfig& newer);

  /// How a layer of that kind runs; `otherwise` is the default. Entries of the next smaller or larger bucket count
  /// as near; the cost model is asked where it is surer than its error.
  LayerChoice find(const LayerKind& kind, std::int64_t rows, std::int64_t pairs,
                   const ConvConfig& otherwise = {}) const;
  MapChoice find(const MapKind& kind, std::int64_t rows, const MapConfig& otherwise = {}) const;
  /// The entry of that kind and size, or null.
  const TunedLayer* entry(const LayerKind& kind, std::int64_t rows) const noexcept;
  const TunedMap* entry(const MapKind& kind, std::int64_t rows) const noexcept;

  /// Throws Error (value) where it is for another device than `device`, unless that is accepted.
  void check_device(const Device& device, OtherDevice other = OtherDevice::refuse) const;
  std::string to_string() const;
  friend bool operator==(const DeviceConfig&, const DeviceConfig&) = default;

 private:
  DeviceIdentity device_;
  std::vector<TunedLayer> layers_;  // sorted by kind and bucket
  std::vector<TunedMap> maps_;
  std::vector<CostFit> fits_;
};

/// A config that many objects share, or none; from a value or from a file. Copies share it; nothing in it changes.
class GAVOTTE_API TunedConfig {
 public:
  TunedConfig() = default;
  TunedConfig(DeviceConfig config)  // NOLINT: a value where a config is wanted
      : config_(std::make_shared<const DeviceConfig>(std::move(config))) {}
  /// Loads the file; throws as DeviceConfig::load().
  TunedConfig(const std::string& path)  // NOLINT: a path, likewise
      : TunedConfig(DeviceConfig::load(path)) {}
  TunedConfig(const char* path) : TunedConfig(std::string(path)) {}  // NOLINT
  const DeviceConfig* get() const noexcept { return config_.get(); }
  const DeviceConfig* operator->() const noexcept { return config_.get(); }
  const DeviceConfig& operator*() const noexcept { return *config_; }
  explicit operator bool() const noexcept { return config_ != nullptr; }

 private:
  std::shared_ptr<const DeviceConfig> config_;
};

/// Merges `newer` into the file at `path`, or makes it, under a lock (path + ".lock") that other callers of this
/// function wait for, in any process. Returns what the file then holds. Throws Error as load(), merge() and save() do;
/// the file then stays as it was.
GAVOTTE_API DeviceConfig update_config_file(const std::string& path, const DeviceConfig& newer);

}  // namespace gavotte
