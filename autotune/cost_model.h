// What a layer costs: units that a config makes the device do, times constants of the device that are fitted to times.
// The units count what the busiest thread does, so that a config with too few tasks for its threads shows.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "gavotte/device_config.h"
#include "layer_shape.h"

namespace gavotte::internal {

/// One for each element of CostFit::ns, in this order.
struct CostUnits {
  double calls = 1;       ///< What a call costs with nothing to do: launches, starting threads.
  double operations = 0;  ///< Multiplications and additions, 2 a product.
  double pair_bytes =
      0;  ///< Of inputs and sums that pairs read and write, in cache or through memory.
  double row_bytes = 0;     ///< Of each matrix, once.
  double weight_bytes = 0;  ///< Of weights, which each tile reads anew; wgrad: partial sums.
  double blocks = 0;  ///< Pieces of work of one offset: a tile, a chunk, a channel tile of these.
  double spilled_bytes = 0;  ///< Of sums where a tile does not fit the second-level cache.
  std::array<double, 7> values() const noexcept {
    return {calls, operations, pair_bytes, row_bytes, weight_bytes, blocks, spilled_bytes};
  }
};
inline constexpr int kCostUnits = 7;

/// A fit from fewer times predicts nothing.
inline constexpr int kLeastCostSamples = 12;

/// automatic as the device resolves it.
Dataflow resolved_dataflow(const LayerShape& shape, const ConvConfig& config, DeviceKind device);

/// Nothing where the model does not count that kind of layer (depthwise).
std::optional<CostUnits> cost_units(const LayerShape& shape, const ConvConfig& config,
                                    const DeviceIdentity& device);

/// Which fit a config of a layer belongs to; without constants.
CostFit fit_key(const LayerShape& shape, const ConvConfig& config, DeviceKind device);
bool same_key(const CostFit& a, const CostFit& b) noexcept;

/// The sizes that a fit has seen, in operations of a layer.
struct OperationRange {
  double least = 0, greatest = 0;
  void add(const LayerShape& shape) noexcept;
  /// Within a factor of 4 of one of them, or between them.
  bool covers(const LayerShape& shape) const noexcept;
};

struct CostSample {
  std::array<double, kCostUnits> units = {};
  double ms = 0;  ///< Above 0.
};

/// Constants of at least 0 whose squares of relative errors, sum of (predicted / measured - 1)^2, are the least. Of
/// several such solutions the one with the fewest units. Exact: every subset of the units is solved.
CostFit fit_cost(CostFit key, std::span<const CostSample> samples);

/// Predicted by one of the fits, with that fit's error; nothing where none of them is fit for it.
struct Prediction {
  double ms = 0, error = 0;
  int samples = 0;
};
std::optional<Prediction> predict(std::span<const CostFit> fits, const LayerShape& shape,
                                  const ConvConfig& config, const DeviceIdentity& device);

/// The candidate that is predicted to be the fastest, where its gain over `otherwise` is larger than twice the errors
/// of both predictions together; else nothing. Only dataflows that were the fastest of a layer of about that size, by
/// an entry, are considered: elsewhere a fit says little.
std::optional<ConvConfig> choose_by_model(const DeviceConfig& config, const LayerShape& shape,
                                          const ConvConfig& otherwise);

}  // namespace gavotte::internal
