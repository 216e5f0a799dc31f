#include "int8_bench.h"

#include <deque>
#include <utility>

#include "compare.h"
#include "gavotte/executor.h"
#include "gavotte/quantization.h"

namespace gavotte::bench {

void bench_int8(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report) {
  constexpr std::int64_t kInChannels = 4, kClasses = 20;
  Voxels voxels;
  voxels.coordinates = scene.coordinates;
  voxels.features = filled({scene.coordinates.rows(), kInChannels});
  const std::vector<Voxels> scans = {voxels};
  const Network network = sparse_res_unet42(kInChannels, kClasses);
  const Network quantized = quantize(network, scans);

  struct Way {
    std::string name;
    const Network& network;
    DType dtype;
  };
  const Way ways[] = {{"bfloat16", network, DType::bfloat16},
                      {"float32", network, DType::float32},
                      {"int8, bfloat16 where not bytes", quantized, DType::bfloat16},
                      {"int8, float32 where not bytes", quantized, DType::float32}};
  for (const int count : threads) {
    std::deque<Executor> executors;
    std::vector<Contender> contenders;
    for (std::size_t i = 0; i < std::size(ways); ++i) {
      executors.emplace_back(ways[i].network,
                             ExecutorOptions{.dtype = ways[i].dtype, .threads = count});
      contenders.push_back({ways[i].name, [&executor = executors.back(), &voxels] {
                              executor.run(std::as_const(voxels.coordinates), voxels.features);
                            }});
    }
    std::vector<Row> rows = rows_of({.scene = scene.name,
                                     .operation = "network",
                                     .layer = "sparse_res_unet42",
                                     .dtype = "int8",
                                     .threads = count},
                                    contenders, compare(contenders, rounds, clock_for(count)));
    for (std::size_t i = 0; i < 2; ++i) rows[i].dtype = name(ways[i].dtype);
    report.add(rows);
  }
}

}  // namespace gavotte::bench
