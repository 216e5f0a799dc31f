#include "manifest/occupancy.h"

#include <gtest/gtest.h>

#ifdef GAVOTTE_CUDA_OCCUPANCY
#include GAVOTTE_CUDA_OCCUPANCY
#endif

#include "network/initializer.h"

namespace gavotte::internal {
namespace {

TEST(Occupancy, ByHand) {
  const SmLimits hopper = *sm_limits(9, 0);
  // 2048 threads, 8 blocks of 256; 32 registers * 32 = 1024 a warp, 64 warps.
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 256, .registers = 32}), 8);
  // 128 registers * 32 = 4096 a warp: 16384 / 4096 = 4 warps in each of 4 parts, 16 / 8 = 2 blocks.
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 256, .registers = 128}), 2);
  // 129 registers are 4128, up to 4352: 3 warps in each part, 12 / 8 = 1 block.
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 256, .registers = 129}), 1);
  // 100 KiB and the system's 1 KiB: 228 / 101 = 2 blocks.
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 128, .registers = 32, .shared_bytes = 100 << 10}), 2);
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 128, .registers = 32, .shared_bytes = 227 << 10}), 1);
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 128, .registers = 32, .shared_bytes = 228 << 10}), 0);
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 32, .registers = 16}), 32);
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 32, .registers = 16, .barriers = 16}), 4);
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 1024, .registers = 128}), 0);  // 131072 registers
  EXPECT_EQ(blocks_per_sm(hopper, {.threads = 1025, .registers = 16}), 0);
  EXPECT_EQ(blocks_per_sm(*sm_limits(12, 0), {.threads = 256, .registers = 32}), 6);
  EXPECT_EQ(blocks_per_sm(*sm_limits(8, 0), {.threads = 96, .registers = 40}), 16);
  EXPECT_FALSE(sm_limits(7, 5).has_value());
}

#ifdef GAVOTTE_CUDA_OCCUPANCY
TEST(Occupancy, IsThatOfTheToolkitsHeader) {
  constexpr std::uint64_t kSeed = 3;
  std::uint64_t counter = 0;
  const auto below = [&](std::uint64_t end) {
    return static_cast<std::int64_t>(random_bits(kSeed, counter++) % end);
  };
  const std::int64_t capabilities[][2] = {{8, 0}, {8, 6}, {8, 9}, {9, 0}, {10, 0}, {12, 0}};
  for (const auto& [major, minor] : capabilities) {
    const SmLimits limits = *sm_limits(static_cast<int>(major), static_cast<int>(minor));
    cudaOccDeviceProp device;
    device.computeMajor = static_cast<int>(major);
    device.computeMinor = static_cast<int>(minor);
    device.maxThreadsPerBlock = 1024;
    device.maxThreadsPerMultiprocessor = static_cast<int>(limits.threads);
    device.regsPerBlock = device.regsPerMultiprocessor = static_cast<int>(limits.registers);
    device.warpSize = 32;
    device.sharedMemPerBlock = 48 << 10;
    device.sharedMemPerMultiprocessor = static_cast<std::size_t>(limits.shared_bytes);
    device.numSms = 100;
    device.sharedMemPerBlockOptin = device.sharedMemPerMultiprocessor - 1024;
    device.reservedSharedMemPerBlock = 1024;
    const cudaOccDeviceState state;
    for (int i = 0; i < 20000; ++i) {
      const BlockNeeds needs = {.threads = 1 + below(1100),
                                .registers = 1 + below(256),
                                .shared_bytes = below(2) == 0 ? 0 : below(240 << 10),
                                .barriers = below(3)};
      const std::int64_t fixed = below(static_cast<std::uint64_t>(needs.shared_bytes) + 1);
      cudaOccFuncAttributes kernel;
      kernel.maxThreadsPerBlock = 1024;
      kernel.numRegs = static_cast<int>(needs.registers);
      kernel.sharedSizeBytes = static_cast<std::size_t>(fixed);
      kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
      kernel.maxDynamicSharedSizeBytes = static_cast<std::size_t>(needs.shared_bytes - fixed);
      kernel.numBlockBarriers = major >= 9 ? static_cast<int>(needs.barriers) : 0;
      cudaOccResult result;
      ASSERT_EQ(cudaOccMaxActiveBlocksPerMultiprocessor(
                    &result, &device, &kernel, &state, static_cast<int>(needs.threads),
                    static_cast<std::size_t>(needs.shared_bytes - fixed)),
                CUDA_OCC_SUCCESS);
      BlockNeeds counted = needs;
      counted.barriers = kernel.numBlockBarriers;
      ASSERT_EQ(blocks_per_sm(limits, counted), result.activeBlocksPerMultiprocessor)
          << major << "." << minor << ": " << needs.threads << " threads, " << needs.registers
          << " registers, " << needs.shared_bytes << " bytes, " << needs.barriers << " barriers";
    }
  }
}
#endif

}  // namespace
}  // namespace gavotte::internal
