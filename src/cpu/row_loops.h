// Loops over the channels of one row, and the tiles that they run in: plain C++ in a form that
// compilers vectorise. T is the stored type, A = Accumulator<T> what is computed in.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dispatch.h"
#include "parallel.h"

namespace gavotte::internal::cpu {

/// Bytes of the accumulators of one tile: on the stack, and in the second-level cache.
inline constexpr std::int64_t kTileBytes = 64 * 1024;
inline constexpr std::int64_t kTileRows = 1024;  ///< At most, so that counts fit on the stack too.
inline constexpr std::int64_t kTileChannels = 256;  ///< At most; wider rows go in several passes.

/// Rows [row, row + rows) and channels [channel, channel + channels) of a matrix.
struct Tile {
  std::int64_t row = 0, rows = 0, channel = 0, channels = 0;
};

/// Calls body(tile) for tiles that cover [rows, channels], in parallel. Their size follows from the
/// matrix alone, so results do not depend on the number of threads.
template <class A, class Body>
void for_each_tile(const Execution& execution, std::int64_t rows, std::int64_t channels,
                   Body&& body) {
  if (rows == 0 || channels == 0) return;
  const std::int64_t width = std::min(channels, kTileChannels);
  const std::int64_t height =
      std::min(kTileRows, kTileBytes / (static_cast<std::int64_t>(sizeof(A)) * width));
  const std::int64_t across = (channels + width - 1) / width;
  const std::int64_t down = (rows + height - 1) / height;
  parallel_for(execution, down * across, [&](std::int64_t task, int) {
    const std::int64_t row = task / across * height;
    const std::int64_t channel = task % across * width;
    body(Tile{row, std::min(height, rows - row), channel, std::min(width, channels - channel)});
  });
}

template <class T, class A>
void add_row(const T* __restrict x, std::int64_t channels, A* __restrict sum) {
  for (std::int64_t c = 0; c < channels; ++c) sum[c] += static_cast<A>(x[c]);
}

/// sum += x / divisor
template <class T, class A>
void add_quotient_row(const T* __restrict x, A divisor, std::int64_t channels, A* __restrict sum) {
  for (std::int64_t c = 0; c < channels; ++c) sum[c] += static_cast<A>(x[c]) / divisor;
}

/// The larger; NaN where either is NaN; of equals the one that was there.
template <class T, class A>
void max_row(const T* __restrict x, std::int64_t channels, A* __restrict maximum) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const A value = static_cast<A>(x[c]);
    maximum[c] = ((value > maximum[c]) | (value != value)) ? value : maximum[c];
  }
}

/// winner = candidate in channels where there is none (< 0) and x equals y, NaN being equal to NaN.
template <class T>
void win_row(const T* __restrict x, const T* __restrict y, std::int32_t candidate,
             std::int64_t channels, std::int32_t* __restrict winner) {
  using A = Accumulator<T>;
  for (std::int64_t c = 0; c < channels; ++c) {
    const A value = static_cast<A>(x[c]);
    const A wanted = static_cast<A>(y[c]);
    const bool equal = (value == wanted) | ((value != value) & (wanted != wanted));
    winner[c] = (equal & (winner[c] < 0)) ? candidate : winner[c];
  }
}

/// sum += x in channels that `candidate` won.
template <class T, class A>
void add_won_row(const T* __restrict x, const std::int32_t* __restrict winner,
                 std::int32_t candidate, std::int64_t channels, A* __restrict sum) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const A value = static_cast<A>(x[c]);
    sum[c] = winner[c] == candidate ? sum[c] + value : sum[c];
  }
}

/// y = sum / divisor, rounded once more where T is narrower than A.
template <class T, class A>
void store_quotient_row(const A* __restrict sum, A divisor, std::int64_t channels,
                        T* __restrict y) {
  for (std::int64_t c = 0; c < channels; ++c) y[c] = static_cast<T>(sum[c] / divisor);
}

template <class T, class A>
void store_row(const A* __restrict sum, std::int64_t channels, T* __restrict y) {
  for (std::int64_t c = 0; c < channels; ++c) y[c] = static_cast<T>(sum[c]);
}

}  // namespace gavotte::internal::cpu
