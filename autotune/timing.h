// Times that can be trusted: contenders take turns, medians count, who is clearly slower leaves early, and who seems the
// fastest has to prove it against the default in fresh samples. Nothing here knows what is timed, or a clock: tests script
// both.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "function_ref.h"
#include "gavotte/tuner.h"

namespace gavotte::internal {

/// 0 for none.
double median(std::vector<double> values);
/// The value below which that part of the values lies; 0 for none.
double quantile(std::vector<double> values, double part);
/// Median absolute deviation from the median.
double deviation(const std::vector<double>& values);
/// Standard error of the median, of what is distributed about normally.
double median_error(const std::vector<double>& values);

/// One that takes part; contender 0 is the default.
struct Contender {
  std::optional<double> predicted_ms = {};
  double error = 0;  ///< Relative, of the prediction.
  double ms = 0;     ///< Median of the last race that it took part in.
  int samples = 0;   ///< Of all its races.
  Verdict verdict = Verdict::unfinished;
};

struct ContestRules {
  int wave = 8;          ///< Contenders of one race, beside the default and the best so far.
  int least_rounds = 5;  ///< Before one is rejected for its samples.
  int most_rounds = 12;  ///< Of a race.
  int least_duel = 7;    ///< Samples of each of the last two.
  int most_duel = 21;
  double hopeless = 3;       ///< Times the default's time at once: rejected.
  double certainty = 3;      ///< Standard errors by which one is faster than another.
  double least_gain = 0.03;  ///< A smaller one is no gain: where memory lies may do as much.
  std::uint64_t seed = 1;    ///< Of the order in each round.
};

enum class Phase { race, duel };

struct ContestActions {
  /// One sample of a contender, in ms.
  FunctionRef<double(std::size_t)> sample;
  /// Whether its result is that of the reference; called once each, before its first sample, never for the default.
  FunctionRef<bool(std::size_t)> right;
  /// False where the time of the phase is over.
  FunctionRef<bool(Phase)> go_on;
};

struct ContestResult {
  std::size_t winner = 0;
  Measurement measured;  ///< Of the winner.
  double spread = 0;     ///< Of the default's samples.
};

/// Contenders come in the order of trial; writes their times and verdicts. The default is sampled at least three times,
/// whatever the time says. A contender other than it wins where it is faster in the duel by more than the noise: in the
/// median, and at least half as much in the lowest tenth, since other work only adds time, and may do so to one of the
/// two in step with their turns.
ContestResult hold_contest(std::vector<Contender>& contenders, const ContestActions& actions,
                           const ContestRules& rules = {});

/// How far samples of one config lie apart, as a part of their median: the median absolute deviation, or what that
/// would be of a normal distribution whose lowest tenth is theirs, where that is more. So two speeds show, most samples
/// being of the slower one.
double spread(const std::vector<double>& ms);

/// Whether other work disturbed the times, by the spreads of the problems: half of them are above 5 %, or a tenth above
/// 20 %.
bool is_noisy(const std::vector<double>& spreads);

}  // namespace gavotte::internal
