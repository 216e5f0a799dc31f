#include "memory_bench.h"

#include <algorithm>
#include <string>
#include <vector>

#include "counted_memory.h"
#include "cpu/kept_memory.h"
#include "executor/plan.h"
#include "gavotte/executor.h"

namespace gavotte::bench {

namespace {

constexpr int kWarmUps = 10;

std::int64_t weight_bytes(const internal::Plan& plan, const Network& network, DType dtype) {
  std::int64_t bytes = 0;
  for (const internal::PlanStep& step : plan.steps) {
    bytes += static_cast<std::int64_t>(step.scale.size() + step.shift.size()) * 4;
    if (!step.weight.empty())
      bytes += network.parameter(step.weight).shape().elements() * size_bytes(dtype);
  }
  return bytes;
}

/// At the step where they are the most.
std::int64_t feature_bytes(const internal::Plan& plan, const RunStats& stats, DType dtype) {
  std::int64_t most = 0;
  for (int step = 0; step < static_cast<int>(plan.steps.size()); ++step) {
    std::int64_t alive = 0;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      const internal::PlanValue& value =
          plan.values[static_cast<std::size_t>(plan.steps[i].output)];
      if (value.first_step <= step && step <= value.last_step)
        alive += stats.layers[i].out_voxels * value.channels * size_bytes(dtype);
    }
    most = std::max(most, alive);
  }
  return most;
}

MemoryRow measure(const Scene& scene, const std::string& name, DType dtype) {
  internal::cpu::release_kept_memory();  // what came before
  const std::int64_t before = counted_memory().held_bytes;
  Voxels scan;
  scan.coordinates = scene.coordinates.clone();
  scan.features = filled({scene.coordinates.rows(), 4});
  MemoryRow row{.scene = scene.name, .network = name, .dtype = std::string(gavotte::name(dtype))};
  internal::Plan plan;
  Executor executor = [&] {
    const Network network = make_network(name, 4, 20);
    plan = internal::make_plan(network);
    row.weight_bytes = weight_bytes(plan, network, dtype);
    return Executor(network, {.dtype = dtype, .threads = 1});
  }();
  for (int i = 0; i < kWarmUps; ++i) executor.run(scan);
  counted_memory().most_bytes = counted_memory().held_bytes.load();
  const RunStats stats = executor.run(scan).stats;
  row.held_bytes = counted_memory().most_bytes - before;
  row.needed_bytes = stats.needed_bytes;
  row.input_bytes = scan.coordinates.view().bytes() + scan.features.view().bytes();
  row.feature_bytes = feature_bytes(plan, stats, dtype);
  return row;
}

}  // namespace

void bench_memory(const Scene& scene, Report& report) {
  for (const char* name : {"sparse_resnet21d", "sparse_res_unet42"})
    for (const DType dtype : {DType::float32, DType::bfloat16})
      report.memory.push_back(measure(scene, name, dtype));
}

}  // namespace gavotte::bench
