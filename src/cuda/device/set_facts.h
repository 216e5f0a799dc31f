// What kernels find out about a coordinate set, for the host to read at once. Every member is a
// maximum, a sum or written once, so that zeroed memory is the start.
#pragma once

#include <cstdint>

#include "coordinate_data.h"
#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

inline constexpr int kMaxColumns = 1 + kMaxDims;  ///< Batch, then the axes.
inline constexpr int kSetThreads = 256;           ///< Of every block of the set kernels.
inline constexpr std::uint32_t kSignBit = 0x80000000U;

struct SetFacts {
  std::int64_t count = 0;   ///< Distinct rows; of a set that a caller gave: its rows.
  std::int64_t wanted = 0;  ///< Of a set whose caller's count is on the device: that count.
  /// The first row that repeats an earlier one: (2^32 - 1 - that row) << 32 | the earlier one;
  /// 0: none.
  std::uint64_t first_duplicate = 0;
  std::uint32_t duplicates = 0;
  std::uint32_t descents = 0;      ///< 0: each row is greater than the one before.
  std::uint32_t overflow_row = 0;  ///< 2^32 - 1 - the first row whose output passes int32; 0: none.
  /// Of each column the largest value v as v ^ kSignBit, and the smallest as ~(v ^ kSignBit); both
  /// 0: no rows.
  std::uint32_t above[kMaxColumns] = {}, below[kMaxColumns] = {};

  Box box(int columns) const {
    Box result;
    if (above[0] == 0 && below[0] == 0) return result;
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
      result.upper[c] = static_cast<std::int32_t>(above[c] ^ kSignBit);
      result.lower[c] = static_cast<std::int32_t>(~below[c] ^ kSignBit);
    }
    return result;
  }
};

struct ReduceBoxShared {
  std::uint32_t values[kSetThreads / kWarpThreads][2 * kMaxColumns];
};

/// A thread's part of the box.
struct BoxPart {
  std::uint32_t above[kMaxColumns] = {}, below[kMaxColumns] = {};

  GAVOTTE_DEVICE void add(const std::int32_t* values) {
    for (int c = 0; c < kMaxColumns; ++c) {
      const std::uint32_t value = static_cast<std::uint32_t>(values[c]) ^ kSignBit;
      above[c] = value > above[c] ? value : above[c];
      below[c] = ~value > below[c] ? ~value : below[c];
    }
  }

  /// Every thread of the block calls it once, after its last add(). The block's kSetThreads threads
  /// go through shared memory, each block adds 2 * columns atomics.
  GAVOTTE_DEVICE void reduce_into(SetFacts& facts, int columns) const {
    auto& shared = shared_storage<ReduceBoxShared>();
    for (int c = 0; c < kMaxColumns; ++c) {
      const std::uint32_t up = warp_maximum(above[c]), down = warp_maximum(below[c]);
      if (lane_index() == 0) {
        shared.values[warp_index()][2 * c] = up;
        shared.values[warp_index()][2 * c + 1] = down;
      }
    }
    sync_block();
    if (thread_index() < 2 * columns) {
      std::uint32_t most = 0;
      for (int warp = 0; warp < block_threads() / kWarpThreads; ++warp) {
        const std::uint32_t value = shared.values[warp][thread_index()];
        most = value > most ? value : most;
      }
      const int c = thread_index() / 2;
      atomic_max(thread_index() % 2 == 0 ? &facts.above[c] : &facts.below[c], most);
    }
  }

 private:
  static GAVOTTE_DEVICE std::uint32_t warp_maximum(std::uint32_t value) {
    for (int lanes = kWarpThreads / 2; lanes > 0; lanes /= 2) {
      const std::uint32_t other = shuffle_xor(kFullMask, value, lanes);
      value = other > value ? other : value;
    }
    return value;
  }
};

}  // namespace gavotte::internal::cuda
