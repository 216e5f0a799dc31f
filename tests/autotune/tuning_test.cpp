// What a tuning finds, keeps and leaves alone, with scripted times.
#include "tuning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "autotune/scripted.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte::internal {
namespace {

using test::expect_error;
using test::layer_problem;
using test::Script;

const Execution kTwoThreads{.threads = 2};

TuneOptions quick() {
  TuneOptions options;
  options.threads = 2;
  options.maps = false;
  return options;
}

Problems one_layer(DType dtype = DType::float32, Direction direction = Direction::forward) {
  Problems problems(kTwoThreads);
  problems.add(layer_problem(16, 16, kTwoThreads, dtype, direction));
  return problems;
}

Problems small_network() {
  Problems problems(kTwoThreads);
  problems.add(test::small_network(), test::voxels_of(test::make_scan(600, 12, 3, 41)),
               DType::float32, {});
  return problems;
}

// Tiles of 128 rows are twice as fast as anything else.
double faster_in_tiles(const LayerKind&, const ConvConfig& config) {
  return config.tile_rows == 128 ? 0.5 : 1.0;
}

class File {
 public:
  explicit File(const std::string& name)
      : path(::testing::TempDir() + "gavotte_" + name + ".json") {
    remove();
  }
  ~File() { remove(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string path;

 private:
  void remove() const {
    std::filesystem::remove(path);
    std::filesystem::remove(path + ".lock");
  }
};

const LayerCandidate& candidate(const LayerTuning& tuning, Verdict verdict) {
  const auto found = std::find_if(tuning.candidates.begin(), tuning.candidates.end(),
                                  [&](const LayerCandidate& c) { return c.verdict == verdict; });
  EXPECT_NE(found, tuning.candidates.end());
  return *found;
}

TEST(Tuning, FindsWhatIsFaster) {
  Script script;
  script.layer_ms = faster_in_tiles;
  const TuneReport report = tune(one_layer(), quick(), script.hooks());
  ASSERT_EQ(report.layers.size(), 1U);
  const LayerTuning& layer = report.layers[0];
  EXPECT_EQ(layer.best.config.tile_rows, 128);
  EXPECT_NEAR(layer.best.measured.ms, 0.5, 0.01);
  EXPECT_NEAR(layer.best.measured.default_ms, 1.0, 0.02);
  EXPECT_EQ(candidate(layer, Verdict::winner).config, layer.best.config);
  EXPECT_TRUE(layer.candidates[0].is_default);
  EXPECT_EQ(report.config.layers().size(), 1U);
  EXPECT_NEAR(report.gain(), 2.0, 0.1);
  EXPECT_TRUE(report.finished);
  EXPECT_FALSE(report.noisy);
  EXPECT_EQ(report.noise_text(), "");
  EXPECT_EQ(report.timed, 1);
}

TEST(Tuning, TheDefaultItselfIsTheEntryWhereNothingIsFaster) {
  Script script;
  const TuneReport report = tune(one_layer(), quick(), script.hooks());
  EXPECT_EQ(report.layers[0].best.config, ConvConfig{});
  EXPECT_EQ(report.layers[0].best.measured.ms, report.layers[0].best.measured.default_ms);
  EXPECT_EQ(report.gain(), 1.0);
}

TEST(Tuning, AWrongResultNeverWins) {
  Script script;
  script.layer_ms = faster_in_tiles;
  TuneHooks hooks = script.hooks();
  hooks.layer_output = [](LayerRun& run, const ConvConfig& config) {
    Tensor output = run.output(config);
    if (config.tile_rows == 128) output.span<float>()[5] += 0.01F;
    return output;
  };
  const TuneReport report = tune(one_layer(), quick(), hooks);
  EXPECT_EQ(report.layers[0].best.config, ConvConfig{});
  EXPECT_EQ(candidate(report.layers[0], Verdict::wrong).config.tile_rows, 128);
  EXPECT_EQ(candidate(report.layers[0], Verdict::wrong).samples, 0);
}

TEST(Tuning, NanIsNeverRight) {
  Script script;
  script.layer_ms = faster_in_tiles;
  TuneHooks hooks = script.hooks();
  hooks.layer_output = [](LayerRun& run, const ConvConfig& config) {
    Tensor output = run.output(config);
    if (config.tile_rows == 128) output.span<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    return output;
  };
  EXPECT_EQ(tune(one_layer(), quick(), hooks).layers[0].best.config, ConvConfig{});
}

TEST(Tuning, EveryCandidateOfEveryDirectionAndDtypeIsRight) {
  Script script;
  for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16})
    for (const Direction direction : {Direction::forward, Direction::dgrad, Direction::wgrad}) {
      const TuneReport report = tune(one_layer(dtype, direction), quick(), script.hooks());
      EXPECT_GT(report.layers[0].candidates.size(), 2U);
      for (const LayerCandidate& one : report.layers[0].candidates)
        EXPECT_NE(one.verdict, Verdict::wrong)
            << name(dtype) << " " << name(direction) << " " << one.config.to_string();
    }
}

TEST(Tuning, Int8IsComparedBitForBit) {
  Script script;
  script.layer_ms = faster_in_tiles;
  EXPECT_EQ(tune(one_layer(DType::int8), quick(), script.hooks()).layers[0].best.config.tile_rows,
            128);
  TuneHooks hooks = script.hooks();
  hooks.layer_output = [](LayerRun& run, const ConvConfig& config) {
    Tensor output = run.output(config);
    float& value = output.span<float>()[7];
    if (config.tile_rows == 128) value = std::nextafter(value, 1e9F);
    return output;
  };
  EXPECT_EQ(tune(one_layer(DType::int8), quick(), hooks).layers[0].best.config, ConvConfig{});
}

TEST(Tuning, TwoRunsAreEqualButForTimes) {
  std::vector<TuneReport> reports;
  for (int i = 0; i < 2; ++i) {
    Script script;
    script.layer_ms = faster_in_tiles;
    TuneOptions options = quick();
    options.maps = true;
    reports.push_back(tune(small_network(), options, script.hooks()));
  }
  EXPECT_EQ(reports[0].config, reports[1].config);
  EXPECT_EQ(reports[0].seconds, reports[1].seconds);
  ASSERT_EQ(reports[0].layers.size(), reports[1].layers.size());
  for (std::size_t i = 0; i < reports[0].layers.size(); ++i) {
    const LayerTuning &a = reports[0].layers[i], &b = reports[1].layers[i];
    EXPECT_EQ(a.best, b.best);
    ASSERT_EQ(a.candidates.size(), b.candidates.size());
    for (std::size_t c = 0; c < a.candidates.size(); ++c) {
      EXPECT_EQ(a.candidates[c].config, b.candidates[c].config);
      EXPECT_EQ(a.candidates[c].verdict, b.candidates[c].verdict);
      EXPECT_EQ(a.candidates[c].ms, b.candidates[c].ms);
    }
  }
}

TEST(Tuning, ResumesWithoutTimingWhatIsThere) {
  Script script;
  script.layer_ms = faster_in_tiles;
  TuneOptions options = quick();
  options.maps = true;
  const TuneReport first = tune(small_network(), options, script.hooks());
  Script second;
  options.start = first.config;
  const TuneReport again = tune(small_network(), options, second.hooks());
  EXPECT_EQ(second.timed, 0);
  EXPECT_EQ(again.timed, 0);
  EXPECT_TRUE(again.finished);
  EXPECT_EQ(again.config, first.config);
  ASSERT_EQ(again.layers.size(), first.layers.size());
  for (std::size_t i = 0; i < again.layers.size(); ++i) {
    EXPECT_TRUE(again.layers[i].from_start);
    EXPECT_EQ(again.layers[i].best, first.layers[i].best);
    EXPECT_EQ(again.layers[i].layers, first.layers[i].layers);
  }
  EXPECT_EQ(again.gain(), first.gain());
}

TEST(Tuning, AnInterruptKeepsWhatIsDone) {
  const File file("interrupted");
  Script script;
  script.layer_ms = faster_in_tiles;
  TuneOptions options = quick();
  options.path = file.path;
  int told = 0;
  options.progress = [&](const TuneProgress& progress) {
    EXPECT_EQ(progress.budget_s, options.budget_s);
    told = progress.done;
    return progress.done < 2;
  };
  const Problems problems = small_network();
  const TuneReport report = tune(problems, options, script.hooks());
  EXPECT_FALSE(report.finished);
  EXPECT_EQ(told, 2);
  EXPECT_EQ(report.timed, 2);
  EXPECT_EQ(report.layers.size(), 2U);
  EXPECT_EQ(DeviceConfig::load(file.path), report.config);
  // The rest is done from there.
  options.start = DeviceConfig::load(file.path);
  options.progress = {};
  const TuneReport rest = tune(problems, options, script.hooks());
  EXPECT_TRUE(rest.finished);
  EXPECT_EQ(rest.timed, static_cast<int>(problems.layers().size()) - 2);
  EXPECT_EQ(DeviceConfig::load(file.path), rest.config);
}

TEST(Tuning, AnInterruptAmidAProblemLeavesItOut) {
  Script script;
  script.layer_ms = [](const LayerKind&, const ConvConfig&) { return 150.0; };
  TuneOptions options = quick();
  options.progress = [&](const TuneProgress& progress) { return progress.elapsed_s < 1; };
  const TuneReport report = tune(one_layer(), options, script.hooks());
  EXPECT_FALSE(report.finished);
  EXPECT_TRUE(report.layers.empty());
  EXPECT_TRUE(report.config.layers().empty());
  EXPECT_LT(report.seconds, 1.5);
}

TEST(Tuning, StaysWithinItsBudget) {
  for (const double budget : {0.5, 2.0, 20.0}) {
    Script script;
    script.layer_ms = [](const LayerKind&, const ConvConfig& config) {
      return config.dataflow == Dataflow::gather_gemm_scatter ? 9.0 : 3.0;
    };
    TuneOptions options = quick();
    options.budget_s = budget;
    const TuneReport report = tune(small_network(), options, script.hooks());
    EXPECT_LE(report.seconds, 1.1 * budget);
    EXPECT_EQ(report.finished, report.timed == static_cast<int>(small_network().layers().size()));
  }
}

TEST(Tuning, BeginsNothingAfterTheBudget) {
  Script script;
  script.layer_ms = [](const LayerKind&, const ConvConfig&) { return 400.0; };
  TuneOptions options = quick();
  options.budget_s = 1;
  const TuneReport report = tune(small_network(), options, script.hooks());
  EXPECT_FALSE(report.finished);
  EXPECT_EQ(report.timed, 1);
}

TEST(Tuning, TellsANoisyMachine) {
  Script script;
  int sample = 0;
  script.layer_ms = [&](const LayerKind&, const ConvConfig&) {
    return 1.0 +
           static_cast<double>(random_bits(3, static_cast<std::uint64_t>(sample++)) % 100) / 200;
  };
  const TuneReport report = tune(one_layer(), quick(), script.hooks());
  EXPECT_TRUE(report.noisy);
  EXPECT_NE(report.noise_text(), "");
  EXPECT_EQ(report.layers[0].best.config, ConvConfig{});
}

TEST(Tuning, MapsAreTunedAndCompared) {
  Problems problems(kTwoThreads);
  const test::Scan scan = test::make_scan(2000, 40, 1, 3);
  const ConvSpec spec = ConvSpec::submanifold(3);
  problems.add(MapProblem{{kernel_name(spec, 3), 2}, Coordinates(scan.coordinates.view()), spec});
  TuneOptions options = quick();
  options.maps = true;
  Script script;
  script.map_ms = [](const MapConfig& config) {
    return config.builder == MapBuilder::double_traversal ? 0.5 : 1.0;
  };
  TuneReport report = tune(problems, options, script.hooks());
  ASSERT_EQ(report.maps.size(), 1U);
  EXPECT_EQ(report.maps[0].best.config.builder, MapBuilder::double_traversal);
  for (const MapCandidate& one : report.maps[0].candidates)
    EXPECT_NE(one.verdict, Verdict::wrong) << one.config.to_string();

  TuneHooks hooks = script.hooks();
  hooks.map_built = [](const MapRun& run, const MapConfig& config) {
    if (config == MapRun::reference()) return run.build(config);
    const test::Scan other = test::make_scan(2000, 40, 1, 4);
    return CoordinateManager()
        .kernel_map(Coordinates(other.coordinates.view()), ConvSpec::submanifold(3))
        .map;
  };
  report = tune(problems, options, hooks);
  EXPECT_EQ(report.maps[0].best.config, MapConfig{});
}

TEST(Tuning, TheModelOfAStartOrdersTheCandidates) {
  Script script;
  // Times that the model can explain: only operations and blocks count.
  script.layer_ms = [](const LayerKind& kind, const ConvConfig& config) {
    return 1e-5 * static_cast<double>(kind.in_channels * kind.out_channels) +
           100.0 / (config.tile_rows > 0 ? config.tile_rows : 1000);
  };
  const TuneReport first = tune(small_network(), quick(), script.hooks());
  ASSERT_FALSE(first.config.cost_model().empty());
  TuneOptions options = quick();
  for (const CostFit& fit : first.config.cost_model()) options.start.put(fit);
  DeviceConfig fits(first.config.device());
  for (const CostFit& fit : first.config.cost_model()) fits.put(fit);
  options.start = fits;
  const TuneReport second = tune(one_layer(), options, script.hooks());
  double before = 0;
  int predicted = 0;
  for (std::size_t i = 1; i < second.layers[0].candidates.size(); ++i) {
    const LayerCandidate& one = second.layers[0].candidates[i];
    EXPECT_GE(one.predicted_ms, before);
    before = one.predicted_ms;
    predicted += one.predicted_ms > 0 ? 1 : 0;
  }
  EXPECT_GT(predicted, 0);
}

TEST(Tuner, ChecksItsOptions) {
  TuneOptions options;
  options.budget_s = 0;
  expect_error("budget of more than 0", [&] { Tuner{options}; });
  options = {};
  options.threads = -1;
  expect_error("threads", [&] { Tuner{options}; });
  options = {};
  DeviceIdentity other = DeviceIdentity::of(Device::cpu());
  other.name = "another CPU";
  options.start = DeviceConfig(other);
  options.start.put(CostFit{.ns = {1}});
  expect_error("another CPU", [&] { Tuner{options}; });
}

TEST(Tuner, RunsForReal) {
  TuneOptions options;
  options.threads = 1;
  options.budget_s = 2;
  Tuner tuner(options);
  tuner.add(layer_problem(8, 8, {.threads = 1}));
  EXPECT_EQ(tuner.problems(), 1);
  const TuneReport report = tuner.run();
  ASSERT_EQ(report.layers.size(), 1U);
  EXPECT_TRUE(report.finished);
  EXPECT_GT(report.layers[0].best.measured.ms, 0);
  EXPECT_LE(report.layers[0].best.measured.ms, report.layers[0].best.measured.default_ms);
}

}  // namespace
}  // namespace gavotte::internal
