// How many blocks of a kernel a multiprocessor holds: as NVIDIA's cuda_occupancy.h counts them, which the tests compare
// with where a toolkit is installed; the library is built without one.
#pragma once

#include <cstdint>
#include <optional>

namespace gavotte::internal {

/// Of a multiprocessor of a compute capability: CUDA C++ Programming Guide, "Technical Specifications per Compute
/// Capability".
struct SmLimits {
  std::int64_t threads = 0, blocks = 0, registers = 0, shared_bytes = 0, barriers = 0;
};
/// Nothing for one that is not in the table.
std::optional<SmLimits> sm_limits(int major, int minor);

struct BlockNeeds {
  std::int64_t threads = 1;
  std::int64_t registers = 0;     ///< Of a thread.
  std::int64_t shared_bytes = 0;  ///< Static and dynamic.
  std::int64_t barriers = 0;
};
/// 0 where not even one fits.
std::int64_t blocks_per_sm(const SmLimits& limits, const BlockNeeds& needs);

}  // namespace gavotte::internal
