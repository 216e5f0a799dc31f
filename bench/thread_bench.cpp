#include "thread_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "compare.h"
#include "gavotte/convolution.h"
#include "gavotte/sparse_ops.h"
#include "gavotte/voxelize.h"
#include "map_bench.h"
#include "parallel.h"
#include "register_peak.h"

namespace gavotte::bench {

namespace {

using Work = std::function<void(const Execution&)>;

/// `work` as often as takes some milliseconds, so that the start of threads is a small part of it only where it is one of
/// each call.
int calls_of(const Work& work, int threads) {
  constexpr std::chrono::duration<double, std::milli> kLongEnough(4);
  const Execution execution{.threads = threads};
  work(execution);
  const auto start = std::chrono::steady_clock::now();
  work(execution);
  const std::chrono::duration<double, std::milli> once = std::chrono::steady_clock::now() - start;
  return static_cast<int>(std::clamp(kLongEnough / once, 1.0, 1000.0));
}

std::string name_of(std::string_view what, int threads) {
  return fmt::format("{}, {} {}", what, threads, threads == 1 ? "thread" : "threads");
}

/// Calls of the work on `count` threads. One before them is not timed: after a call on another number of threads, what it
/// wrote lies in the other cores' caches.
Contender work_on(const Work& work, int calls, int count) {
  return {name_of("gavotte", count),
          [&work, calls, count] {
            for (int i = 0; i < calls; ++i) work({.threads = count});
          },
          [&work, count] { work({.threads = count}); }};
}

/// For each number of threads a row that compares the work with that on the first number, and, where there are operations,
/// one that compares it with as many from registers.
void compare_threads(const Row& like, DType dtype, const Work& work, double operations,
                     const std::vector<int>& threads, int rounds, Report& report) {
  const int calls = calls_of(work, threads.front());
  std::vector<Contender> contenders;
  for (const int count : threads) {
    contenders.push_back(work_on(work, calls, count));
    if (operations > 0) put_registers_beside(contenders.back(), dtype, operations * calls, count);
  }
  const Comparison times = compare(contenders, rounds);
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    Row row = like;
    row.dtype = std::string(name(dtype));
    row.threads = threads[i];
    row.library = contenders[i].name;
    row.median_ms = times.median_ms(i) / calls;
    row.ratio = times.ratio(i);
    row.ratio_to = contenders[0].name;
    report.rows.push_back(row);
    if (!contenders[i].beside) continue;
    row.ratio = times.ratio_to_beside(i);
    row.ratio_to = name_of(from_registers(dtype, 0).name, threads[i]);
    report.rows.push_back(std::move(row));
  }
}

void compare_layers(const Scene& scene, const KernelMap& map, DType dtype, std::int64_t in,
                    std::int64_t out, const std::vector<int>& threads, int rounds, Report& report) {
  const Tensor x = convert(filled({map.in_rows(), in}), dtype);
  const Tensor grad_y = convert(filled({map.out_rows(), out}), dtype);
  const Tensor weights = convert(filled({map.offsets(), in, out}), dtype);
  Tensor y(dtype, {map.out_rows(), out}), grad_x(dtype, {map.in_rows(), in});
  ConvConfig config;
  config.dataflow = Dataflow::tile_indirect;
  const std::pair<const char*, Work> directions[] = {
      {"forward",
       [&](const Execution& execution) {
         convolution_into(y, x, weights, map, 1, {}, config, execution);
       }},
      {"dgrad",
       [&](const Execution& execution) {
         convolution_dgrad_into(grad_x, grad_y, weights, map, 1, config, execution);
       }},
      {"wgrad", [&](const Execution& execution) {
         convolution_wgrad(x, grad_y, map, 1, config, execution);
       }}};
  const double operations = 2.0 * static_cast<double>(map.pairs() * in * out);
  for (const auto& [direction, work] : directions)
    compare_threads({.scene = scene.name,
                     .operation = direction,
                     .layer = fmt::format("3x3x3 {}->{}", in, out),
                     .dtype = ""},
                    dtype, work, operations, threads, rounds, report);
}

// Of the means of x, y, z and what else the scan has.
void compare_voxelize(const Scene& scene, const std::vector<int>& threads, int rounds,
                      Report& report) {
  const PointsView points = scene.points.view_with_xyz();
  const double size = scene.voxel_size_m;
  const VoxelizeOptions options{.voxel_size_m = {size, size, size}, .reduce = Reduce::mean};
  compare_threads(
      {.scene = scene.name,
       .operation = "voxelize",
       .layer = fmt::format("{} points, {} features", points.count, points.features),
       .dtype = ""},
      DType::float32, [&](const Execution& execution) { voxelize(points, options, execution); }, 0,
      threads, rounds, report);
}

}  // namespace

void bench_threads(const Scene& scene, const std::vector<int>& threads, int rounds,
                   Report& report) {
  compare_voxelize(scene, threads, rounds, report);
  compare_threads(
      {.scene = scene.name, .operation = "map_step", .layer = "3x3x3 submanifold", .dtype = ""},
      DType::int32,
      [&](const Execution& execution) { build_map(scene, MapConfig{}, execution.threads); }, 0,
      threads, rounds, report);
  const KernelMap map = build_map(scene, MapConfig{}, 0);
  for (const DType dtype : {DType::float32, DType::bfloat16}) {
    compare_layers(scene, map, dtype, 4, 16, threads, rounds, report);
    for (const std::int64_t channels : {16, 32, 64, 128})
      compare_layers(scene, map, dtype, channels, channels, threads, rounds, report);
  }
}

}  // namespace gavotte::bench
