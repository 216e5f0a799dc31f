#include "manifest/launch_prediction.h"

#include <cctype>
#include <cstdio>
#include <set>

#include "manifest/formula.h"
#include "manifest/metric.h"
#include "manifest/regions.h"

namespace gavotte::internal {
namespace {

constexpr double kMillion = 1e3;  // 10^9 a second, as a us
constexpr std::size_t kLongestFormula = 4096;

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.15g", value);
  return text;
}

/// The launch's products at the peak of its units; empty where it has none, or nobody knows.
std::string time_of_products(const Manifest& manifest, const manifest::Launch& launch) {
  const manifest::Work& work = launch.work;
  const manifest::DevicePeaks& peaks = manifest.device.peaks;
  const auto& peak = work.tensor_flop.v.value_or(0) > 0 ? peaks.tensor_gflops : peaks.gflops;
  if (work.flop.v.value_or(0) <= 0 || !peak.v) return "";
  const double pairs = evaluate(launch.shape.pairs, manifest.run.symbols, launch.kernel.key);
  if (pairs <= 0) return "";
  return launch.shape.pairs + "*" + number(*work.flop.v / pairs) + "/" + number(*peak.v * kMillion);
}

/// What the launch reads and writes, each once, at the rate of memory.
std::string time_of_bytes(const Manifest& manifest, bool alone, const manifest::Launch& launch) {
  const manifest::Amount& peak = manifest.device.peaks.dram_gb_per_s;
  if (!peak.v) return "";
  const std::string rate = number(*peak.v * kMillion);
  const bool transfer = launch.api == "cudaMemsetAsync" || launch.api == "cudaMemcpyAsync";
  if (transfer) return number(*launch.work.dram_bytes.v) + "/" + rate;
  if (!alone) return "";
  std::string bytes;
  for (const auto* segments : {&launch.segments.reads, &launch.segments.writes})
    for (const manifest::Segment& segment : *segments)
      bytes += (bytes.empty() ? "" : "+") + segment.end;
  return bytes.empty() ? "" : "(" + bytes + ")/" + rate;
}

/// Symbols of a formula with this run's values, the only ones that it was looked at with.
std::map<std::string, manifest::Range> run_values(const std::string& formula,
                                                  const Symbols& symbols) {
  std::map<std::string, manifest::Range> values;
  std::string word;
  for (const char c : formula + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      word += c;
      continue;
    }
    if (const auto found = symbols.find(word); found != symbols.end() && found->second.v) {
      const auto value = static_cast<double>(*found->second.v);
      values[word] = {value, value};
    }
    word.clear();
  }
  return values;
}

}  // namespace

void predict_launch(const Manifest& manifest, bool alone, manifest::Launch& launch) {
  leave_out_prediction(launch.predict);
  const manifest::DevicePeaks& peaks = manifest.device.peaks;
  if (!peaks.gflops.v || !peaks.dram_gb_per_s.v)
    return leave_out("it takes the device's peaks, which are not known",
                     launch.predict.duration_us);
  const std::string products = time_of_products(manifest, launch),
                    bytes = time_of_bytes(manifest, alone, launch);
  if (products.empty() && bytes.empty())
    return leave_out("what it computes and moves is not counted", launch.predict.duration_us);
  const std::string formula = products.empty() ? bytes
                              : bytes.empty()  ? products
                                               : "max(" + products + "," + bytes + ")";
  if (formula.size() > kLongestFormula)
    return leave_out("longer than a formula may be", launch.predict.duration_us);
  launch.predict.duration_us =
      estimated(formula, "work at the declared peaks, the least that it may take; not calibrated");
  leave_out_all("not calibrated: nothing was timed", launch.predict.error,
                launch.predict.band.sizes, launch.predict.band.voxels, launch.predict.band.points);
  launch.predict.valid = run_values(formula, manifest.run.symbols);
}

}  // namespace gavotte::internal
