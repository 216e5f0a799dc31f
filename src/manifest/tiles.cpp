#include "manifest/tiles.h"

#include <limits>

#include "executor/region.h"

namespace gavotte::internal {

std::vector<std::int64_t> count_tiles(ExecutorAccess::Impl& impl, const Voxels& voxels) {
  constexpr std::int64_t kMany = std::numeric_limits<std::int64_t>::max() - 1;
  EvictionFlag flag;
  std::vector<std::int64_t> tiles;
  const auto count = [&](auto&& launch) {
    flag.set_after(kMany);
    launch();
    tiles.push_back(kMany - flag.boundaries_left() - 1);  // one lies before the launch
  };
  Job job;
  job.input = impl.input_of(voxels);
  count([&] { in_region(&flag, [&] { job.own = impl.read_input(job.input, impl.execution); }); });
  while (job.own->maps.size() < impl.plan.maps.size())
    count([&] { impl.build_next_map(*job.own, &flag); });
  impl.start_steps(job);
  while (job.steps < impl.plan.steps.size()) count([&] { impl.run_next_step(job, &flag); });
  count([&] { impl.finish(job, &flag); });
  impl.drop();
  return tiles;
}

}  // namespace gavotte::internal
