// Owns coordinate sets and caches what is derived from them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "gavotte/config.h"
#include "gavotte/conv_spec.h"
#include "gavotte/coordinates.h"
#include "gavotte/device_config.h"
#include "gavotte/kernel_map.h"

namespace gavotte {

/// A map together with the sets that it joins.
struct MapResult {
  KernelMap map;
  Coordinates input;
  Coordinates output;
  double build_ms =
      0;  ///< Time this call spent on the output set and the map; 0 where both were cached.
};

/// Coordinate sets and kernel maps of one scan (or batch), shared by all tensors made from it; a handle, copies share.
/// Maps are cached by all that defines them: both sets, kernel size, stride, padding, dilation, rule, bounds, order.
/// Safe to use from several threads.
class GAVOTTE_API CoordinateManager {
 public:
  /// tuned: maps are built as its entries say, others as `config` does; of the execution's device, which
  /// DeviceConfig::check_device() tells.
  explicit CoordinateManager(Execution execution = {}, MapConfig config = {},
                             TunedConfig tuned = {});
  // A move is a copy, so that no handle is ever without its sets and maps.
  CoordinateManager(const CoordinateManager&) = default;
  CoordinateManager& operator=(const CoordinateManager&) = default;

  const Execution& execution() const noexcept;
  const MapConfig& map_config() const noexcept;
  const TunedConfig& tuned() const noexcept;

  /// The output set of `spec` on `input` (cached) and the map between them (cached).
  /// transposed/inverse: the finer set is the one that `input` was made from by a strided layer of this manager with
  /// the same stride. Throws Error (value) for an illegal spec, or where no finer set exists and the rule does not expand.
  MapResult kernel_map(const Coordinates& input, const ConvSpec& spec);
  /// The map onto a set that the caller names.
  MapResult kernel_map(const Coordinates& input, const ConvSpec& spec, const Coordinates& output);
  /// Only the output set.
  Coordinates output_coordinates(const Coordinates& input, const ConvSpec& spec);

  /// One layer of a network, as plan() needs it: its input is the input set (-1) or the output of an earlier layer.
  struct PlannedLayer {
    int input = -1;
    ConvSpec spec;
  };
  /// All sets and maps that a network needs, in one call; result i belongs to layers[i]. On a GPU it waits twice,
  /// once for the sizes of all sets and once for those of all maps (with the torchsparse rule: once for each set and
  /// once for the maps). After an Error the manager is as it was.
  std::vector<MapResult> plan(const Coordinates& input, std::span<const PlannedLayer> layers);

  std::int64_t cached_maps() const;
  std::int64_t cached_bytes() const;
  void clear();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gavotte
