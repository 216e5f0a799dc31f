// What serves cuda:0 in the tests of this folder. They are compiled twice: with real_gpu.cpp, where
// libgavotte_cuda.so runs them on a GPU, and with tests/emulator/emulated_gpu.cpp, where the emulator runs
// them on memory that the host cannot touch. So what a GPU is asked to do has been done before.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "backend.h"
#include "gavotte/device.h"

namespace gavotte::testing_gpu {

inline constexpr Device kCuda = {DeviceKind::cuda, 0};
inline constexpr Execution kOnCuda = {.device = kCuda};

/// Why there is nothing to test on; empty where there is.
std::string why_no_gpu();
/// How often calls have waited for the device so far.
std::int64_t waits();
/// From now on blocks run in an order of that seed, where one can say.
void shuffle_blocks(std::uint64_t seed);
/// The size of a test: the first in the emulator, the second on a GPU.
std::int64_t sized(std::int64_t emulated, std::int64_t gpu);

/// Skips, and says why, where there is no GPU.
class OnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_gpu(); !why.empty()) GTEST_SKIP() << "no GPU: " << why;
  }
  void TearDown() override { shuffle_blocks(0); }
  static internal::Backend& gpu() { return internal::backend(kCuda); }
};

}  // namespace gavotte::testing_gpu
