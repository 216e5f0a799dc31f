// Scans in the emulated device's memory, for tests of what a run launches.
#pragma once

#include "executor/scene.h"
#include "gavotte/manifest.h"
#include "guarded_cuda.h"
#include "network/small_network.h"

namespace gavotte::testing_cuda {

inline Voxels voxels_of(const test::Scan& scan) {
  Voxels voxels;
  voxels.coordinates = scan.coordinates.to(kCuda);
  voxels.features = scan.features.to(kCuda);
  voxels.scan_starts = {0, scan.coordinates.rows()};
  return voxels;
}

/// About `count` voxels whose box is the same for all counts, so that keys are of one width.
inline Voxels device_voxels(std::int64_t count, std::int64_t channels = 3) {
  return voxels_of(test::make_scan(count, 24, channels, 7));
}

/// Everything but the dense layer: pairs, rows, entries of a batch.
inline Network pooled_network() {
  NetworkBuilder net(3, 1);
  const std::string down = net.convolution("down", net.input(3), 8, ConvSpec::strided(3, 2));
  net.set_metadata({.name = "pooled"});
  return net.build(net.global_pool("all", down, PoolMode::average_present));
}

}  // namespace gavotte::testing_cuda
