// Times before a run: what is fitted, what the bands say, what is refused.
#include "gavotte/predict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "least_squares.h"
#include "manifest/profiled.h"

namespace gavotte {
namespace {

using internal::fit_relative;
using test::expect_says;
using test::make_voxels;
using test::small_network;

constexpr double kDigits = 1e-5;  // formulas are written with seven digits

Manifest example() { return Manifest::load(GAVOTTE_MANIFEST_EXAMPLE); }

void set_symbol(Manifest& run, const std::string& name, std::int64_t value) {
  run.run.symbols[name] = {value, manifest::Source::measured, "test"};
}
void set_us(manifest::Duration& duration, double us) {
  duration.median = {us, manifest::Source::measured, "test"};
}

/// A run of the example's network whose times follow a law exactly; a sum of 21 + 0.09 N_in + 0.03 N_1 + 0.02 pairs_0 +
/// 0.04 pairs_1.
Manifest lawful(std::int64_t voxels, std::int64_t coarse, std::int64_t pairs) {
  Manifest run = example();
  for (manifest::Launch& launch : run.launches) launch.predict = {};
  run.run.predict = {};
  set_symbol(run, "N_in", voxels);
  set_symbol(run, "N_1", coarse);
  set_symbol(run, "N_out", coarse);
  set_symbol(run, "pairs_0", pairs);
  set_symbol(run, "pairs_1", voxels);
  set_symbol(run, "points", 2 * voxels + 500);
  const auto n = static_cast<double>(voxels), m = static_cast<double>(coarse),
             p = static_cast<double>(pairs);
  const double us[] = {10 + 0.04 * n + 0.01 * p, 4 + 0.05 * n + 0.02 * m, 5 + 0.01 * p,
                       2 + 0.01 * m + 0.04 * n};
  double total = 0;
  for (std::size_t l = 0; l < 4; ++l) {
    set_us(run.launches[l].duration_us, us[l]);
    total += us[l];
  }
  set_us(run.run.duration_us, total);
  return run;
}

std::vector<Manifest> lawful_runs() {
  std::vector<Manifest> runs;
  for (int i = 0; i < 10; ++i)
    runs.push_back(lawful(1000 + 300 * i, 300 + 90 * ((i * 7) % 10), 5000 + 700 * ((i * 3) % 10)));
  return runs;
}

TEST(LeastSquares, OfRelativeErrorsAndNotBelowZero) {
  const std::vector<double> rising = {5, 7, 23}, falling = {10, 8};
  const std::vector<double> exact = fit_relative({{1, 1}, {1, 2}, {1, 10}}, rising);
  EXPECT_NEAR(exact[0], 3, 1e-9);
  EXPECT_NEAR(exact[1], 2, 1e-9);
  // A line would fall; the best constant is (1/10 + 1/8) / (1/100 + 1/64).
  const std::vector<double> flat = fit_relative({{1, 1}, {1, 2}}, falling);
  EXPECT_NEAR(flat[0], 0.225 / 0.025625, 1e-9);
  EXPECT_EQ(flat[1], 0);
}

TEST(Calibrate, FindsALawThatTimesFollow) {
  const std::vector<Manifest> runs = lawful_runs();
  const Manifest fitted = calibrate(runs);
  const Predictor predictor(fitted);
  const std::map<std::string, std::int64_t> sizes = {
      {"B", 1}, {"N_1", 700}, {"N_in", 2000}, {"N_out", 700}, {"pairs_0", 8000}, {"pairs_1", 2000}};
  const double expected[] = {10 + 80 + 80, 4 + 100 + 14, 5 + 80, 2 + 7 + 80};
  double total = 0;
  for (std::size_t l = 0; l < 4; ++l) {
    const PredictedTime time = predictor.of_sizes(sizes, l);
    EXPECT_NEAR(time.us, expected[l], kDigits * expected[l]);
    EXPECT_NEAR(time.high_us, expected[l], 10 * kDigits * expected[l]);  // no run was off
    total += expected[l];
  }
  EXPECT_NEAR(predictor.of_sizes(sizes).us, total, kDigits * total);
  EXPECT_EQ(fitted.run.predict.scans.v, 10);
  EXPECT_EQ(fitted.run.predict.level.v, 0.9);
  EXPECT_LT(*fitted.run.predict.total.error.v, kDigits);
  EXPECT_EQ(fitted.launches[0].predict.duration_us.src, manifest::Source::estimated);
  EXPECT_EQ(fitted.run.predict.total.valid.at("N_in"), (manifest::Range{1000, 3700}));
  EXPECT_EQ(fitted.run.predict.total.valid.at("points"), (manifest::Range{2500, 7900}));
  EXPECT_EQ(fitted.launches[2].predict.valid.count("N_in"), 0u);  // its time has nothing of it
  // N_in = (points - 500) / 2 would start below 0; the best line without is through the origin.
  const PredictedTime points = predictor.of_points(4500, 4500),
                      voxels = predictor.of_voxels(2000, 2000);
  EXPECT_NEAR(points.us / voxels.us, 1, 0.1);
  EXPECT_LT(voxels.low_us, voxels.us);
}

TEST(Calibrate, BandsAreResidualsOfScansLeftOut) {
  std::vector<Manifest> runs;
  for (const double us : {100.0, 100.0, 150.0}) {
    Manifest run = lawful(1000, 400, 5000);  // one size: times are constants
    run.launches.resize(1);
    set_us(run.launches[0].duration_us, us);
    set_us(run.run.duration_us, us);
    runs.push_back(run);
  }
  // Left out is 150: 100 is predicted, 1.5 times too little. One of 100: (1/100 + 1/150) / (1/100^2 + 1/150^2) = 1500 / 13.
  const Manifest fitted = calibrate(runs);
  const manifest::Prediction& total = fitted.run.predict.total;
  EXPECT_EQ(fitted.run.predict.level.v, 0.75);  // of four alike the worst is as likely each one
  EXPECT_NEAR(*total.band.sizes.v, 0.5, 1e-9);
  EXPECT_NEAR(*total.band.voxels.v, 0.5, 1e-9);
  EXPECT_NEAR(*total.error.v, 15.0 / 13 - 1, 1e-9);
  EXPECT_EQ(fitted.launches[0].predict.band, total.band);
}

TEST(Calibrate, BandsOfKindsAreThoseOfTheKindThatIsFurthestOff) {
  const auto constant = [](double us) {
    Manifest run = lawful(1000, 400, 5000);  // one size: times are constants
    run.launches.resize(1);
    set_us(run.launches[0].duration_us, us);
    set_us(run.run.duration_us, us);
    return run;
  };
  std::vector<Manifest> runs;
  for (int i = 0; i < 4; ++i) runs.push_back(constant(100));
  for (int i = 0; i < 4; ++i) runs.push_back(constant(200));
  const std::vector<std::string> kinds = {"a", "a", "a", "a", "b", "b", "b", "b"};
  const Manifest alone = calibrate(runs), fitted = calibrate(runs, kinds);
  // Without the kind that it is of, a scan of 100 is taken for one of 200, and the other way round.
  EXPECT_NEAR(*fitted.run.predict.total.band.sizes.v, 1.0, 1e-9);
  EXPECT_LT(*alone.run.predict.total.band.sizes.v, 0.9);
  EXPECT_NEAR(*fitted.run.predict.level.v, 2.0 / 3 * 0.8, 1e-12);  // 2 kinds of 4 scans
  EXPECT_NE(fitted.run.predict.level.how.find("another kind"), std::string::npos);
  EXPECT_EQ(fitted.run.predict.total.duration_us.v, alone.run.predict.total.duration_us.v);
  EXPECT_NEAR(*fitted.run.predict.total.error.v, 0.75, 1e-9);  // 100 for 200, 200 for 100

  const auto refuses = [&](std::vector<std::string> given, const std::string& what) {
    expect_says([&] { calibrate(runs, given); }, {"calibrate()", what});
  };
  refuses({"a", "b"}, "each of 8 scans");
  refuses(std::vector<std::string>(8, "a"), "'a' alone");
  refuses({"a", "a", "a", "a", "a", "a", "b", "b"}, "'a'");
}

TEST(Calibrate, OfRealRunsIsAManifestThatCanBeRead) {
  std::vector<Manifest> runs;
  for (const std::int64_t count : {200, 400, 800, 1600})
    runs.push_back(profile(small_network(), make_voxels(count), {.threads = 1}, test::kOnce));
  const Manifest fitted = calibrate(runs);
  EXPECT_EQ(Manifest::from_json(fitted.to_json()), fitted);
  const Predictor predictor(fitted);
  EXPECT_EQ(predictor.launches(), fitted.launches.size());
  const std::int64_t least = *runs[0].run.symbols["N_in"].v, most = *runs[3].run.symbols["N_in"].v;
  const PredictedTime all = predictor.of_voxels(least, most);
  EXPECT_TRUE(all.inside);
  EXPECT_LT(0, all.low_us);
  EXPECT_LT(all.low_us, all.high_us);
  EXPECT_FALSE(predictor.of_voxels(least, most + 1).inside);
  double sum = 0;
  for (std::size_t l = 0; l < predictor.launches(); ++l) sum += predictor.of_voxels(500, 500, l).us;
  EXPECT_NEAR(sum, predictor.of_voxels(500, 500).us, 1e-9 * sum);
  EXPECT_TRUE(predictor.of_points(least, most).inside);  // a voxel for each point
  runs[2].run.symbols.erase("points");
  const Predictor without(calibrate(runs));
  EXPECT_FALSE(without.knows_points());
  EXPECT_EQ(without.of_voxels(500, 500), predictor.of_voxels(500, 500));
  expect_says([&] { without.of_points(1, 1); }, {"points"});
}

TEST(Calibrate, RefusesRunsThatDiffer) {
  const auto refuses = [](const std::function<void(Manifest&)>& change, const std::string& what) {
    std::vector<Manifest> runs = lawful_runs();
    change(runs[4]);
    expect_says([&] { calibrate(runs); }, {"run 4", what});
  };
  refuses([](Manifest& m) { m.device.name = "other"; }, "device");
  refuses([](Manifest& m) { m.run.network = "other"; }, "network");
  refuses([](Manifest& m) { m.run.dtype = "float64"; }, "dtype");
  refuses([](Manifest& m) { ++m.run.threads; }, "threads");
  refuses([](Manifest& m) { m.run.launch_sequence_hash = "0123456789abcdef"; }, "sequence");
  refuses([](Manifest& m) { m.launches.pop_back(); }, "launches");
  refuses([](Manifest& m) { m.run.symbols.erase("N_1"); }, "N_1");
  refuses([](Manifest& m) { m.launches[1].duration_us.median = {}; }, "launch 1");
  refuses([](Manifest& m) { m.run.duration_us.median = {}; }, "measured");
  const std::vector<Manifest> runs = lawful_runs();
  expect_says([&] { calibrate(std::span(runs).first(2)); }, {"at least 3", "got 2"});
  expect_says([] { calibrate({}); }, {"got 0"});
}

TEST(Predictor, MultipliesOutWhatTheExampleSays) {
  const Predictor predictor(example());
  EXPECT_EQ(predictor.level(), 0.9);
  // 21 + 0.09 * 1000 + 0.02 * 400 + 0.02 * 5200 + 0.04 * 1000
  const std::map<std::string, std::int64_t> sizes = {
      {"B", 1}, {"N_1", 400}, {"N_in", 1000}, {"N_out", 400}, {"pairs_0", 5200}, {"pairs_1", 1000}};
  const PredictedTime run = predictor.of_sizes(sizes);
  EXPECT_NEAR(run.us, 263, 1e-9);
  EXPECT_NEAR(run.low_us, 263 / 1.1, 1e-9);
  EXPECT_NEAR(run.high_us, 263 * 1.1, 1e-9);
  EXPECT_TRUE(run.inside);
  EXPECT_EQ(predictor.symbols(),
            (std::vector<std::string>{"B", "N_1", "N_in", "N_out", "pairs_0", "pairs_1"}));
  EXPECT_EQ(predictor.of_sizes(std::vector<double>{1, 400, 1000, 400, 5200, 1000}), run);
  // With N_in = n: 21 + (0.09 + 0.02 * 0.4 + 0.02 * 5.2 + 0.04) n.
  const PredictedTime range = predictor.of_voxels(500, 2000);
  EXPECT_NEAR(range.us, 21 + 0.242 * 1250, 1e-9);
  EXPECT_NEAR(range.low_us, (21 + 121) / 1.2, 1e-9);
  EXPECT_NEAR(range.high_us, (21 + 484) * 1.2, 1e-9);
  EXPECT_TRUE(range.inside);
  EXPECT_FALSE(predictor.of_voxels(499, 2000).inside);
  EXPECT_FALSE(predictor.of_voxels(500, 2001).inside);
  const PredictedTime points = predictor.of_points(2500, 2500);
  EXPECT_NEAR(points.us, 263, 1e-9);
  EXPECT_NEAR(points.high_us, 263 * 1.25, 1e-9);
  EXPECT_FALSE(predictor.of_points(0, 2500).inside);
  const PredictedTime launch = predictor.of_voxels(1000, 1000, 2);  // 5 + 0.01 * 5200
  EXPECT_NEAR(launch.us, 57, 1e-9);
  EXPECT_NEAR(launch.low_us, 57 / 1.25, 1e-9);
}

TEST(Predictor, RefusesQuestionsThatAreNone) {
  const Predictor predictor(example());
  const std::vector<double> sizes = {1, 400, 1000, 400, 5200, 1000};
  const auto with = [&](double value) {
    std::vector<double> changed = sizes;
    changed[2] = value;
    return [&predictor, changed] { predictor.of_sizes(changed); };
  };
  expect_says(with(-1), {"N_in", "at least 0"});
  expect_says(with(std::nan("")), {"N_in"});
  expect_says(with(std::numeric_limits<double>::infinity()), {"N_in"});
  expect_says([&] { predictor.of_sizes(std::span(sizes).first(5)); }, {"6 sizes", "got 5"});
  expect_says([&] { predictor.of_sizes(sizes, 4); }, {"launch below 4", "got 4"});
  expect_says([&] { predictor.of_voxels(2, 1); }, {"2 to 1"});
  expect_says([&] { predictor.of_voxels(-1, 1); }, {"-1"});
  expect_says([&] { predictor.of_points(1, 0); }, {"1 to 0"});
  std::map<std::string, std::int64_t> named = {{"N_in", 1}};
  expect_says([&] { predictor.of_sizes(named); }, {"'B'"});
  named = {{"B", 1},       {"N_1", 1},     {"N_in", 1}, {"N_out", 1},
           {"pairs_0", 1}, {"pairs_1", 1}, {"x", 1}};
  expect_says([&] { predictor.of_sizes(named); }, {"'x'"});
}

TEST(Predictor, RefusesManifestsThatPredictNothing) {
  const auto refuses = [](const std::function<void(Manifest&)>& change, const std::string& what) {
    Manifest manifest = example();
    change(manifest);
    expect_says([&] { Predictor{manifest}; }, {what});
  };
  const auto formula = [](std::string text) {
    return [text = std::move(text)](Manifest& m) { m.launches[1].predict.duration_us.v = text; };
  };
  refuses(formula("N_in*N_in"), "one factor without symbols");
  refuses(formula("1/N_in"), "a divisor without symbols");
  refuses(formula("5-N_in"), "launches[1].predict.duration_us");
  refuses(formula("-1+N_in"), "at least 0");
  refuses(formula("1e308*10+N_in"), "finite");
  refuses(formula("N_in/0"), "finite");
  refuses(formula("points*2"), "a symbol of the run");
  refuses([](Manifest& m) { m.launches[1].predict = {}; }, "calibrated");
  refuses([](Manifest& m) { m.run.predict = {}; }, "run.predict.level");
  refuses([](Manifest& m) { m.run.predict.sizes.erase("N_1"); }, "run.predict.sizes.N_1");
  refuses([](Manifest& m) { m.run.predict.sizes["N_1"] = "N_out"; }, "run.predict.sizes.N_1");
  refuses([](Manifest& m) { m.run.predict.total.valid.erase("pairs_0"); }, "pairs_0");
  refuses([](Manifest& m) { m.launches[3].predict.band.points = {}; }, "band.points");
}

TEST(ScanSizes, AreThoseOfTheRun) {
  NetworkBuilder pooled(3, 1);
  const std::string conv = pooled.convolution("conv", pooled.input(3), 4, ConvSpec::strided(2, 2));
  const Network global = pooled.build(pooled.global_pool("all", conv, PoolMode::max));
  for (const Network& network : {small_network(), global})
    for (const std::int64_t count : {0, 1, 500}) {
      const Voxels voxels = make_voxels(count);
      const Manifest manifest = profile(network, voxels, {.threads = 1}, test::kOnce);
      std::map<std::string, std::int64_t> expected;
      for (const auto& [name, value] : manifest.run.symbols)
        if (name != "points") expected[name] = *value.v;
      const Executor executor(network, {.threads = 1});
      EXPECT_EQ(sizes_of(executor, executor.prepare(voxels, 1)), expected);
    }
  const Executor one(global), other(global);
  expect_says([&] { sizes_of(one, other.prepare(make_voxels(5), 1)); }, {"another's"});
  expect_says([&] { sizes_of(one, PreparedScan()); }, {"empty"});
}

TEST(ThreadSweep, TimesEachSmallerBudget) {
  ManifestOptions how = {.rounds = 2, .warmup = 1};
  const auto sweep = [&](int threads) {
    return profile(small_network(), make_voxels(300), {.threads = threads}, how);
  };
  for (const manifest::Launch& launch : sweep(3).launches) EXPECT_TRUE(launch.sm_budget.empty());
  how.thread_sweep = true;
  for (const int threads : {1, 3}) {
    const Manifest manifest = sweep(threads);
    EXPECT_EQ(Manifest::from_json(manifest.to_json()), manifest);
    for (const manifest::Launch& launch : manifest.launches) {
      ASSERT_EQ(launch.sm_budget.size(), static_cast<std::size_t>(threads));
      for (int i = 0; i < threads; ++i) {
        EXPECT_EQ(launch.sm_budget[static_cast<std::size_t>(i)].sms, i + 1);
        EXPECT_EQ(launch.sm_budget[static_cast<std::size_t>(i)].duration_us.n.v, 2);
      }
      EXPECT_EQ(launch.sm_budget.back().duration_us, launch.duration_us);
    }
  }
}

}  // namespace
}  // namespace gavotte
