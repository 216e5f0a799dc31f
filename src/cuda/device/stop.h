// How the kernels of a run end at tile boundaries where an EvictionFlag asks for it (run_stop.h): before each of its tiles
// a block looks at a word in the device's memory. Once that word says stop, every later boundary of the run does, so that
// no kernel works on what an earlier one has left unfinished.
#pragma once

#include <cstdint>
#include <limits>

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

inline constexpr std::int64_t kNeverStops = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int32_t kNoGroup = std::numeric_limits<std::int32_t>::max();

/// Of one run, in the device's memory.
struct StopState {
  std::int64_t
      left;  ///< Tile boundaries until the run stops: 0 or less, it does; kNeverStops: nobody counts.
  std::int32_t group;  ///< The lowest restart group with work left undone; kNoGroup: none.
};

/// What a kernel is told of the run that it belongs to.
struct Stop {
  StopState* state = nullptr;  ///< Null: nothing stops it.
  std::int32_t group = 0;      ///< Its restart group.

  /// Before a tile: false where the block is to leave it and all that follow. All threads of the block call it, and get
  /// the same; a barrier where there is a state.
  GAVOTTE_DEVICE bool goes_on() const {
    if (state == nullptr) return true;
    bool stops = false;
    if (thread_index() == 0) {
      const std::int64_t left = load_relaxed(&state->left);
      stops = left <= 0 || (left != kNeverStops && atomic_add(&state->left, std::int64_t{-1}) <= 0);
      if (stops) atomic_min(&state->group, group);
    }
    return !any_of_block(stops);
  }
};

/// Calls body(i) for this thread's share of [0, count), in strides of the grid. A tile has an item for each thread.
template <class Body>
GAVOTTE_DEVICE void for_each_item(std::int64_t count, const Stop& stop, Body&& body) {
  for (std::int64_t first = block_index() * block_threads(); first < count && stop.goes_on();
       first += grid_threads()) {
    const std::int64_t i = first + thread_index();
    if (i < count) body(i);
  }
}

/// The same for each warp's share: all lanes of a warp get the same i. A tile has an item for each warp.
template <class Body>
GAVOTTE_DEVICE void for_each_item_of_warp(std::int64_t count, const Stop& stop, Body&& body) {
  const int warps = block_threads() / kWarpThreads;
  for (std::int64_t first = block_index() * warps; first < count && stop.goes_on();
       first += grid_blocks() * warps) {
    const std::int64_t i = first + warp_index();
    if (i < count) body(i);
  }
}

}  // namespace gavotte::internal::cuda
