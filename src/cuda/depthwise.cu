#include "cuda/depthwise.h"

#include <optional>

#include "cuda/depthwise.cuh"
#include "cuda/kernel_name.h"
#include "cuda/row_launch.h"
#include "dispatch.h"

namespace gavotte::internal::cuda {
namespace {

/// The input row of each pair, in the order of PartialRows.
Scratch<std::int32_t> inputs_by_row(const Execution& execution, const KernelMap& map,
                                    const PartialRows& places) {
  Scratch<std::int32_t> inputs(execution, map.pairs());
  const auto* pair_begin = static_cast<const std::int64_t*>(map.pair_begin().data);
  launch("list_inputs", execution.stream.handle, shape_of_items(map.pairs(), {.of = Extent::pairs}),
         list_inputs_kernel,
         {pair_begin, static_cast<const std::int32_t*>(map.pair_in().data),
          static_cast<const std::int32_t*>(map.pair_out().data), map.offsets(),
          RowCount{map.pairs(), pair_begin + map.offsets()}, places, inputs.get()});
  return inputs;
}

}  // namespace

void depthwise_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                       ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  const std::int64_t rows = plan.map.out_rows(), channels = plan.out_channels;
  std::optional<PartialRowsOfMap> places;
  Scratch<std::int32_t> inputs;
  if (!plan.map.is_identity()) {
    places.emplace(execution, plan.map);
    inputs = inputs_by_row(execution, plan.map, places->view());
  }
  dispatch_floating(x.dtype, [&]<class T>() {
    constexpr int kWide = kPackBytes / sizeof(Accumulator<T>);
    const bool wide = channels == plan.in_channels && channels % kWide == 0 &&
                      are_aligned({x.data, weights.data, y.data, epilogue.scale.data,
                                   epilogue.shift.data, epilogue.residual.data});
    with_width<kWide>(wide, [&]<int N>() {
      const RowLanes lanes = RowLanes::for_items(channels / N);
      launch(kernel_name<"multiply_channels", N, T>(), execution.stream.handle,
             shape_of_rows(lanes, rows, channels / N), multiply_channels_kernel<T, N>,
             {static_cast<const T*>(x.data), static_cast<const T*>(weights.data),
              places ? places->view() : PartialRows{}, inputs.get(), RowCount{rows},
              plan.in_channels, channels, channels / plan.groups, RowEpilogue<T>::from(epilogue),
              static_cast<T*>(y.data), lanes});
    });
  });
}

}  // namespace gavotte::internal::cuda
