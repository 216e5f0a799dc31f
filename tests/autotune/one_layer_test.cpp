// One small layer on whatever device is there: the CPU, or the emulated CUDA backend in its place.
#include <gtest/gtest.h>

#include <algorithm>

#include "autotune/scripted.h"
#include "backend.h"

namespace gavotte::internal {
namespace {

using test::layer_problem;
using test::Script;

bool on_cuda() { return backend(Device::cpu()).kind() == DeviceKind::cuda; }

TuneReport tuned(LayerProblem problem, Script& script) {
  const Execution execution{.threads = 1};
  Problems problems(execution);
  problems.add(std::move(problem));
  TuneOptions options;
  options.threads = 1;
  options.maps = false;
  return tune(problems, options, script.hooks());
}

TEST(OneLayer, EveryCandidateIsRightAndTheFastestWins) {
  for (const Direction direction : {Direction::forward, Direction::dgrad, Direction::wgrad}) {
    Script script;
    script.layer_ms = [](const LayerKind&, const ConvConfig& config) {
      const bool fast = config.dataflow == Dataflow::implicit_gemm || config.tile_rows == 128 ||
                        config.wgrad_chunk_pairs == 2048;
      return fast ? 0.5 : 1.0;
    };
    const TuneReport report =
        tuned(layer_problem(16, 32, {.threads = 1}, DType::float16, direction, 3, 400), script);
    ASSERT_EQ(report.layers.size(), 1U);
    const LayerTuning& layer = report.layers[0];
    for (const LayerCandidate& candidate : layer.candidates)
      EXPECT_NE(candidate.verdict, Verdict::wrong) << candidate.config.to_string();
    EXPECT_NE(layer.best.config, ConvConfig{}) << name(direction);
    EXPECT_GE(layer.padding, 1.0);
    if (on_cuda() && direction != Direction::wgrad) {
      EXPECT_EQ(layer.best.config.dataflow, Dataflow::implicit_gemm);
      const auto& all = layer.candidates;
      EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const LayerCandidate& c) {
        return c.config.gather_channel_tile == 8 && c.samples > 0;
      }));
    }
  }
}

TEST(OneLayer, EveryMapIsRight) {
  const Execution execution{.threads = 1};
  const test::Scan scan = test::make_scan(400, 12, 1, 3);
  const ConvSpec spec = ConvSpec::submanifold(3);
  Problems problems(execution);
  problems.add(MapProblem{{kernel_name(spec, 3), 1}, Coordinates(scan.coordinates.view()), spec});
  TuneOptions options;
  options.threads = 1;
  Script script;
  script.map_ms = [](const MapConfig& config) { return config.symmetric ? 1.0 : 0.5; };
  const TuneReport report = tune(problems, options, script.hooks());
  ASSERT_EQ(report.maps.size(), 1U);
  for (const MapCandidate& candidate : report.maps[0].candidates)
    EXPECT_NE(candidate.verdict, Verdict::wrong) << candidate.config.to_string();
  EXPECT_FALSE(report.maps[0].best.config.symmetric);
}

}  // namespace
}  // namespace gavotte::internal
