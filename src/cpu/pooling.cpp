// Pooling by tiles of output rows: a tile's pairs are listed by row, and each row is made in registers from its inputs, in
// the order of the offsets. Narrow rows receive their inputs without a list (pool_receivers.h), in the same order. No two
// tasks write the same row. The backward pass is the same over the map read the other
// way, from what each output sends: its gradient divided, or its gradient where an input has won.
#include "cpu/pooling.h"

#include <array>
#include <utility>
#include <vector>

#include "cpu/pool_receivers.h"
#include "cpu/pool_senders.h"
#include "cpu/simd/pool_rows.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/tile_entries.h"
#include "cpu/tile_indirect.h"
#include "dispatch.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {
namespace {

/// A map's output rows, tile by tile.
class Tiles {
 public:
  Tiles(const Execution& execution, KernelMap map, std::int64_t channels)
      : execution_(execution),
        map_(std::move(map)),
        channels_(channels),
        pairs_(map_, MapPairs::Order::key),
        workspaces_(thread_count(execution)) {
    config_.tile_rows = kPoolTileRows;
  }

  /// Calls body(rows, the offset of each entry where these are asked for) in parallel. x and y: features on the two sides.
  template <class Body>
  void for_each(const ConstTensorView& x, const TensorView& y, bool offsets, Body&& body) const {
    const EntryLists lists{.offsets = offsets, .order = true};
    for_each_tile([&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
      for_each_block(pairs_, lists, first, rows, workspace, [&](const RowEntries& entries) {
        body(PoolRows{x.dtype, y.dtype, x.data, y.data, channels_, entries.first, entries.rows,
                      entries.stride, entries.counts, entries.inputs, pairs_.out_order,
                      entries.order},
             entries.offsets);
      });
    });
  }

  /// Calls body(first place, rows, how many inputs each has, the row at each place or null) in parallel.
  template <class Body>
  void for_each_count(Body&& body) const {
    for_each_tile([&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
      body(first, rows, count_inputs(pairs_, first, rows, workspace), pairs_.out_order);
    });
  }

 private:
  template <class Body>
  void for_each_tile(Body&& body) const {
    if (pairs_.out_rows == 0 || channels_ == 0) return;
    cpu::for_each_tile(execution_, config_, pairs_, {}, workspaces_, body);
  }

  const Execution& execution_;
  KernelMap map_;
  std::int64_t channels_;
  MapPairs pairs_;
  WorkspaceLease workspaces_;
  ConvConfig config_;
};

/// The gradient of each output over what the mode divides by: accumulators [out_rows, channels].
Tensor quotients_of(const Execution& execution, const KernelMap& map, PoolMode mode,
                    const ConstTensorView& grad_y) {
  Tensor quotients(accumulator_of(grad_y.dtype), grad_y.shape);
  const std::int64_t channels = grad_y.shape[1];
  DivideRows args{grad_y.dtype, grad_y.data,   quotients.data(), channels, 0, 0,
                  nullptr,      map.offsets(), nullptr};
  Tiles(execution, map, channels)
      .for_each_count([&](std::int64_t first, std::int64_t rows, const std::uint32_t* counts,
                          const std::int32_t* y_rows) {
        DivideRows tile = args;
        tile.first = first;
        tile.rows = rows;
        if (mode == PoolMode::average_present) tile.counts = counts;
        tile.y_rows = y_rows;
        divide_rows(tile);
      });
  return quotients;
}

/// What the mode multiplies the gradient of each output by: [out_rows].
Tensor scales_of(const Execution& execution, const KernelMap& map, PoolMode mode) {
  Tensor scales(DType::float32, {map.out_rows()});
  float* const scale = scales.span<float>().data();
  if (mode == PoolMode::average_volume) {
    std::fill_n(scale, map.out_rows(), 1.0F / static_cast<float>(map.offsets()));
    return scales;
  }
  Tiles(execution, map, 1)
      .for_each_count([scale](std::int64_t first, std::int64_t rows, const std::uint32_t* counts,
                              const std::int32_t* y_rows) {
        for (std::int64_t r = 0; r < rows; ++r) {
          const std::int64_t place = first + r;
          scale[y_rows != nullptr ? y_rows[place] : place] = 1.0F / static_cast<float>(counts[r]);
        }
      });
  return scales;
}

/// For each output element the first offset whose input equals it: [out_rows, channels], uint8 where offsets are so few that
/// they fit (labels are read once for each pair: 1.1 of the rate of int32), or int32.
Tensor winners_of(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                  const ConstTensorView& y) {
  const bool bytes = map.offsets() <= kNoByteLabel;
  Tensor winners(bytes ? DType::uint8 : DType::int32, y.shape);
  void* const winner = winners.view().data;
  // find_winners() only reads y.
  const TensorView outputs(const_cast<void*>(y.data), y.dtype, y.shape);
  Tiles(execution, map, y.shape[1])
      .for_each(x, outputs, true, [&](const PoolRows& rows, const std::int32_t* offsets) {
        find_winners(rows, {offsets, winner, bytes});
      });
  return winners;
}

}  // namespace

void pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                  ConstTensorView x, TensorView y) {
  const std::int64_t divisor = mode == PoolMode::average_present  ? 0
                               : mode == PoolMode::average_volume ? map.offsets()
                                                                  : 1;
  const KernelMap back = map.transposed();
  if (mode != PoolMode::max && unpools_by_sending(back, y))
    return send_quotients(execution, back, std::max<std::int64_t>(divisor, 1), x, y);
  const bool max = mode == PoolMode::max;
  if (pools_by_receiving(x))
    return max ? receive_max(execution, map, x, y) : receive_average(execution, map, divisor, x, y);
  Tiles(execution, map, x.shape[1])
      .for_each(x, y, false, [&](const PoolRows& rows, const std::int32_t*) {
        max ? max_rows(rows) : average_rows(rows, divisor);
      });
}

void pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                   ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                   TensorView grad_x) {
  if (has_inputs_once(map)) {
    if (mode == PoolMode::max) return send_to_first_equal(execution, map, x, y, grad_y, grad_x);
    const std::int64_t divisor = mode == PoolMode::average_volume ? map.offsets() : 1;
    return send_quotients(execution, map, mode == PoolMode::average_present ? 0 : divisor, grad_y,
                          grad_x);
  }
  const KernelMap back = map.transposed();
  const Tiles tiles(execution, back, grad_x.shape[1]);
  if (mode == PoolMode::max) {
    Tensor winners = winners_of(execution, map, x, y);
    void* const winner = winners.view().data;
    const bool bytes = winners.dtype() == DType::uint8;
    tiles.for_each(grad_y, grad_x, true, [&](const PoolRows& rows, const std::int32_t* offsets) {
      add_won(rows, {offsets, winner, bytes});
    });
    return;
  }
  // Gradients of 16 bits are scaled as they are taken, others divided beforehand.
  const bool is_scaled = mode != PoolMode::sum && size_bytes(grad_y.dtype) == 2;
  Tensor scales, quotients;
  ConstTensorView sent = grad_y;
  if (is_scaled) {
    scales = scales_of(execution, map, mode);
  } else if (mode != PoolMode::sum) {
    quotients = quotients_of(execution, map, mode, grad_y);
    sent = std::as_const(quotients).view();
  }
  const float* const scale = is_scaled ? scales.span<float>().data() : nullptr;
  if (pools_by_receiving(sent)) return receive_average(execution, back, 1, sent, grad_x, scale);
  tiles.for_each(sent, grad_x, false, [scale](PoolRows rows, const std::int32_t*) {
    rows.scales = scale;
    average_rows(rows, 1);
  });
}

}  // namespace gavotte::internal::cpu
