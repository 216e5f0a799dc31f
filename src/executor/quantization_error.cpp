// Layer by layer, what an int8 network gives beside the float32 network that it was made from.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "executor/plan.h"
#include "gavotte/executor.h"
#include "gavotte/quantization.h"
#include "network/network_codec.h"

namespace gavotte {

namespace {

struct Difference {
  double off = 0, magnitude = 0;
  void add(const std::vector<float>& expected, ConstTensorView actual) {
    const std::vector<double> values = internal::values_as_double(actual);
    for (std::size_t i = 0; i < values.size(); ++i) {
      off += std::abs(values[i] - static_cast<double>(expected[i]));
      magnitude += std::abs(static_cast<double>(expected[i]));
    }
  }
  double relative() const { return off > 0 ? off / magnitude : 0; }
};

}  // namespace

QuantizationReport quantization_error(const Network& network, const Network& quantized,
                                      std::span<const Voxels> scans, DType dtype, int threads,
                                      const std::function<void(int, int)>& progress) {
  GAVOTTE_CHECK(!scans.empty(), "expected scans to compare on, got none");
  const internal::Plan plan = internal::make_plan(network),
                       int8_plan = internal::make_plan(quantized);
  const auto same = [](const internal::PlanStep& a, const internal::PlanStep& b) {
    return a.name == b.name && a.inputs == b.inputs;
  };
  GAVOTTE_CHECK(std::equal(plan.steps.begin(), plan.steps.end(), int8_plan.steps.begin(),
                           int8_plan.steps.end(), same) &&
                    network.output_channels() == quantized.output_channels(),
                "expected two networks of the same layers");
  const std::size_t steps = plan.steps.size();
  const int total = static_cast<int>(2 * steps * scans.size());
  int done = 0;
  const auto advance = [&] {
    if (progress) progress(++done, total);
  };
  std::vector<std::vector<float>> expected(steps);
  std::vector<Difference> differences(steps);
  ExecutorOptions options;
  options.threads = threads;
  options.observe = [&](int index, ConstTensorView features) {
    const auto values = features.span<float>();
    expected[static_cast<std::size_t>(index)].assign(values.begin(), values.end());
    advance();
  };
  Executor executor(network, options);
  options.dtype = dtype;
  options.observe = [&](int index, ConstTensorView features) {
    const auto step = static_cast<std::size_t>(index);
    differences[step].add(expected[step], features);
    expected[step] = {};
    advance();
  };
  Executor int8_executor(quantized, options);

  QuantizationReport report;
  for (const Voxels& scan : scans) {
    executor.run(scan);
    int8_executor.run(scan);
    report.voxels += scan.size();
  }
  for (std::size_t i = 0; i < steps; ++i)
    report.layers.push_back({plan.steps[i].name,
                             internal::kernel_text(int8_plan.steps[i], int8_plan.dims),
                             differences[i].relative()});
  const int last = plan.values[static_cast<std::size_t>(plan.output)].first_step;
  report.error = differences[static_cast<std::size_t>(last)].relative();
  return report;
}

}  // namespace gavotte
