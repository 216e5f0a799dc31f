// Launches the sums of columns: two kernels for any number of rows.
#include "cuda/column_sum.cuh"

#include <algorithm>

#include "cuda/convolution.h"
#include "cuda/kernel_name.h"
#include "cuda/memory.h"
#include "cuda/row_launch.h"

namespace gavotte::internal::cuda {
namespace {

constexpr std::int64_t kFewestRows = 256;  ///< Of a piece.
constexpr std::int64_t kMostPieces = 256;

template <class From, class To>
void launch_sum_columns(const Execution& execution, const SumColumnsArgs<From, To>& args) {
  launch(kernel_name<"sum_columns", 0, From, To>(), execution.stream.handle,
         {.blocks = grid_for(args.pieces * blocks_for(args.channels, kWarpThreads), 1),
          .threads = kStripeThreads,
          .shared_bytes = sizeof(StripesShared<Accumulator<From>>)},
         sum_columns_kernel<From, To>, args);
}

}  // namespace

void column_sum(const Execution& execution, ConstTensorView x, TensorView sums) {
  use_device(execution.device.index);
  const std::int64_t rows = x.shape[0], channels = x.shape[1];
  const std::int64_t pieces =
      std::clamp<std::int64_t>(blocks_for(rows, kFewestRows), 1, kMostPieces);
  dispatch_floating(x.dtype, [&]<class T>() {
    using A = Accumulator<T>;
    Scratch<A> parts(execution, pieces * channels);
    launch_sum_columns<T, A>(execution, {static_cast<const T*>(x.data), RowCount{rows}, channels,
                                         kFewestRows, pieces, parts.get()});
    launch_sum_columns<A, T>(execution, {parts.get(), RowCount{pieces}, channels, pieces, 1,
                                         static_cast<T*>(sums.data)});
  });
}

}  // namespace gavotte::internal::cuda
