// Tuning with scripted times: a clock that the samples move, and times that a test makes up. Results are real ones.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/kinds.h"
#include "executor/scene.h"
#include "gavotte/coordinate_manager.h"
#include "tuning.h"

namespace gavotte::test {

inline Voxels voxels_of(const Scan& scan) {
  Voxels voxels;
  voxels.coordinates = scan.coordinates;
  voxels.features = scan.features;
  voxels.scan_starts = {0, scan.coordinates.rows()};
  return voxels;
}

struct Script {
  double now_s = 0;
  int timed = 0;  ///< Samples.
  std::function<double(const LayerKind&, const ConvConfig&)> layer_ms =
      [](const LayerKind&, const ConvConfig&) { return 1.0; };
  std::function<double(const MapConfig&)> map_ms = [](const MapConfig&) { return 1.0; };

  internal::TuneHooks hooks() {
    internal::TuneHooks hooks = internal::TuneHooks::real();
    hooks.seconds = [this] { return now_s; };
    hooks.layer_ms = [this](internal::LayerRun& run, const ConvConfig& config, int repeats) {
      return pass(layer_ms(run.problem().kind, config), repeats);
    };
    hooks.map_ms = [this](const internal::MapRun&, const MapConfig& config, int repeats) {
      return pass(map_ms(config), repeats);
    };
    return hooks;
  }

 private:
  // A sample is off by up to 2 %.
  double pass(double ms, int repeats) {
    const double off = static_cast<double>(internal::random_bits(7, timed++) % 1000) / 25000 - 0.02;
    now_s += ms * repeats / 1000;
    return ms * (1 + off);
  }
};

/// A layer's map of `kernel`^3 on a seeded scan.
inline LayerProblem layer_problem(std::int64_t in, std::int64_t out, const Execution& execution,
                                  DType dtype = DType::float32,
                                  Direction direction = Direction::forward, int kernel = 3,
                                  std::int64_t voxels = 300) {
  const Scan scan = make_scan(voxels, 10, 1, 3);
  const Coordinates input(scan.coordinates.to(execution.device).view(), 1, StrideStyle::divided,
                          execution);
  const ConvSpec spec = ConvSpec::submanifold(kernel);
  LayerProblem problem;
  problem.name = "layer";
  problem.map = CoordinateManager(execution).kernel_map(input, spec).map;
  problem.kind = {.kernel = kernel_name(spec, 3),
                  .in_channels = in,
                  .out_channels = out,
                  .dtype = dtype,
                  .direction = direction,
                  .threads = kind_threads(execution)};
  return problem;
}

}  // namespace gavotte::test
