// Launchers of global pooling.
#include "cuda/global_pooling.h"

#include "cuda/coordinates.h"
#include "cuda/global_pooling.cuh"
#include "cuda/kernel_name.h"
#include "cuda/memory.h"
#include "cuda/row_launch.h"
#include "dispatch.h"

namespace gavotte::internal::cuda {
namespace {

EntryRows entry_rows(const CoordinateData& set) {
  return {static_cast<const std::int32_t*>(set.lattice.data()),
          static_cast<const std::int32_t*>(set.order.data()), 1 + set.dims, rows_of(set)};
}

/// Positions of each entry: [entries + 1].
Scratch<std::int64_t> mark_entries(const Execution& execution, const EntryRows& rows,
                                   std::int64_t entries) {
  Scratch<std::int64_t> begin(execution, entries + 1);
  launch("mark_entries", execution.stream.handle,
         shape_of_items(rows.rows.bound, {.of = Extent::rows_read, .plus = 1}), mark_entries_kernel,
         {rows, entries, begin.get()});
  return begin;
}

template <class T>
void forward(const Execution& execution, const EntryRows& rows, PoolMode mode, const T* x,
             std::int64_t entries, std::int64_t channels, T* y) {
  using A = Accumulator<T>;
  const Scratch<std::int64_t> begin = mark_entries(execution, rows, entries);
  const std::int64_t slots = slot_count(rows.rows.bound, entries);
  Scratch<A> partial(execution, slots * channels);
  with_packs<T>(channels, {x}, [&]<int N>() {
    launch(kernel_name<"reduce_chunks", N, T>(), execution.stream.handle,
           {.blocks = grid_for(slots, 1),
            .threads = kRowThreads,
            .shared_bytes = sizeof(JoinShared<A, N>)},
           reduce_chunks_kernel<T, N>,
           {rows, begin.get(), entries, x, partial.get(), channels, mode == PoolMode::max,
            RowLanes::for_items(channels / N)});
  });
  with_packs<A>(channels, {y}, [&]<int N>() {
    launch(kernel_name<"join_chunks", N, T>(), execution.stream.handle,
           {.blocks = grid_for(entries, 1),
            .threads = kRowThreads,
            .shared_bytes = sizeof(JoinShared<A, N>),
            .blocks_by = {.of = Extent::entries}},
           join_chunks_kernel<T, N>,
           {begin.get(), entries, partial.get(), y, channels, mode,
            RowLanes::for_items(channels / N)});
  });
}

template <class T>
void spread(const Execution& execution, const EntryRows& rows, PoolMode mode, const T* grad_y,
            std::int64_t entries, std::int64_t channels, T* grad_x) {
  const Scratch<std::int64_t> begin = mark_entries(execution, rows, entries);
  with_packs<T>(channels, {grad_y, grad_x}, [&]<int N>() {
    const RowLanes lanes = RowLanes::for_items(channels / N);
    launch(kernel_name<"spread_gradient", N, T>(), execution.stream.handle,
           shape_of_rows(lanes, rows.rows.bound, channels / N), spread_gradient_kernel<T, N>,
           {rows, begin.get(), grad_y, grad_x, channels, mode, lanes});
  });
}

template <class T>
void send_to_winners(const Execution& execution, const EntryRows& rows, const T* x, const T* y,
                     const T* grad_y, std::int64_t entries, std::int64_t channels, T* grad_x) {
  Scratch<std::uint32_t> winners(execution, entries * channels);
  fill_bytes(execution.stream.handle, winners.get(), 0xff,
             entries * channels * static_cast<std::int64_t>(sizeof(std::uint32_t)));
  with_packs<T>(channels, {x, y, grad_y, grad_x}, [&]<int N>() {
    const RowLanes lanes = RowLanes::for_items(channels / N);
    const LaunchShape shape = shape_of_rows(lanes, rows.rows.bound, channels / N);
    launch(kernel_name<"find_first_equal", N, T>(), execution.stream.handle, shape,
           find_first_equal_kernel<T, N>, {rows, x, y, winners.get(), channels, lanes});
    launch(kernel_name<"send_to_winners", N, T>(), execution.stream.handle, shape,
           send_to_winners_kernel<T, N>, {rows, winners.get(), grad_y, grad_x, channels, lanes});
  });
}

}  // namespace

void global_pool_forward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                         ConstTensorView x, TensorView y) {
  use_device(execution.device.index);
  if (y.shape.elements() == 0) return;
  dispatch_floating(y.dtype, [&]<class T>() {
    forward<T>(execution, entry_rows(set), mode, static_cast<const T*>(x.data), y.rows(),
               y.shape[1], static_cast<T*>(y.data));
  });
}

void global_pool_backward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                          ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                          TensorView grad_x) {
  use_device(execution.device.index);
  if (grad_x.shape.elements() == 0) return;
  const std::int64_t entries = grad_y.rows(), channels = grad_x.shape[1];
  dispatch_floating(grad_x.dtype, [&]<class T>() {
    const T* const gradient = static_cast<const T*>(grad_y.data);
    T* const to = static_cast<T*>(grad_x.data);
    if (mode == PoolMode::max)
      send_to_winners<T>(execution, entry_rows(set), static_cast<const T*>(x.data),
                         static_cast<const T*>(y.data), gradient, entries, channels, to);
    else
      spread<T>(execution, entry_rows(set), mode, gradient, entries, channels, to);
  });
}

}  // namespace gavotte::internal::cuda
