#include "gavotte/tuner.h"

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "backend.h"
#include "check.h"
#include "parallel.h"
#include "problems.h"
#include "tuning.h"

namespace gavotte {

struct Tuner::Impl {
  explicit Impl(TuneOptions given)
      : options(std::move(given)),
        problems({.device = options.device, .stream = options.stream, .threads = options.threads}) {
  }
  TuneOptions options;
  internal::Problems problems;
};

std::string_view name(Verdict verdict) noexcept {
  constexpr std::array<std::string_view, 6> kNames = {"winner", "slower", "rejected",
                                                      "pruned", "wrong",  "unfinished"};
  const auto index = static_cast<std::size_t>(verdict);
  return index < kNames.size() ? kNames[index] : "unknown";
}

double TuneReport::gain() const {
  double by_default = 0, tuned = 0;
  for (const LayerTuning& layer : layers) {
    by_default += layer.layers * layer.best.measured.default_ms;
    tuned += layer.layers * layer.best.measured.ms;
  }
  return tuned > 0 ? by_default / tuned : 1;
}

std::string TuneReport::noise_text() const {
  if (!noisy) return {};
  const auto percent = static_cast<int>(std::lround(100 * noise));
  return "other work disturbs the times: samples of one config lie " + std::to_string(percent) +
         " % apart in the median, in some layers more; gains below that are not seen";
}

Tuner::Tuner(TuneOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
  const TuneOptions& given = impl_->options;
  check_threads({.threads = given.threads});
  GAVOTTE_CHECK(
      given.budget_s > 0 && std::isfinite(given.budget_s),
      "a Tuner expects a budget of more than 0 seconds, got " + std::to_string(given.budget_s));
  internal::backend(given.device);  // throws where the device is not there
  if (!given.start.empty()) given.start.check_device(given.device);
}
Tuner::Tuner(Tuner&&) noexcept = default;
Tuner& Tuner::operator=(Tuner&&) noexcept = default;
Tuner::~Tuner() = default;

void Tuner::add(const Network& network, const Voxels& scan, DType dtype,
                std::span<const Direction> directions) {
  impl_->problems.add(network, scan, dtype, directions);
}
void Tuner::add(LayerProblem problem) { impl_->problems.add(std::move(problem)); }
void Tuner::add(MapProblem problem) { impl_->problems.add(std::move(problem)); }

int Tuner::problems() const noexcept {
  const internal::Problems& all = impl_->problems;
  return static_cast<int>(all.layers().size() + (impl_->options.maps ? all.maps().size() : 0));
}

TuneReport Tuner::run() {
  return internal::tune(impl_->problems, impl_->options, internal::TuneHooks::real());
}

}  // namespace gavotte
