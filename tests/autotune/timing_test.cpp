// Contests with scripted times: what a contender takes is a function of how often it was sampled.
#include "timing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace gavotte::internal {
namespace {

struct Script {
  std::function<double(std::size_t contender, int sample)> ms;
  std::function<bool(std::size_t)> right = [](std::size_t) { return true; };
  std::function<bool(Phase, int samples)> go_on = [](Phase, int) { return true; };
  std::vector<int> samples = {};
  std::vector<std::size_t> order = {};

  ContestResult hold(std::vector<Contender>& contenders, const ContestRules& rules = {}) {
    samples.assign(contenders.size(), 0);
    order.clear();
    const auto sample = [this](std::size_t i) {
      order.push_back(i);
      return ms(i, samples[i]++);
    };
    const auto timely = [this](Phase phase) {
      return go_on(phase, static_cast<int>(order.size()));
    };
    return hold_contest(contenders, {sample, right, timely}, rules);
  }
};

// Samples off by -2, 2, -1, 1 and 0 times `part`, whose median absolute deviation is `part`.
double shaken(double ms, int sample, double part = 0.01) {
  constexpr std::array<double, 5> kOff = {-2, 2, -1, 1, 0};
  return ms * (1 + part * kOff[static_cast<std::size_t>(sample) % 5]);
}

TEST(Timing, MedianAndDeviation) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(deviation({1, 2, 3, 4, 100}), 1);  // an outlier moves neither
  EXPECT_EQ(deviation({5, 5, 5}), 0);
  // 1.2533 * 1.4826 / sqrt(5)
  EXPECT_NEAR(median_error({1, 2, 3, 4, 100}), 0.83098, 1e-4);
}

TEST(Contest, TheFasterOneWinsByItsFreshSamples) {
  std::vector<Contender> contenders(4);
  const std::vector<double> ms = {1.0, 1.2, 0.8, 0.9};
  Script script{[&](std::size_t i, int sample) { return shaken(ms[i], sample); }};
  const ContestResult result = script.hold(contenders);
  EXPECT_EQ(result.winner, 2U);
  EXPECT_NEAR(result.measured.ms, 0.8, 0.008);
  EXPECT_NEAR(result.measured.default_ms, 1.0, 0.011);
  EXPECT_NEAR(result.measured.noise, 0.01, 0.002);
  EXPECT_EQ(result.measured.samples, ContestRules{}.most_duel);
  EXPECT_EQ(contenders[2].verdict, Verdict::winner);
  EXPECT_EQ(contenders[0].verdict, Verdict::slower);
}

TEST(Contest, AClearlySlowerOneLeavesEarly) {
  std::vector<Contender> contenders(3);
  const std::vector<double> ms = {1.0, 2.0, 0.9};
  Script script{[&](std::size_t i, int sample) { return shaken(ms[i], sample); }};
  script.hold(contenders);
  EXPECT_EQ(contenders[1].verdict, Verdict::rejected);
  EXPECT_EQ(contenders[1].samples, ContestRules{}.least_rounds);
  EXPECT_NEAR(contenders[1].ms, 2.0, 0.03);
}

TEST(Contest, AHopelessOneIsSampledTwice) {
  std::vector<Contender> contenders(2);
  Script script{[](std::size_t i, int) { return i == 1 ? 10.0 : 1.0; }};
  script.hold(contenders);
  EXPECT_EQ(contenders[1].verdict, Verdict::rejected);
  EXPECT_EQ(script.samples[1], 2);
}

TEST(Contest, OneSlowCallIsNotHopeless) {
  std::vector<Contender> contenders(2);
  Script script{[](std::size_t i, int sample) {
    if (i == 1 && sample == 0) return 50.0;  // pages were cold
    return i == 1 ? 0.5 : 1.0;
  }};
  EXPECT_EQ(script.hold(contenders).winner, 1U);
}

TEST(Contest, LuckInTheRaceDoesNotWin) {
  // Faster by 20 % until the race is over, then no faster than the default.
  std::vector<Contender> contenders(2);
  const int race = 1 + ContestRules{}.most_rounds;  // a warm-up, and a sample a round
  Script script{[&](std::size_t i, int sample) {
    return shaken(i == 1 && sample < race ? 0.8 : 1.0, sample);
  }};
  const ContestResult result = script.hold(contenders);
  EXPECT_EQ(result.winner, 0U);
  EXPECT_EQ(result.measured.ms, result.measured.default_ms);
  EXPECT_EQ(contenders[1].verdict, Verdict::slower);
  EXPECT_NEAR(contenders[1].ms, 1.0, 0.02);
}

TEST(Contest, AGainWithinTheNoiseDoesNotWin) {
  std::vector<Contender> contenders(2);
  // 3 % faster, a sample's deviation is 10 %.
  Script script{[](std::size_t i, int sample) { return shaken(i == 1 ? 0.97 : 1.0, sample, 0.1); }};
  EXPECT_EQ(script.hold(contenders).winner, 0U);
}

TEST(Contest, ASteadyGainCountsFromTheLeastOn) {
  for (const double gain : {0.02, 0.04}) {
    std::vector<Contender> contenders(2);
    Script script{
        [&](std::size_t i, int sample) { return shaken(i == 1 ? 1 - gain : 1.0, sample, 0.001); }};
    EXPECT_EQ(script.hold(contenders).winner, gain > ContestRules{}.least_gain ? 1U : 0U) << gain;
  }
}

TEST(Contest, AWrongOneIsNeverTimed) {
  std::vector<Contender> contenders(3);
  Script script{[](std::size_t i, int) { return i == 1 ? 0.01 : 1.0; }};
  script.right = [](std::size_t i) { return i != 1; };
  EXPECT_EQ(script.hold(contenders).winner, 0U);
  EXPECT_EQ(contenders[1].verdict, Verdict::wrong);
  EXPECT_EQ(script.samples[1], 0);
  EXPECT_EQ(contenders[1].ms, 0);
}

TEST(Contest, TheModelEndsTheSearch) {
  std::vector<Contender> contenders(4);
  contenders[0].predicted_ms = 2.0;  // half as fast as it is: only ratios count
  contenders[1] = {.predicted_ms = 1.0, .error = 0.1};
  contenders[2] = {.predicted_ms = 1.1, .error = 0.1};
  contenders[3] = {.predicted_ms = 1.7, .error = 0.1};
  Script script{[](std::size_t i, int) { return i == 1 ? 0.5 : 1.0; }};
  // A wave of one: when the second comes, 0.5 is the time to beat; 1.1 / 2 * 0.8 = 0.44 may, 1.7 / 2 * 0.8 = 0.68 not.
  ContestRules rules;
  rules.wave = 1;
  EXPECT_EQ(script.hold(contenders, rules).winner, 1U);
  EXPECT_GT(script.samples[2], 0);
  EXPECT_EQ(script.samples[3], 0);
  EXPECT_EQ(contenders[3].verdict, Verdict::pruned);
}

TEST(Contest, ABadModelPrunesNothing) {
  std::vector<Contender> contenders(2);
  contenders[0].predicted_ms = 1.0;
  contenders[1] = {.predicted_ms = 3.0, .error = 5.0};
  Script script{[](std::size_t i, int) { return i == 1 ? 0.5 : 1.0; }};
  EXPECT_EQ(script.hold(contenders).winner, 1U);
}

TEST(Contest, EveryRoundHasEveryoneInAnOrderOfItsOwn) {
  std::vector<Contender> contenders(4);
  Script script{[](std::size_t, int sample) { return shaken(1.0, sample); }};
  script.hold(contenders);
  const std::size_t race = 4 + 3;  // the default's first samples, three warm-ups
  std::vector<std::vector<std::size_t>> rounds;
  for (int round = 0; round < ContestRules{}.least_rounds; ++round) {
    const auto begin = script.order.begin() + static_cast<std::ptrdiff_t>(race) + 4 * round;
    rounds.emplace_back(begin, begin + 4);
    std::vector<std::size_t> sorted = rounds.back();
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, (std::vector<std::size_t>{0, 1, 2, 3}));
  }
  EXPECT_TRUE(std::adjacent_find(rounds.begin(), rounds.end(), std::not_equal_to<>()) !=
              rounds.end());
  const std::vector<std::size_t> first = script.order;
  std::vector<Contender> again(4);
  script.hold(again);
  EXPECT_EQ(script.order, first);  // the seed fixes it
}

TEST(Contest, WithoutTimeTheDefaultHasTheEntry) {
  std::vector<Contender> contenders(3);
  Script script{[](std::size_t i, int) { return i == 0 ? 1.0 : 0.5; }};
  script.go_on = [](Phase, int) { return false; };
  const ContestResult result = script.hold(contenders);
  EXPECT_EQ(result.winner, 0U);
  EXPECT_EQ(result.measured.ms, 1.0);
  EXPECT_EQ(result.measured.samples, 3);
  EXPECT_EQ(contenders[1].verdict, Verdict::unfinished);
  EXPECT_EQ(contenders[2].verdict, Verdict::unfinished);
}

TEST(Contest, ARaceThatRanOutOfTimeStillEndsInADuel) {
  std::vector<Contender> contenders(2);
  Script script{[](std::size_t i, int) { return i == 0 ? 1.0 : 0.5; }};
  script.go_on = [](Phase phase, int samples) { return phase == Phase::duel || samples < 9; };
  EXPECT_EQ(script.hold(contenders).winner, 1U);
}

TEST(Contest, ADuelOfTooFewSamplesIsNotWon) {
  std::vector<Contender> contenders(2);
  Script script{[](std::size_t i, int) { return i == 0 ? 1.0 : 0.5; }};
  int duel = 0;
  script.go_on = [&](Phase phase, int) { return phase == Phase::race || duel++ < 4; };
  const ContestResult result = script.hold(contenders);
  EXPECT_EQ(result.winner, 0U);
  EXPECT_EQ(result.measured.samples, 4);
  EXPECT_EQ(contenders[1].verdict, Verdict::unfinished);
}

TEST(Contest, ADisturbanceInStepWithTheTurnsDoesNotWin) {
  // Equally fast; other work hits most samples of the default and none of the other, and less than half of that in the
  // race.
  std::vector<Contender> contenders(2);
  Script script{[](std::size_t i, int sample) {
    return shaken(1.0, sample) * (i == 0 && sample % 3 != 0 ? 2.0 : 1.0);
  }};
  const ContestResult result = script.hold(contenders);
  EXPECT_EQ(result.winner, 0U);
  EXPECT_GT(result.spread, 0.2);  // though half of the samples are within 2 % of the median
}

TEST(Timing, TwoSpeedsAreASpread) {
  EXPECT_NEAR(spread({2.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 2.0}), 0.3158, 1e-3);
  EXPECT_NEAR(spread({0.98, 0.99, 1.0, 1.01, 1.02}), 0.0105, 1e-3);
  EXPECT_EQ(spread({}), 0);
}

TEST(Timing, ADisturbedTenthIsNoisy) {
  std::vector<double> spreads(20, 0.01);
  EXPECT_FALSE(is_noisy(spreads));
  spreads[0] = spreads[1] = spreads[2] = 0.5;
  EXPECT_TRUE(is_noisy(spreads));
  EXPECT_TRUE(is_noisy(std::vector<double>(5, 0.06)));
  EXPECT_FALSE(is_noisy({}));
}

TEST(Contest, TellsTheNoiseOfTheDefault) {
  std::vector<Contender> contenders(1);
  Script script{[](std::size_t, int sample) { return sample % 3 == 0 ? 1.5 : sample % 3; }};
  EXPECT_GT(script.hold(contenders).spread, 0.05);
}

}  // namespace
}  // namespace gavotte::internal
