// Launchers of pooling over a kernel map.
#include "cuda/pooling.h"

#include "cuda/kernel_name.h"
#include "cuda/memory.h"
#include "cuda/pooling.cuh"
#include "cuda/row_launch.h"
#include "dispatch.h"

namespace gavotte::internal::cuda {
namespace {

MapTable table_of(const KernelMap& map) {
  return {static_cast<const std::int32_t*>(map.table().data), map.out_rows(), map.offsets()};
}

template <class T>
Scratch<std::int32_t> find_winners(const Execution& execution, const MapTable& table, const T* x,
                                   const T* y, std::int64_t rows, std::int64_t channels) {
  Scratch<std::int32_t> winners(execution, rows * channels);
  with_packs<T>(channels, {x, y}, [&]<int N>() {
    const RowLanes lanes = RowLanes::for_items(channels / N);
    launch(kernel_name<"find_winners", N, T>(), execution.stream.handle,
           shape_of_rows(lanes, rows, channels / N), find_winners_kernel<T, N>,
           {x, y, winners.get(), table, RowCount{rows}, channels, lanes});
  });
  return winners;
}

Scratch<std::int32_t> count_inputs(const Execution& execution, const MapTable& table,
                                   std::int64_t rows) {
  Scratch<std::int32_t> counts(execution, rows);
  launch("count_inputs", execution.stream.handle, shape_of_items(rows), count_inputs_kernel,
         {table, counts.get(), RowCount{rows}});
  return counts;
}

}  // namespace

void pool_forward(const Execution& execution, const KernelMap& map, PoolMode mode,
                  ConstTensorView x, TensorView y) {
  use_device(execution.device.index);
  const MapTable table = table_of(map);
  const std::int64_t channels = y.shape[1];
  dispatch_floating(y.dtype, [&]<class T>() {
    with_packs<T>(channels, {x.data, y.data}, [&]<int N>() {
      const RowLanes lanes = RowLanes::for_items(channels / N);
      launch(kernel_name<"pool_rows", N, T>(), execution.stream.handle,
             shape_of_rows(lanes, y.rows(), channels / N), pool_rows_kernel<T, N>,
             {static_cast<const T*>(x.data), static_cast<T*>(y.data), table, RowCount{y.rows()},
              channels, mode, lanes});
    });
  });
}

void pool_backward(const Execution& execution, const KernelMap& map, PoolMode mode,
                   ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                   TensorView grad_x) {
  use_device(execution.device.index);
  const KernelMap reversed = map.transposed();
  const MapTable back = table_of(reversed);
  const std::int64_t channels = grad_x.shape[1];
  const std::int64_t out_rows = grad_y.rows();
  dispatch_floating(grad_x.dtype, [&]<class T>() {
    Scratch<std::int32_t> winners, counts;
    if (mode == PoolMode::max)
      winners = find_winners(execution, table_of(map), static_cast<const T*>(x.data),
                             static_cast<const T*>(y.data), out_rows, channels);
    if (mode == PoolMode::average_present)
      counts = count_inputs(execution, table_of(map), out_rows);
    with_packs<T>(channels, {grad_y.data, grad_x.data}, [&]<int N>() {
      const RowLanes lanes = RowLanes::for_items(channels / N);
      launch(kernel_name<"pool_rows_backward", N, T>(), execution.stream.handle,
             shape_of_rows(lanes, grad_x.rows(), channels / N), pool_rows_backward_kernel<T, N>,
             {static_cast<const T*>(grad_y.data), static_cast<T*>(grad_x.data), winners.get(),
              counts.get(), back, RowCount{grad_x.rows()}, channels, mode, lanes});
    });
  });
}

}  // namespace gavotte::internal::cuda
