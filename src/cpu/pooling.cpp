// Pooling by tiles of output rows: a tile's pairs are listed by row, and each row is made in registers from its inputs, in
// the order of the offsets. No two tasks write the same row. The backward pass is the same over the map read the other
// way.
#include "cpu/pooling.h"

#include <algorithm>
#include <utility>

#include "cpu/simd/pool_rows.h"
#include "cpu/tile_entries.h"
#include "cpu/tile_indirect.h"
#include "dispatch.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int32_t kTileRows = 1024;  // whose entries stay in fast memory

/// A map's output rows, tile by tile.
class Tiles {
 public:
  Tiles(const Execution& execution, KernelMap map)
      : execution_(execution),
        map_(std::move(map)),
        pairs_(map_, MapPairs::Order::key),
        workspaces_(thread_count(execution)) {
    config_.tile_rows = kTileRows;
  }

  /// Calls body(rows, the offset of each entry) in parallel. x and y: features on the two sides.
  template <class Body>
  void for_each(const ConstTensorView& x, const TensorView& y, Body&& body) const {
    const std::int64_t channels = y.shape[1];
    if (y.rows() == 0 || channels == 0) return;
    for_each_tile(execution_, config_, pairs_, channels, channels, workspaces_,
                  [&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
                    const TileEntries entries = list_entries(pairs_, first, rows, workspace);
                    body(PoolRows{y.dtype, x.data, y.data, channels, first, rows, entries.begin,
                                  entries.inputs, pairs_.out_order},
                         entries.offsets);
                  });
  }

 private:
  const Execution& execution_;
  KernelMap map_;
  MapPairs pairs_;
  WorkspaceLease workspaces_;
  ConvConfig config_;
};

/// What the gradient of each output row is divided by: accumulators [out_rows].
Tensor divisors_of(const Execution& execution, const KernelMap& map, PoolMode mode, DType dtype) {
  Tensor divisors(accumulator_of(dtype), {map.out_rows()});
  dispatch_floating(divisors.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const std::span<T> divisor = divisors.span<T>();
    if (mode == PoolMode::average_volume)
      return std::fill(divisor.begin(), divisor.end(), T(static_cast<A>(map.offsets())));
    const Tiles tiles(execution, map);
    const TensorView column(divisors.data(), divisors.dtype(), {map.out_rows(), 1});
    tiles.for_each(column, column, [&](const PoolRows& rows, const std::int32_t*) {
      for (std::int64_t r = 0; r < rows.rows; ++r) {
        const std::int64_t place = rows.first + r;
        const std::int64_t row = rows.y_rows != nullptr ? rows.y_rows[place] : place;
        divisor[static_cast<std::size_t>(row)] =
            T(static_cast<A>(rows.begin[r + 1] - rows.begin[r]));
      }
    });
  });
  return divisors;
}

/// For each output element the first offset whose input equals it: int32 [out_rows, channels].
Tensor winners_of(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                  const ConstTensorView& y) {
  Tensor winners(DType::int32, y.shape);
  std::int32_t* const winner = winners.span<std::int32_t>().data();
  // find_winners() only reads y.
  const TensorView outputs(const_cast<void*>(y.data), y.dtype, y.shape);
  Tiles(execution, map)
      .for_each(x, outputs, [&](const PoolRows& rows, const std::int32_t* offsets) {
        find_winners(rows, offsets, winner);
      });
  return winners;
}

}  // namespace

void pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                  ConstTensorView x, TensorView y) {
  const std::int64_t divisor = mode == PoolMode::average_present  ? 0
                               : mode == PoolMode::average_volume ? map.offsets()
                                                                  : 1;
  Tiles(execution, map).for_each(x, y, [&](const PoolRows& rows, const std::int32_t*) {
    mode == PoolMode::max ? max_rows(rows) : average_rows(rows, divisor);
  });
}

void pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                   ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                   TensorView grad_x) {
  const Tiles tiles(execution, map.transposed());
  if (mode == PoolMode::max) {
    const Tensor winners = winners_of(execution, map, x, y);
    const std::int32_t* const winner = winners.span<std::int32_t>().data();
    tiles.for_each(grad_y, grad_x, [&](const PoolRows& rows, const std::int32_t* offsets) {
      add_won(rows, winner, offsets);
    });
  } else if (mode == PoolMode::sum) {
    tiles.for_each(grad_y, grad_x,
                   [](const PoolRows& rows, const std::int32_t*) { average_rows(rows, 1); });
  } else {
    const Tensor divisors = divisors_of(execution, map, mode, grad_y.dtype);
    tiles.for_each(grad_y, grad_x, [&](const PoolRows& rows, const std::int32_t*) {
      add_quotients(rows, divisors.data());
    });
  }
}

}  // namespace gavotte::internal::cpu
