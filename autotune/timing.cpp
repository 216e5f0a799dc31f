#include "timing.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "network/initializer.h"

namespace gavotte::internal {
namespace {

constexpr std::size_t kLeastDefault = 3;  // samples of the default, in any case
constexpr double kUndisturbed = 0.5;      // of a gain that shows in the fastest samples too

using Times = std::vector<double>;

double lower(const Times& ms, double certainty) {
  return median(ms) - certainty * median_error(ms);
}
double upper(const Times& ms, double certainty) {
  return median(ms) + certainty * median_error(ms);
}

double noise_of(const Times& ms) {
  const double middle = median(ms);
  return middle > 0 ? deviation(ms) / middle : 0.0;
}

class Contest {
 public:
  Contest(std::vector<Contender>& contenders, const ContestActions& actions,
          const ContestRules& rules)
      : contenders_(contenders), actions_(actions), rules_(rules), times_(contenders.size()) {}

  ContestResult hold() {
    sample(0);  // warms caches, pages and threads; counts for nothing
    times_[0].clear();
    contenders_[0].samples = 0;
    for (std::size_t i = 0; i < kLeastDefault; ++i) sample(0);
    first_ = times_[0];
    default_ms_ = median(first_);
    for (std::size_t next = 1; next < contenders_.size() && go_on(Phase::race);)
      race(wave_from(next));
    return decide();
  }

 private:
  bool go_on(Phase phase) {
    over_ = over_ || !actions_.go_on(phase);
    return !over_;
  }

  double sample(std::size_t i) {
    const double ms = actions_.sample(i);
    times_[i].push_back(ms);
    ++contenders_[i].samples;
    return ms;
  }

  /// By the model, scaled to what the default really takes.
  bool cannot_win(const Contender& contender) const {
    if (!contender.predicted_ms || !contenders_[0].predicted_ms) return false;
    constexpr double kMostError = 0.4;  // beyond which a model may prune nothing but the absurd
    const double scale = default_ms_ / *contenders_[0].predicted_ms;
    const double error = std::min(2 * contender.error, 2 * kMostError);
    return *contender.predicted_ms * scale * (1 - error) > best_ms();
  }
  double best_ms() const { return leader_ == 0 ? default_ms_ : contenders_[leader_].ms; }

  /// The next contenders that may win and compute the right thing, warm.
  std::vector<std::size_t> wave_from(std::size_t& next) {
    std::vector<std::size_t> wave = {0};
    if (leader_ != 0) wave.push_back(leader_);
    const std::size_t full = wave.size() + static_cast<std::size_t>(rules_.wave);
    for (; next < contenders_.size() && wave.size() < full; ++next) {
      Contender& contender = contenders_[next];
      if (cannot_win(contender)) {
        contender.verdict = Verdict::pruned;
        continue;
      }
      if (!go_on(Phase::race)) break;
      if (!actions_.right(next)) {
        contender.verdict = Verdict::wrong;
        continue;
      }
      const double warm_ms = sample(next);
      if (warm_ms > rules_.hopeless * default_ms_ && sample(next) > rules_.hopeless * default_ms_) {
        contender.ms = median(times_[next]);
        contender.verdict = Verdict::rejected;
        continue;
      }
      contender.samples = 0;
      wave.push_back(next);
    }
    return wave;
  }

  /// All of them in turns, each round in an order of its own.
  void race(std::vector<std::size_t> alive) {
    if (alive.size() == 1) return;
    for (const std::size_t i : alive) times_[i].clear();
    for (int round = 0; round < rules_.most_rounds && alive.size() > 1; ++round) {
      shuffle(alive);
      for (const std::size_t i : alive) {
        if (!go_on(Phase::race)) return close_race(alive);
        sample(i);
      }
      if (round + 1 >= rules_.least_rounds) reject(alive);
    }
    close_race(alive);
  }

  void close_race(const std::vector<std::size_t>& alive) {
    for (const std::size_t i : alive) {
      if (times_[i].empty()) continue;
      contenders_[i].ms = median(times_[i]);
      if (i == 0) default_ms_ = contenders_[i].ms;
      if (i != 0) contenders_[i].verdict = Verdict::slower;
    }
    leader_ = fastest(alive);
  }

  std::size_t fastest(const std::vector<std::size_t>& alive) const {
    std::size_t best = 0;
    for (const std::size_t i : alive)
      if (!times_[i].empty() && !times_[0].empty() &&
          (median(times_[i]) < median(times_[best]) ||
           (median(times_[i]) == median(times_[best]) && i < best)))
        best = i;
    return best;
  }

  void reject(std::vector<std::size_t>& alive) {
    const std::size_t best = fastest(alive);
    const double bar = upper(times_[best], rules_.certainty);
    std::erase_if(alive, [&](std::size_t i) {
      if (i == 0 || i == best || lower(times_[i], rules_.certainty) <= bar ||
          *std::min_element(times_[i].begin(), times_[i].end()) <= median(times_[best]))
        return false;
      contenders_[i].ms = median(times_[i]);
      contenders_[i].verdict = Verdict::rejected;
      return true;
    });
  }

  void shuffle(std::vector<std::size_t>& alive) {
    std::sort(alive.begin(), alive.end());
    for (std::size_t i = alive.size(); i > 1; --i)
      std::swap(alive[i - 1],
                alive[static_cast<std::size_t>(random_bits(rules_.seed, drawn_++) % i)]);
  }

  /// The best of the races was partly lucky: only fresh samples tell by how much it is faster.
  ContestResult decide() {
    if (leader_ == 0) return won_by_default(enough(times_[0]));
    over_ = false;  // the duel has time of its own
    Times of_default, of_leader;
    for (int round = 0; round < rules_.most_duel && go_on(Phase::duel); ++round) {
      const bool default_first = random_bits(rules_.seed, drawn_++) % 2 == 0;
      for (const bool is_default : {default_first, !default_first})
        (is_default ? of_default : of_leader).push_back(sample(is_default ? 0 : leader_));
    }
    if (static_cast<int>(of_leader.size()) < rules_.least_duel) {
      contenders_[leader_].verdict = Verdict::unfinished;
      return won_by_default(enough(of_default));
    }
    const double gain = median(of_default) - median(of_leader);
    const double error = std::hypot(median_error(of_default), median_error(of_leader));
    const double lower_gain = quantile(of_default, 0.1) - quantile(of_leader, 0.1);
    contenders_[leader_].ms = median(of_leader);
    if (gain <= rules_.certainty * error || gain < rules_.least_gain * median(of_default) ||
        lower_gain < kUndisturbed * gain)
      return won_by_default(of_default);
    contenders_[0].ms = median(of_default);
    contenders_[0].verdict = Verdict::slower;
    contenders_[leader_].verdict = Verdict::winner;
    return {leader_,
            {median(of_leader), median(of_default), noise_of(of_leader),
             static_cast<int>(of_leader.size())},
            spread(of_default)};
  }

  const Times& enough(const Times& of_default) const {
    return of_default.size() >= kLeastDefault ? of_default : first_;
  }

  ContestResult won_by_default(const Times& ms) {
    contenders_[0].ms = median(ms);
    contenders_[0].verdict = Verdict::winner;
    return {0, {median(ms), median(ms), noise_of(ms), static_cast<int>(ms.size())}, spread(ms)};
  }

  std::vector<Contender>& contenders_;
  const ContestActions& actions_;
  const ContestRules& rules_;
  std::vector<Times> times_;  // of the race at hand
  Times first_;               // of the default
  double default_ms_ = 0;
  std::size_t leader_ = 0;
  bool over_ = false;
  std::uint64_t drawn_ = 0;
};

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

double deviation(const std::vector<double>& values) {
  const double middle = median(values);
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::abs(value - middle));
  return median(std::move(distances));
}

double median_error(const std::vector<double>& values) {
  constexpr double kSigma = 1.4826;     // of a normal distribution, in median absolute deviations
  constexpr double kOfMedian = 1.2533;  // error of its median / error of its mean
  if (values.empty()) return 0;
  return kOfMedian * kSigma * deviation(values) / std::sqrt(static_cast<double>(values.size()));
}

double spread(const std::vector<double>& ms) {
  constexpr double kTenth =
      1.9;  // of a normal distribution below its median, in median absolute deviations
  const double middle = median(ms);
  if (!(middle > 0)) return 0;
  return std::max(deviation(ms), (middle - quantile(ms, 0.1)) / kTenth) / middle;
}

bool is_noisy(const std::vector<double>& spreads) {
  return median(spreads) > 0.05 || quantile(spreads, 0.9) > 0.2;
}

ContestResult hold_contest(std::vector<Contender>& contenders, const ContestActions& actions,
                           const ContestRules& rules) {
  return Contest(contenders, actions, rules).hold();
}

}  // namespace gavotte::internal
