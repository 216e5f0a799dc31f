// Problems come one after another, the largest first, each with a share of the time that is left by its size; a share is
// for races first, then for the duel. Entries go to the file as they are found.
#include "tuning.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <utility>

#include "candidates.h"
#include "cost_model.h"
#include "learned_costs.h"
#include "network/initializer.h"
#include "timing.h"

namespace gavotte::internal {
namespace {

constexpr double kRaceShare = 0.7;  // of a problem's time; the rest is the duel's
constexpr double kProgressSeconds = 0.2;
constexpr double kSampleMs = 0.5;  // shorter runs are repeated within a sample
constexpr int kMostRepeats = 50;
constexpr double kSetUpOperations = 2e6;  // what a problem takes beside its runs, as operations
constexpr double kMapOperations = 2e3;    // of a map's pair

/// Thrown within a contest where the caller wants no more; nothing of the problem at hand is kept.
struct Interrupted {};

int repeats_of(double ms) {
  if (!(ms > 0)) return kMostRepeats;
  return static_cast<int>(std::clamp(kSampleMs / ms, 1.0, static_cast<double>(kMostRepeats)));
}

class Tuning {
 public:
  Tuning(const Problems& problems, const TuneOptions& options, const TuneHooks& hooks)
      : problems_(problems),
        options_(options),
        hooks_(hooks),
        execution_{.device = options.device, .stream = options.stream, .threads = options.threads},
        device_(DeviceIdentity::of(options.device)),
        start_s_(hooks.seconds()),
        costs_(device_) {
    report_.config = DeviceConfig(device_);
    if (!options.start.empty()) report_.config.merge(options.start);
    for (const TunedLayer& layer : report_.config.layers()) costs_.learn(layer);
    progress_.budget_s = options.budget_s;
    progress_.total =
        static_cast<int>(problems.layers().size() + (options.maps ? problems.maps().size() : 0));
  }

  TuneReport run() {
    take_known();
    try {
      for (std::size_t i = 0; i < work_.size(); ++i) {
        if (elapsed() >= options_.budget_s) {
          report_.finished = false;
          break;
        }
        tune(i);
      }
    } catch (const Interrupted&) {
      report_.finished = false;
    }
    order_report();
    report_.noise = median(noises_);
    report_.noisy = is_noisy(noises_);
    report_.seconds = elapsed();
    return std::move(report_);
  }

 private:
  struct Work {
    bool is_map;
    std::size_t index;
    double operations;
  };

  double elapsed() const { return hooks_.seconds() - start_s_; }

  /// Entries of the start are reported as they are; the others are work.
  void take_known() {
    for (std::size_t i = 0; i < problems_.layers().size(); ++i) {
      const LayerItem& item = problems_.layers()[i];
      const LayerShape shape = LayerShape::of(item.problem.kind, item.problem.map);
      if (const TunedLayer* known = report_.config.entry(shape.kind, shape.rows)) {
        LayerTuning tuning;
        tuning.name = item.problem.name;
        tuning.layers = item.layers;
        tuning.best = *known;
        tuning.from_start = true;
        report_.layers.push_back(std::move(tuning));
        done_layers_.push_back(i);
      } else {
        work_.push_back({false, i, item.layers * (shape.operations() + kSetUpOperations)});
      }
    }
    for (std::size_t i = 0; options_.maps && i < problems_.maps().size(); ++i) {
      const MapItem& item = problems_.maps()[i];
      if (const TunedMap* known = report_.config.entry(item.problem.kind, item.rows)) {
        MapTuning tuning;
        tuning.best = *known;
        tuning.from_start = true;
        report_.maps.push_back(std::move(tuning));
        done_maps_.push_back(i);
      } else {
        const double operations = static_cast<double>(item.rows) * kMapOperations;
        work_.push_back({true, i, operations + kSetUpOperations});
      }
    }
    progress_.done = progress_.total - static_cast<int>(work_.size());
    std::stable_sort(work_.begin(), work_.end(),
                     [](const Work& a, const Work& b) { return a.operations > b.operations; });
  }

  void tune(std::size_t at) {
    const double left =
        std::accumulate(work_.begin() + static_cast<std::ptrdiff_t>(at), work_.end(), 0.0,
                        [](double sum, const Work& work) { return sum + work.operations; });
    const double now = elapsed();
    const double share = (options_.budget_s - now) * work_[at].operations / left;
    race_end_s_ = now + kRaceShare * share;
    duel_end_s_ = now + share;
    DeviceConfig found(device_);
    if (work_[at].is_map) {
      tune_map(work_[at].index, found);
    } else {
      tune_layer(work_[at].index, found);
    }
    report_.config.merge(found);
    if (!options_.path.empty()) update_config_file(options_.path, found);
    ++report_.timed;
    ++progress_.done;
    progress_.gain = report_.gain();
    tell();
  }

  void tell() {
    told_s_ = elapsed();
    if (!options_.progress) return;
    progress_.elapsed_s = told_s_;
    if (!options_.progress(progress_)) throw Interrupted{};
  }

  bool go_on(Phase phase) {
    if (elapsed() - told_s_ >= kProgressSeconds) tell();
    return elapsed() < (phase == Phase::race ? race_end_s_ : duel_end_s_);
  }

  void tune_layer(std::size_t index, DeviceConfig& found) {
    const LayerItem& item = problems_.layers()[index];
    progress_.name = item.problem.name;
    LayerRun run(item.problem, execution_);
    const LayerShape shape = run.shape();
    LayerTuning tuning;
    tuning.name = item.problem.name;
    tuning.layers = item.layers;
    tuning.candidates = in_order_of_trial(shape);
    std::vector<Contender> contenders = contenders_of(shape, tuning.candidates);

    const Tensor expected = hooks_.layer_output(run, run.reference());
    const auto config_of = [&](std::size_t i) -> const ConvConfig& {
      return tuning.candidates[i].config;
    };
    const int repeats = repeats_of(hooks_.layer_ms(run, ConvConfig{}, 1));
    const ContestResult result = contest(
        contenders, item.problem.kind.to_string() + std::to_string(shape.rows),
        [&](std::size_t i) { return hooks_.layer_ms(run, config_of(i), repeats); },
        [&](std::size_t i) { return run.same(hooks_.layer_output(run, config_of(i)), expected); });
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      LayerCandidate& candidate = tuning.candidates[i];
      candidate.ms = contenders[i].ms;
      candidate.samples = contenders[i].samples;
      candidate.verdict = contenders[i].verdict;
      if (candidate.ms > 0) costs_.learn(shape, candidate.config, candidate.ms);
    }
    tuning.best = {shape.kind, shape.rows, shape.pairs, config_of(result.winner), result.measured};
    tuning.padding = run.padding(tuning.best.config);
    found.put(tuning.best);
    for (const CostFit& fit : costs_.fits(report_.config.cost_model())) found.put(fit);
    report_.layers.push_back(std::move(tuning));
    done_layers_.push_back(index);
  }

  void tune_map(std::size_t index, DeviceConfig& found) {
    const MapItem& item = problems_.maps()[index];
    progress_.name = "map " + item.problem.kind.kernel;
    const MapRun run(item.problem, execution_);
    MapTuning tuning;
    for (const MapConfig& config :
         map_candidates(item.problem.kind, item.rows, run.symmetric(), device_))
      tuning.candidates.push_back({.config = config, .is_default = tuning.candidates.empty()});
    std::vector<Contender> contenders(tuning.candidates.size());
    const KernelMap expected = hooks_.map_built(run, MapRun::reference());
    const auto config_of = [&](std::size_t i) -> const MapConfig& {
      return tuning.candidates[i].config;
    };
    const int repeats = repeats_of(hooks_.map_ms(run, MapConfig{}, 1));
    const ContestResult result = contest(
        contenders, item.problem.kind.to_string() + std::to_string(item.rows),
        [&](std::size_t i) { return hooks_.map_ms(run, config_of(i), repeats); },
        [&](std::size_t i) { return MapRun::same(hooks_.map_built(run, config_of(i)), expected); });
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      tuning.candidates[i].ms = contenders[i].ms;
      tuning.candidates[i].samples = contenders[i].samples;
      tuning.candidates[i].verdict = contenders[i].verdict;
    }
    tuning.best = {item.problem.kind, item.rows, expected.pairs(), config_of(result.winner),
                   result.measured};
    found.put(tuning.best);
    report_.maps.push_back(std::move(tuning));
    done_maps_.push_back(index);
  }

  template <class Sample, class Right>
  ContestResult contest(std::vector<Contender>& contenders, const std::string& name,
                        Sample&& sample, Right&& right) {
    const auto timely = [this](Phase phase) { return go_on(phase); };
    ContestRules rules;
    rules.seed = stream_of(1, name);
    const ContestResult result = hold_contest(contenders, {sample, right, timely}, rules);
    noises_.push_back(result.spread);
    return result;
  }

  /// The default, what no model knows in the order of construction, then the rest from the fastest by the model.
  std::vector<LayerCandidate> in_order_of_trial(const LayerShape& shape) const {
    std::vector<LayerCandidate> candidates;
    for (const ConvConfig& config : layer_candidates(shape, device_)) {
      const auto prediction = predict(report_.config.cost_model(), shape, config, device_);
      candidates.push_back({.config = config,
                            .predicted_ms = prediction ? prediction->ms : 0,
                            .is_default = candidates.empty()});
    }
    std::stable_sort(candidates.begin() + 1, candidates.end(),
                     [](const LayerCandidate& a, const LayerCandidate& b) {
                       return a.predicted_ms < b.predicted_ms;
                     });
    return candidates;
  }

  std::vector<Contender> contenders_of(const LayerShape& shape,
                                       const std::vector<LayerCandidate>& candidates) const {
    std::vector<Contender> contenders;
    for (const LayerCandidate& candidate : candidates) {
      Contender& contender = contenders.emplace_back();
      const auto prediction =
          predict(report_.config.cost_model(), shape, candidate.config, device_);
      if (!prediction || !costs_.cover(shape, candidate.config)) continue;
      contender.predicted_ms = prediction->ms;
      contender.error = prediction->error;
    }
    return contenders;
  }

  /// As the problems were added.
  void order_report() {
    const auto in_order = [](auto& entries, const std::vector<std::size_t>& indices) {
      std::vector<std::size_t> order(entries.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::sort(order.begin(), order.end(),
                [&](std::size_t a, std::size_t b) { return indices[a] < indices[b]; });
      std::remove_reference_t<decltype(entries)> sorted;
      for (const std::size_t i : order) sorted.push_back(std::move(entries[i]));
      entries = std::move(sorted);
    };
    in_order(report_.layers, done_layers_);
    in_order(report_.maps, done_maps_);
  }

  const Problems& problems_;
  const TuneOptions& options_;
  const TuneHooks& hooks_;
  Execution execution_;
  DeviceIdentity device_;
  double start_s_, told_s_ = 0, race_end_s_ = 0, duel_end_s_ = 0;
  LearnedCosts costs_;
  TuneReport report_;
  TuneProgress progress_;
  std::vector<Work> work_;
  std::vector<std::size_t> done_layers_, done_maps_;  // problems of the report's entries
  std::vector<double> noises_;
};

}  // namespace

TuneHooks TuneHooks::real() {
  return {
      [] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
      },
      [](LayerRun& run, const ConvConfig& config, int repeats) {
        return run.time_ms(config, repeats);
      },
      [](LayerRun& run, const ConvConfig& config) { return run.output(config); },
      [](const MapRun& run, const MapConfig& config, int repeats) {
        return run.time_ms(config, repeats);
      },
      [](const MapRun& run, const MapConfig& config) { return run.build(config); }};
}

TuneReport tune(const Problems& problems, const TuneOptions& options, const TuneHooks& hooks) {
  return Tuning(problems, options, hooks).run();
}

}  // namespace gavotte::internal
