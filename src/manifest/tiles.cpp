#include "manifest/tiles.h"

#include <limits>

#include "executor/region.h"

namespace gavotte::internal {
namespace {

constexpr std::int64_t kMany = std::numeric_limits<std::int64_t>::max() - 1;

/// Notes before each kernel what the flag has left by then.
class BoundaryListener final : public LaunchListener {
 public:
  BoundaryListener(const ExecutorAccess::Impl& impl, const EvictionFlag& flag)
      : impl_(impl), flag_(flag), before_(impl.backend->listen(this)) {}
  ~BoundaryListener() override { impl_.backend->listen(before_); }
  BoundaryListener(const BoundaryListener&) = delete;
  BoundaryListener& operator=(const BoundaryListener&) = delete;

  void on_launch(const Launch&) override {
    impl_.sharing.stop->unfinished_group();  // what has run so far has been counted
    left.push_back(flag_.boundaries_left());
  }
  std::vector<std::int64_t> left;

 private:
  const ExecutorAccess::Impl& impl_;
  const EvictionFlag& flag_;
  LaunchListener* before_;
};

}  // namespace

std::vector<std::int64_t> count_kernel_tiles(Executor& executor, const Voxels& voxels) {
  EvictionFlag flag;
  flag.set_after(kMany);
  BoundaryListener listener(ExecutorAccess::impl(executor), flag);
  executor.run(voxels, {.evict = &flag});
  std::vector<std::int64_t>& tiles = listener.left;
  for (std::size_t i = 0; i < tiles.size(); ++i)
    tiles[i] -= i + 1 < tiles.size() ? tiles[i + 1] : flag.boundaries_left();
  return std::move(tiles);
}

std::vector<std::int64_t> count_tiles(ExecutorAccess::Impl& impl, const Voxels& voxels) {
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
