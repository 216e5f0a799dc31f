// Scans and options for tests of manifests.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "executor/scene.h"
#include "gavotte/error.h"
#include "gavotte/manifest.h"
#include "network/small_network.h"

namespace gavotte::test {

/// About `count` voxels in key order, for small_network().
inline Voxels make_voxels(std::int64_t count, std::uint64_t seed = 1) {
  Scan scan = make_scan(count, 24, 3, seed);
  Voxels voxels;
  voxels.coordinates = std::move(scan.coordinates);
  voxels.features = std::move(scan.features);
  voxels.scan_starts = {0, voxels.size()};
  return voxels;
}

/// That a call throws an Error of one line with each of the parts.
template <class Call>
void expect_says(Call&& call, std::initializer_list<std::string> parts) {
  try {
    call();
    ADD_FAILURE() << "expected an Error that says: " << *parts.begin();
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

inline constexpr ManifestOptions kOnce = {.rounds = 1, .warmup = 0};

}  // namespace gavotte::test
