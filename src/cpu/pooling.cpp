// Pooling by tiles of output rows: for each offset in order, the pairs whose output row lies in the
// tile are found by two binary searches in the offset's list, which is sorted by output row. No two
// tasks write the same row, and each row adds its inputs in offset order. The backward pass is the
// same walk over the map read the other way.
#include "cpu/pooling.h"

#include <array>
#include <limits>

#include "cpu/convolution_tile.h"
#include "cpu/row_loops.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kPrefetchPairs = 8;

struct Pairs {
  explicit Pairs(const KernelMap& map) : lists(map), offsets(lists.offsets) {}

  /// Calls visit(offset, input row, output row) for the pairs with an output row in the tile.
  /// `rows`, a matrix of `row_bytes` wide rows, is what the visitor reads at the input row.
  template <class Visit>
  void for_each_in(const Tile& tile, const void* rows, std::int64_t row_bytes,
                   Visit&& visit) const {
    for (int k = 0; k < offsets; ++k) {
      const std::int32_t *const in = lists.in(k), *const out = lists.out(k);
      const auto* const last = out + (lists.begin[k + 1] - lists.begin[k]);
      const auto* const from = std::lower_bound(out, last, tile.row);
      const auto* const to = std::lower_bound(from, last, tile.row + tile.rows);
      const std::int64_t end = to - out;
      for (std::int64_t i = from - out; i < end; ++i) {
        if (i + kPrefetchPairs < end)
          __builtin_prefetch(static_cast<const char*>(rows) + in[i + kPrefetchPairs] * row_bytes);
        visit(k, std::int64_t{in[i]}, std::int64_t{out[i]});
      }
    }
  }

  MapPairs lists;
  int offsets;
};

// What the sum of `count` inputs is divided by; a sum of none stays 0.
template <class A>
A divisor(PoolMode mode, std::int32_t count, int offsets) {
  if (mode == PoolMode::average_present) return static_cast<A>(std::max(count, 1));
  return mode == PoolMode::average_volume ? static_cast<A>(offsets) : A{1};
}

template <class T>
void forward(const Execution& execution, const Pairs& pairs, PoolMode mode, ConstTensorView x_view,
             TensorView y_view) {
  using A = Accumulator<T>;
  const std::int64_t channels = y_view.shape[1];
  const auto row_bytes = channels * static_cast<std::int64_t>(sizeof(T));
  const T* const x = static_cast<const T*>(x_view.data);
  T* const y = static_cast<T*>(y_view.data);
  for_each_tile<A>(execution, y_view.rows(), channels, [&](const Tile& tile) {
    alignas(64) std::array<A, kTileBytes / sizeof(A)> sums;
    std::array<std::int32_t, kTileRows> counts;
    std::fill_n(counts.begin(), tile.rows, 0);
    const A start = mode == PoolMode::max ? -std::numeric_limits<A>::infinity() : A{0};
    std::fill_n(sums.begin(), tile.rows * tile.channels, start);
    pairs.for_each_in(tile, x + tile.channel, row_bytes,
                      [&](int, std::int64_t in, std::int64_t out) {
                        const std::int64_t row = out - tile.row;
                        ++counts[static_cast<std::size_t>(row)];
                        const T* const from = x + in * channels + tile.channel;
                        A* const sum = sums.data() + row * tile.channels;
                        if (mode == PoolMode::max)
                          max_row(from, tile.channels, sum);
                        else
                          add_row(from, tile.channels, sum);
                      });
    for (std::int64_t row = 0; row < tile.rows; ++row) {
      const std::int32_t count = counts[static_cast<std::size_t>(row)];
      A* const sum = sums.data() + row * tile.channels;
      T* const to = y + (tile.row + row) * channels + tile.channel;
      if (count == 0) std::fill_n(sum, tile.channels, A{0});
      if (mode == PoolMode::max || mode == PoolMode::sum)
        store_row(sum, tile.channels, to);
      else
        store_quotient_row(sum, divisor<A>(mode, count, pairs.offsets), tile.channels, to);
    }
  });
}

// Inputs of each output row.
Tensor count_inputs(const Execution& execution, const Pairs& pairs, std::int64_t rows) {
  Tensor counts = Tensor::zeros(DType::int32, {rows});
  const std::span<std::int32_t> count = counts.span<std::int32_t>();
  for_each_tile<float>(execution, rows, 1, [&](const Tile& tile) {
    pairs.for_each_in(tile, nullptr, 0, [&](int, std::int64_t, std::int64_t out) {
      ++count[static_cast<std::size_t>(out)];
    });
  });
  return counts;
}

// For each output element the first offset whose input equals it: int32 [M, C].
template <class T>
Tensor find_winners(const Execution& execution, const Pairs& pairs, const T* x, const T* y,
                    std::int64_t rows, std::int64_t channels) {
  Tensor winners(DType::int32, {rows, channels});
  std::int32_t* const winner = winners.span<std::int32_t>().data();
  const auto row_bytes = channels * static_cast<std::int64_t>(sizeof(T));
  for_each_tile<float>(execution, rows, channels, [&](const Tile& tile) {
    for (std::int64_t row = tile.row; row < tile.row + tile.rows; ++row)
      std::fill_n(winner + row * channels + tile.channel, tile.channels, -1);
    pairs.for_each_in(
        tile, x + tile.channel, row_bytes, [&](int k, std::int64_t in, std::int64_t out) {
          const std::int64_t at = out * channels + tile.channel;
          win_row(x + in * channels + tile.channel, y + at, k, tile.channels, winner + at);
        });
  });
  return winners;
}

template <class T>
void backward(const Execution& execution, const KernelMap& map, PoolMode mode,
              ConstTensorView x_view, ConstTensorView y_view, ConstTensorView grad_y_view,
              TensorView grad_x_view) {
  using A = Accumulator<T>;
  const std::int64_t channels = grad_x_view.shape[1];
  const auto row_bytes = channels * static_cast<std::int64_t>(sizeof(T));
  const T* const grad_y = static_cast<const T*>(grad_y_view.data);
  T* const grad_x = static_cast<T*>(grad_x_view.data);
  const std::int64_t out_rows = grad_y_view.rows();

  const Pairs pairs(map);
  Tensor winners, counts;
  if (mode == PoolMode::max)
    winners = find_winners(execution, pairs, static_cast<const T*>(x_view.data),
                           static_cast<const T*>(y_view.data), out_rows, channels);
  if (mode == PoolMode::average_present) counts = count_inputs(execution, pairs, out_rows);
  const auto* const winner = static_cast<const std::int32_t*>(winners.data());
  const auto* const count = static_cast<const std::int32_t*>(counts.data());

  // Read the other way, the outputs of the pairs are rows of x.
  const KernelMap reversed = map.transposed();
  const Pairs back(reversed);
  for_each_tile<A>(execution, grad_x_view.rows(), channels, [&](const Tile& tile) {
    alignas(64) std::array<A, kTileBytes / sizeof(A)> sums;
    std::fill_n(sums.begin(), tile.rows * tile.channels, A{0});
    const auto visit = [&](int k, std::int64_t from, std::int64_t to) {
      const std::int64_t at = from * channels + tile.channel;
      A* const sum = sums.data() + (to - tile.row) * tile.channels;
      if (mode == PoolMode::max)
        add_won_row(grad_y + at, winner + at, k, tile.channels, sum);
      else if (mode == PoolMode::sum)
        add_row(grad_y + at, tile.channels, sum);
      else
        add_quotient_row(grad_y + at,
                         divisor<A>(mode, count != nullptr ? count[from] : 0, pairs.offsets),
                         tile.channels, sum);
    };
    back.for_each_in(tile, grad_y + tile.channel, row_bytes, visit);
    for (std::int64_t row = 0; row < tile.rows; ++row)
      store_row(sums.data() + row * tile.channels, tile.channels,
                grad_x + (tile.row + row) * channels + tile.channel);
  });
}

}  // namespace

void pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                  ConstTensorView x, TensorView y) {
  const Pairs pairs(map);
  dispatch_floating(y.dtype, [&]<class T>() { forward<T>(execution, pairs, mode, x, y); });
}

void pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                   ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                   TensorView grad_x) {
  dispatch_floating(grad_x.dtype,
                    [&]<class T>() { backward<T>(execution, map, mode, x, y, grad_y, grad_x); });
}

}  // namespace gavotte::internal::cpu
