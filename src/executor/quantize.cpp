// Post-training quantisation: choose layers, calibrate the inputs' scales, round the weights.
#include <algorithm>
#include <cmath>
#include <set>

#include "bytes.h"
#include "check.h"
#include "executor/magnitudes.h"
#include "executor/plan.h"
#include "gavotte/executor.h"
#include "gavotte/quantization.h"
#include "network/graph.h"
#include "network/network_codec.h"

namespace gavotte {

using internal::at;
using internal::Plan;
using internal::PlanStep;
using internal::StepKind;

namespace {

std::string layer_of(const PlanStep& step) {
  return step.weight.substr(0, step.weight.rfind('.'));  // "<layer>.weight"
}

/// For each value of the plan whether all its features are at least 0, whatever the scan.
std::vector<bool> non_negative_values(const Plan& plan) {
  std::vector<bool> result(plan.values.size(), false);
  for (const PlanStep& step : plan.steps) {
    const bool keeps_sign = step.kind == StepKind::concatenate || step.kind == StepKind::pool ||
                            step.kind == StepKind::global_pool;
    result[at(step.output)] =
        keeps_sign ? std::all_of(step.inputs.begin(), step.inputs.end(),
                                 [&](int input) { return result[at(input)]; })
                   : step.activation == Activation::relu || step.activation == Activation::sigmoid;
  }
  return result;
}

void check_names(const Network& network, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto layers = network.layers();
    GAVOTTE_CHECK(std::any_of(layers.begin(), layers.end(),
                              [&](const Layer& layer) { return layer.name == name; }),
                  "keep: the network has no layer " + internal::shown_name(name));
  }
}

/// Indices of the steps that become int8.
std::vector<std::size_t> chosen_steps(const Network& network, const Plan& plan,
                                      const QuantizeOptions& options) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    if (step.weight.empty()) continue;
    const bool end = step.inputs[0] == 0 || step.output == plan.output;
    const std::int64_t in = plan.values[at(step.inputs[0])].channels;
    const std::int64_t out = plan.values[at(step.output)].channels;
    const std::int64_t products = network.parameter(step.weight).shape().elements() / out;
    const bool depthwise = step.spec.groups > 1 && in == step.spec.groups;
    const bool kept =
        std::find(options.keep.begin(), options.keep.end(), layer_of(step)) != options.keep.end();
    if ((!end || options.ends) && !depthwise && !kept && products <= internal::kMaxByteProducts)
      chosen.push_back(i);
  }
  GAVOTTE_CHECK(!chosen.empty(), "the network has no layer that could become int8");
  return chosen;
}

/// The magnitudes of the inputs of the chosen steps, by value.
std::vector<internal::Magnitudes> calibrate(const Network& network, const Plan& plan,
                                            const std::set<int>& values,
                                            std::span<const Voxels> scans,
                                            const QuantizeOptions& options) {
  std::vector<internal::Magnitudes> magnitudes(plan.values.size());
  const int steps = static_cast<int>(plan.steps.size());
  int done = 0;
  ExecutorOptions run;
  run.threads = options.threads;
  run.observe = [&](int index, ConstTensorView features) {
    const int value = plan.steps[at(index)].output;
    if (values.contains(value)) magnitudes[at(value)].add(features);
    if (options.progress) options.progress(++done, steps * static_cast<int>(scans.size()));
  };
  Executor executor(network, run);
  for (const Voxels& scan : scans) {
    if (values.contains(0) && scan.size() > 0) magnitudes[0].add(scan.features);
    executor.run(scan);
  }
  return magnitudes;
}

struct ByteWeights {
  Tensor bytes, scales;
};

/// weights: any shape whose output channel is the last axis, or the first (out_first).
ByteWeights round_weights(const Tensor& weights, std::int64_t out, bool out_first) {
  const std::vector<double> values = internal::values_as_double(weights);
  const auto channels = static_cast<std::size_t>(out);
  const std::size_t products = values.size() / channels;
  const auto channel_of = [&](std::size_t i) { return out_first ? i / products : i % channels; };
  std::vector<double> largest(channels, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    GAVOTTE_CHECK(std::isfinite(values[i]), "expected finite weights");
    largest[channel_of(i)] = std::max(largest[channel_of(i)], std::abs(values[i]));
  }
  ByteWeights result{Tensor(DType::int8, weights.shape()), Tensor(DType::float32, {out})};
  const auto scales = result.scales.span<float>();
  for (std::size_t c = 0; c < channels; ++c)
    scales[c] = largest[c] > 0 ? static_cast<float>(largest[c] / 127) : 1.0F;
  const auto bytes = result.bytes.span<std::int8_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double scaled = std::nearbyint(values[i] / static_cast<double>(scales[channel_of(i)]));
    bytes[i] = static_cast<std::int8_t>(std::clamp(scaled, -127.0, 127.0));
  }
  return result;
}

}  // namespace

Network quantize(const Network& network, std::span<const Voxels> scans,
                 const QuantizeOptions& options) {
  for (const Layer& layer : network.layers())
    GAVOTTE_CHECK(!layer.quantization, "expected a network without int8 layers; the layer " +
                                           internal::shown_name(layer.name) + " is one");
  const bool is_static = options.scales == ActivationScales::static_tensor;
  GAVOTTE_CHECK(is_static != scans.empty(),
                is_static ? "static scales expect scans to calibrate on, got none"
                          : "dynamic scales are found in each scan and take none beforehand, got " +
                                std::to_string(scans.size()));
  check_names(network, options.keep);
  const Plan plan = internal::make_plan(network);
  const std::vector<std::size_t> chosen = chosen_steps(network, plan, options);
  const std::vector<bool> non_negative = non_negative_values(plan);
  std::vector<internal::Magnitudes> magnitudes;
  if (is_static) {
    std::set<int> values;
    for (const std::size_t i : chosen) values.insert(plan.steps[i].inputs[0]);
    magnitudes = calibrate(network, plan, values, scans, options);
  }

  internal::Graph graph = NetworkCodec::graph_of(network);
  std::map<std::string, Tensor> parameters = network.parameters();
  for (const std::size_t i : chosen) {
    const PlanStep& step = plan.steps[i];
    const std::string name = layer_of(step);
    Layer& layer = *std::find_if(graph.layers.begin(), graph.layers.end(),
                                 [&](const Layer& one) { return one.name == name; });
    const int input = step.inputs[0];
    LayerQuantization quantization{options.scales, 0, non_negative[at(input)]};
    if (is_static) {
      const float range = internal::byte_range(quantization.non_negative ? 0 : 128);
      quantization.input_scale =
          static_cast<double>(std::max(magnitudes[at(input)].best_scale(range), 1e-30F));
    }
    layer.quantization = quantization;
    const bool out_first =
        layer.op == LayerOp::convolution && layer.spec.weight_layout == WeightLayout::oki;
    ByteWeights weights = round_weights(parameters.at(step.weight), layer.channels, out_first);
    parameters[step.weight] = std::move(weights.bytes);
    parameters[name + ".weight_scale"] = std::move(weights.scales);
  }
  return NetworkCodec::assemble(std::move(graph), std::move(parameters));
}

}  // namespace gavotte
