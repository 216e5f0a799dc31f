// The thread budget of the call that made a set or map holds for what is derived from it later. An OpenMP pool belongs to
// the thread that calls, and keeps its threads: a call from a new thread has stayed in it where no thread is added.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gavotte/coordinate_manager.h"
#include "parallel.h"
#include "reference_map.h"

#if !defined(__SANITIZE_THREAD__)  // that build starts threads for a call and ends them with it

namespace gavotte {
namespace {

std::set<std::string> threads_of_process() {
  std::set<std::string> ids;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    ids.insert(task.path().filename().string());
  return ids;
}

/// Threads that a call from a new thread adds to it. Those of a call before may end meanwhile.
int threads_added(const std::function<void()>& call) {
  int added = 0;
  std::thread([&] {
    const std::set<std::string> before = threads_of_process();
    call();
    for (const std::string& id : threads_of_process()) added += !before.contains(id);
  }).join();
  return added;
}

Tensor many_points() {
  std::mt19937_64 random(3);
  return testing::random_points(random, 3, 20'000, -20, 40);
}

KernelMap map_with(const Tensor& points, const ConvSpec& spec, int threads) {
  const Execution execution{.threads = threads};
  CoordinateManager manager(execution);
  const Coordinates set(points.view(), 1, StrideStyle::divided, execution);
  return manager.kernel_map(set, spec).map;
}

TEST(ThreadBudget, CountsThePoolOfACall) {
  const auto run = [](int threads) {
    return threads_added(
        [threads] { parallel_for({.threads = threads}, 100, [](std::int64_t, int) {}); });
  };
  EXPECT_EQ(run(1), 0);
  EXPECT_EQ(run(3), 2);
}

TEST(ThreadBudget, HoldsForFormsOfAMap) {
  const Tensor points = many_points();
  const std::vector<std::pair<std::string, std::function<void(const KernelMap&)>>> forms = {
      {"lists by output", [](const KernelMap& map) { map.pair_out(); }},
      {"lists by input", [](const KernelMap& map) { map.transposed().pair_out(); }},
      {"table", [](const KernelMap& map) { map.table(); }},
      {"transposed table", [](const KernelMap& map) { map.transposed().table(); }},
      {"masks", [](const KernelMap& map) { map.masks(); }},
      {"transposed masks", [](const KernelMap& map) { map.transposed().masks(); }},
  };
  for (const ConvSpec& spec : {ConvSpec::submanifold(3), ConvSpec::strided(3, 2, 1)}) {
    for (const auto& [what, make] : forms) {
      for (const int threads : {1, 3}) {
        const KernelMap map = map_with(points, spec, threads);
        EXPECT_EQ(map.execution().threads, threads);
        EXPECT_EQ(threads_added([&map, &make = make] { make(map); }), threads - 1) << what;
      }
    }
  }
}

TEST(ThreadBudget, IsKeptBySets) {
  const Tensor points = many_points();
  for (const int threads : {1, 3}) {
    const Execution execution{.threads = threads};
    CoordinateManager manager(execution);
    const Coordinates set(points.view(), 2, StrideStyle::divided, execution);
    EXPECT_EQ(set.execution().threads, threads);
    ConvSpec sorted = ConvSpec::strided(1, 100);  // too great a stride for planes
    sorted.rule = CoordinateRule::floor;
    for (const ConvSpec& spec :
         {ConvSpec::strided(2, 2), sorted, ConvSpec::generative(2, 2), ConvSpec::submanifold(3)}) {
      EXPECT_EQ(manager.output_coordinates(set, spec).execution().threads, threads);
    }
  }
}

}  // namespace
}  // namespace gavotte

#endif
