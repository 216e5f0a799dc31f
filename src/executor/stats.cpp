// Counting of work and bytes.
#include "executor/stats.h"

#include <algorithm>

#include "map_data.h"

namespace gavotte::internal {
namespace {

constexpr std::int64_t kPairBytes = 2 * sizeof(std::int32_t);

std::int64_t needed_bytes(const MapData& map) {
  std::int64_t pairs = map.pairs;
  const std::size_t offsets = map.in_key_order.size();
  for (std::size_t k = 0; k < offsets; ++k) {
    const OffsetPairs& own = map.in_key_order[k];
    const OffsetPairs& mirror = map.in_key_order[offsets - 1 - k];
    const bool shared = k < offsets - 1 - k && own.in == mirror.out && own.out == mirror.in;
    if (shared || static_cast<int>(k) == map.identity_offset) pairs -= own.count;
  }
  return pairs * kPairBytes;
}

}  // namespace

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

std::int64_t needed_bytes(std::span<const Coordinates> sets) {
  std::int64_t bytes = 0;
  for (auto set = sets.begin(); set != sets.end(); ++set) {
    const auto same = [&](const Coordinates& other) { return other.same_as(*set); };
    if (*set && std::none_of(sets.begin(), set, same)) bytes += set->lattice().bytes();
  }
  return bytes;
}

std::int64_t needed_bytes(std::span<const MapResult> maps) {
  std::int64_t bytes = 0;
  for (auto result = maps.begin(); result != maps.end(); ++result) {
    const auto same = [&](const MapResult& other) {
      return other.map.data() == result->map.data();
    };
    if (std::none_of(maps.begin(), result, same)) bytes += needed_bytes(*result->map.data());
  }
  return bytes;
}

}  // namespace gavotte::internal
