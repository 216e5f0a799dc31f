// The least that a step computes and moves.
#include "executor/executor_impl.h"
#include "executor/stats.h"
#include "manifest/part_times.h"
#include "network/graph.h"

namespace gavotte::internal {
namespace {

double rows_of(const Plan& plan, int value, const Sizes& sizes) {
  const int set = plan.values[at(value)].set;
  return set == kBatchRows ? sizes.batch : sizes.rows[at(set)];
}

}  // namespace

StepWork work_of(const Plan& plan, const PlanStep& step, const Sizes& sizes, DType dtype) {
  const ElementBytes element = element_bytes(plan, step, dtype);
  const auto out_channels = static_cast<double>(plan.values[at(step.output)].channels);
  StepWork work;
  work.in_rows = rows_of(plan, step.inputs[0], sizes);
  work.out_rows = rows_of(plan, step.output, sizes);
  work.pairs = step.map >= 0                  ? sizes.pairs[at(step.map)]
               : step.kind == StepKind::dense ? work.out_rows
                                              : 0;
  for (const int input : step.inputs)
    work.bytes += rows_of(plan, input, sizes) *
                  static_cast<double>(plan.values[at(input)].channels * element.in);
  work.bytes += work.out_rows * out_channels * static_cast<double>(element.out + element.residual);
  if (step.map >= 0) work.bytes += 8 * work.pairs;  // two int32
  if (step.kind == StepKind::convolution || step.kind == StepKind::dense) {
    const double weights = static_cast<double>(plan.values[at(step.inputs[0])].channels) /
                           step.spec.groups * out_channels;
    const double offsets = step.kind == StepKind::dense ? 1 : step.spec.kernel_volume(plan.dims);
    work.flop = 2 * work.pairs * weights;
    work.bytes +=
        weights * offsets * static_cast<double>(step.quantization ? 1 : size_bytes(dtype));
  }
  return work;
}

double input_bytes(const Plan& plan, const Sizes& sizes, DType dtype) {
  constexpr int kLatticeBytes = 4;
  const auto features = static_cast<double>(plan.values[0].channels * (4 + size_bytes(dtype)));
  return sizes.rows[0] * (2.0 * kLatticeBytes * (plan.dims + 1) + features);
}

}  // namespace gavotte::internal
