// What there is to tune, without doubles: layers of one kind and size bucket are one problem.
#pragma once

#include <span>
#include <vector>

#include "gavotte/tuner.h"

namespace gavotte::internal {

struct LayerItem {
  LayerProblem problem;
  int layers = 1;
};

struct MapItem {
  MapProblem problem;
  std::int64_t rows = 0;  ///< Of the output.
};

class Problems {
 public:
  explicit Problems(const Execution& execution) : execution_(execution) {}

  /// Throws Error, and changes nothing then.
  void add(const Network& network, const Voxels& scan, DType dtype,
           std::span<const Direction> directions);
  void add(LayerProblem problem);
  void add(MapProblem problem);

  std::span<const LayerItem> layers() const noexcept { return layers_; }
  std::span<const MapItem> maps() const noexcept { return maps_; }

 private:
  void check(const LayerProblem& problem) const;
  void put(LayerProblem problem);
  void put(MapItem item);

  Execution execution_;
  std::vector<LayerItem> layers_;
  std::vector<MapItem> maps_;
};

}  // namespace gavotte::internal
