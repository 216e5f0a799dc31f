#include "cuda/sum_products.h"

#include "cuda/kernel_name.h"
#include "cuda/row_launch.h"
#include "cuda/sum_products.cuh"
#include "dispatch.h"

namespace gavotte::internal::cuda {

void launch_sum_products(const Execution& execution, const PartialRows& places,
                         const void* products, std::int64_t channel_tile, const Epilogue& epilogue,
                         TensorView y) {
  const std::int64_t rows = y.shape[0], channels = y.shape[1];
  const std::int64_t tile = channel_tile > 0 ? std::min(channel_tile, channels) : channels;
  dispatch_floating(y.dtype, [&]<class T>() {
    using A = Accumulator<T>;
    constexpr int kWide = kPackBytes / sizeof(A);
    const bool wide = channels % kWide == 0 && tile % kWide == 0 &&
                      are_aligned({products, y.data, epilogue.scale.data, epilogue.shift.data,
                                   epilogue.residual.data});
    with_width<kWide>(wide, [&]<int N>() {
      const RowLanes lanes = RowLanes::for_items(tile / N);
      launch(kernel_name<"sum_products", N, T>(), execution.stream.handle,
             shape_of_rows(lanes, rows, tile / N), sum_products_kernel<T, N>,
             {static_cast<const A*>(products), places.begin, RowCount{rows}, channels, tile,
              RowEpilogue<T>::from(epilogue), static_cast<T*>(y.data), lanes});
    });
  });
}

}  // namespace gavotte::internal::cuda
