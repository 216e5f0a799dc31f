// Every step is launched with bounds that the host knows (pairs, offsets, rows); what the data
// decides, the kernels read on the device. So launches and memory are the same for every map of the
// same sizes, and the host waits for nothing.
#include "cuda/gather_gemm_scatter.h"

#include "cuda/convolution.h"
#include "cuda/depthwise.h"
#include "cuda/gather_inputs.h"
#include "cuda/gemm/gemm_task.h"
#include "cuda/sum_products.h"
#include "grouping.h"

namespace gavotte::internal::cuda {

void gather_gemm_scatter_forward(const Execution& execution, const ConvPlan& plan,
                                 ConstTensorView x, ConstTensorView weights,
                                 const Epilogue& epilogue, TensorView y) {
  if (is_depthwise(plan)) return depthwise_forward(execution, plan, x, weights, epilogue, y);
  const KernelMap& map = plan.map;
  const GemmTask task = gemm_task(plan, x, weights);
  const PartialRowsOfMap places(execution, map);
  const OffsetGroupsOfMap groups(execution, map, GroupingOptions::from(plan.config));
  const GemmTilesOfMap tiles(execution, map, groups.view(), tile_heights(task), column_tiles(task));

  Scratch<unsigned char> gathered(execution, map.pairs() * plan.in_channels * size_bytes(x.dtype));
  launch_gather_inputs(execution, map, x, plan.config.gather_channel_tile, gathered.get());

  const std::int64_t accumulator_bytes = x.dtype == DType::float64 ? 8 : 4;
  Scratch<unsigned char> products(execution, map.pairs() * plan.out_channels * accumulator_bytes);
  launch_grouped_gemm(execution, task,
                      {tiles.view(), static_cast<const std::int64_t*>(map.pair_begin().data),
                       static_cast<const std::int32_t*>(map.pair_out().data), map.identity_offset(),
                       gathered.get(), places.view(), products.get(), tiles.rule()});

  launch_sum_products(execution, places.view(), products.get(), plan.config.scatter_channel_tile,
                      epilogue, y);
}

double padding_ratio(const ConvPlan& plan) {
  const bool dense =
      plan.map.is_identity() && plan.config.dataflow != Dataflow::gather_gemm_scatter;
  if (dense || plan.config.dataflow == Dataflow::implicit_gemm || is_depthwise(plan)) return 1.0;
  const ConstTensorView begin = plan.map.pair_begin();
  Execution execution;
  execution.device = begin.device;
  const int offsets = plan.map.offsets(), identity = plan.map.identity_offset();
  const auto begins =
      read_back(execution, static_cast<const std::int64_t*>(begin.data), offsets + 1);
  std::vector<std::int64_t> rows;
  std::int64_t identity_rows = 0;  // a GEMM of its own, without padding
  for (int k = 0; k < offsets; ++k) {
    const auto at = static_cast<std::size_t>(k);
    rows.push_back(begins[at + 1] - begins[at]);
    if (k == identity) std::swap(rows.back(), identity_rows);
  }
  const Grouping grouping = group_offsets(rows, GroupingOptions::from(plan.config));
  const std::int64_t real = grouping.real_rows + identity_rows;
  return real > 0
             ? static_cast<double>(grouping.padded_rows + identity_rows) / static_cast<double>(real)
             : 1.0;
}

}  // namespace gavotte::internal::cuda
