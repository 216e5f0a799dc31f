// Counting of work and bytes.
#include "executor/stats.h"

namespace gavotte::internal {

LayerStats static_stats(const Plan& plan, const PlanStep& step) {
  LayerStats stats;
  stats.name = step.name;
  stats.op = step.op;
  stats.kernel = kernel_text(step, plan.dims);
  for (int input : step.inputs)
    stats.in_channels += plan.values[static_cast<std::size_t>(input)].channels;
  stats.out_channels = plan.values[static_cast<std::size_t>(step.output)].channels;
  return stats;
}

ElementBytes element_bytes(const Plan& plan, const PlanStep& step, DType dtype) {
  const PlanValue& output = plan.values[static_cast<std::size_t>(step.output)];
  const std::int64_t size = size_bytes(dtype);
  return {step.reads_bytes ? 1 : size, (output.floats ? size : 0) + (output.bytes ? 1 : 0),
          step.residual >= 0 ? size : 0};
}

void count_work(LayerStats& stats, const PlanStep& step, const StepWeights& weights,
                const KernelMap& map, std::int64_t in_rows, std::int64_t out_rows,
                const ElementBytes& element) {
  stats.in_voxels = in_rows;
  stats.out_voxels = out_rows;
  stats.pairs = map ? map.pairs() : step.kind == StepKind::dense ? out_rows : 0;
  stats.matches_per_output =
      out_rows > 0 ? static_cast<double>(stats.pairs) / static_cast<double>(out_rows) : 0;
  const bool multiplies = step.kind == StepKind::convolution || step.kind == StepKind::dense;
  if (multiplies)
    stats.gflop = 2e-9 * static_cast<double>(stats.pairs) * static_cast<double>(stats.in_channels) *
                  static_cast<double>(stats.out_channels) / step.spec.groups;
  const std::int64_t map_bytes = map ? map.pairs() * 8 + (map.offsets() + 1) * 8 : 0;
  const std::int64_t residual_bytes = out_rows * stats.out_channels * element.residual;
  stats.bytes = in_rows * stats.in_channels * element.in +
                out_rows * stats.out_channels * element.out + residual_bytes +
                weight_bytes(weights) + map_bytes;
}

}  // namespace gavotte::internal
