#include "manifest/occupancy.h"

#include <algorithm>

namespace gavotte::internal {
namespace {

// Alike from compute capability 8.0 to 12.x.
constexpr std::int64_t kWarp = 32, kMostThreads = 1024, kMostRegisters = 256;
constexpr std::int64_t kRegisterUnit = 256;     // of a warp
constexpr std::int64_t kParts = 4;              // that a multiprocessor's registers lie in
constexpr std::int64_t kSharedUnit = 128;       // bytes
constexpr std::int64_t kReservedShared = 1024;  // bytes of a block that the system keeps

struct Row {
  int major, minor;
  SmLimits limits;
};
constexpr Row kTable[] = {
    {8, 0, {2048, 32, 65536, 164 << 10, 64}},  {8, 6, {1536, 16, 65536, 100 << 10, 16}},
    {8, 9, {1536, 24, 65536, 100 << 10, 24}},  {9, 0, {2048, 32, 65536, 228 << 10, 64}},
    {10, 0, {2048, 32, 65536, 228 << 10, 64}}, {12, 0, {1536, 24, 65536, 100 << 10, 24}},
};

constexpr std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

std::optional<SmLimits> sm_limits(int major, int minor) {
  for (const Row& row : kTable)
    if (row.major == major && row.minor == minor) return row.limits;
  return std::nullopt;
}

std::int64_t blocks_per_sm(const SmLimits& limits, const BlockNeeds& needs) {
  const std::int64_t warps = round_up(needs.threads, kWarp) / kWarp;
  const std::int64_t shared = round_up(needs.shared_bytes + kReservedShared, kSharedUnit);
  const std::int64_t of_warp = round_up(needs.registers * kWarp, kRegisterUnit);
  if (needs.threads > kMostThreads || needs.registers > kMostRegisters ||
      shared > limits.shared_bytes || of_warp * round_up(warps, kParts) > limits.registers)
    return 0;
  std::int64_t blocks =
      std::min({limits.blocks, limits.threads / kWarp / warps, limits.shared_bytes / shared});
  if (of_warp > 0) blocks = std::min(blocks, limits.registers / kParts / of_warp * kParts / warps);
  if (needs.barriers > 0) blocks = std::min(blocks, limits.barriers / needs.barriers);
  return blocks;
}

}  // namespace gavotte::internal
