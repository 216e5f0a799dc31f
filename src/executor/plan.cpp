// From a graph of layers to a list of steps.
#include "executor/plan.h"

#include <algorithm>
#include <cmath>

#include "gavotte/device_config.h"
#include "network/graph.h"
#include "network/network_codec.h"

namespace gavotte::internal {

namespace {

class Planner {
 public:
  explicit Planner(const Network& network)
      : network_(network), graph_(NetworkCodec::graph_of(network)), info_(check_graph(graph_)) {}

  Plan plan() {
    plan_.dims = graph_.dims;
    plan_.sets = static_cast<int>(info_.sets.size());
    set_source_.assign(info_.sets.size(), -1);
    value_of_.assign(graph_.layers.size(), -1);
    step_of_.assign(graph_.layers.size(), -1);
    count_uses();
    for (std::size_t i = 0; i < graph_.layers.size(); ++i)
      if (uses_[i] > 0) add_layer(static_cast<int>(i));
    // The output must lie in the executor's memory, so an output that is the input is copied.
    if (step_of_[at(info_.output)] < 0)
      add_step(StepKind::elementwise, info_.output, {value_of_[at(info_.output)]});
    plan_.output = value_of_[at(info_.output)];
    find_last_uses();
    return std::move(plan_);
  }

 private:
  const Layer& layer(int index) const { return graph_.layers[at(index)]; }
  const LayerInfo& info(int index) const { return info_.layers[at(index)]; }
  std::vector<double> parameter(int index, const char* field) const {
    return values_as_double(network_.parameter(layer(index).name + field));
  }

  /// How often each layer is read by a layer that the output needs; 0: dead.
  void count_uses() {
    uses_.assign(graph_.layers.size(), 0);
    uses_[at(info_.output)] = 1;
    uses_[0] = 1;  // the input is given, needed or not
    for (std::size_t i = graph_.layers.size(); i-- > 0;)
      if (uses_[i] > 0)
        for (int input : info_.layers[i].inputs) ++uses_[at(input)];
  }

  PlanStep& add_step(StepKind kind, int index, std::vector<int> inputs) {
    PlanStep step;
    step.kind = kind;
    step.name = layer(index).name;
    step.op = name(layer(index).op);
    step.inputs = std::move(inputs);
    step.output = static_cast<int>(plan_.values.size());
    const int step_index = static_cast<int>(plan_.steps.size());
    plan_.values.push_back({info(index).channels, info(index).set, step_index, step_index});
    plan_.steps.push_back(std::move(step));
    step_of_[at(index)] = step_index;
    value_of_[at(index)] = plan_.steps.back().output;
    return plan_.steps.back();
  }

  /// The step that writes a layer's output where nothing else reads that output, so that its epilogue may grow.
  PlanStep* open_step(int index) {
    if (uses_[at(index)] != 1 || step_of_[at(index)] < 0) return nullptr;
    PlanStep& step = plan_.steps[at(step_of_[at(index)])];
    const bool has_epilogue = step.kind == StepKind::convolution || step.kind == StepKind::dense ||
                              step.kind == StepKind::elementwise;
    return has_epilogue && step.activation == Activation::none ? &step : nullptr;
  }

  void fuse(PlanStep& step, int source, int index) {
    step.name += "+" + layer(index).name;
    step.op += "+" + std::string(name(layer(index).op));
    step_of_[at(index)] = step_of_[at(source)];
    value_of_[at(index)] = value_of_[at(source)];
  }

  int value_of_input(int index, std::size_t i) const {
    return value_of_[at(info(index).inputs[i])];
  }

  void add_layer(int index) {
    switch (layer(index).op) {
      case LayerOp::input:
        plan_.values.push_back({info(index).channels, 0, -1, -1});
        value_of_[at(index)] = 0;
        return;
      case LayerOp::convolution:
      case LayerOp::linear:
        return add_convolution(index);
      case LayerOp::batch_norm:
        return add_batch_norm(index);
      case LayerOp::activation:
        return add_activation(index);
      case LayerOp::add:
        return add_sum(index);
      case LayerOp::concatenate: {
        std::vector<int> inputs;
        for (std::size_t i = 0; i < info(index).inputs.size(); ++i)
          inputs.push_back(value_of_input(index, i));
        add_step(StepKind::concatenate, index, std::move(inputs));
        return;
      }
      case LayerOp::pool: {
        PlanStep& step = add_step(StepKind::pool, index, {value_of_input(index, 0)});
        step.mode = layer(index).pool_mode;
        set_map(step, index);
        return;
      }
      case LayerOp::global_pool:
        add_step(StepKind::global_pool, index, {value_of_input(index, 0)}).mode =
            layer(index).pool_mode;
        return;
    }
  }

  void add_convolution(int index) {
    const Layer& layer = this->layer(index);
    const ConvSpec& spec = layer.spec;
    const bool pointwise =
        layer.op == LayerOp::linear || (spec.kind == ConvKind::submanifold && spec.groups == 1 &&
                                        spec.kernel_volume(plan_.dims) == 1);
    PlanStep& step = add_step(pointwise ? StepKind::dense : StepKind::convolution, index,
                              {value_of_input(index, 0)});
    step.weight = layer.name + ".weight";
    if (layer.bias) step.shift = parameter(index, ".bias");
    step.quantization = layer.quantization;
    if (layer.quantization) step.scale = parameter(index, ".weight_scale");
    if (pointwise) {
      step.spec = spec;
      if (layer.op == LayerOp::linear) step.spec = ConvSpec::submanifold(1);
    } else {
      set_map(step, index);
    }
  }

  void set_map(PlanStep& step, int index) {
    step.spec = layer(index).spec;
    CoordinateManager::PlannedLayer wanted;
    wanted.input = set_source_[at(info(info(index).inputs[0]).set)];
    wanted.spec = step.spec;
    wanted.spec.groups = 1;  // what a map does not depend on
    wanted.spec.weight_layout = WeightLayout::kio;
    for (std::size_t i = 0; i < plan_.maps.size() && step.map < 0; ++i)
      if (plan_.maps[i].input == wanted.input && plan_.maps[i].spec == wanted.spec &&
          plan_.map_output[i] == info(index).set)
        step.map = static_cast<int>(i);
    if (step.map >= 0) return;
    step.map = static_cast<int>(plan_.maps.size());
    plan_.maps.push_back(wanted);
    plan_.map_output.push_back(info(index).set);
    int& source = set_source_[at(info(index).set)];
    if (info(index).set != 0 && source < 0) source = step.map;
  }

  void add_batch_norm(int index) {
    const int input = info(index).inputs[0];
    PlanStep* step = open_step(input);
    if (step != nullptr && step->residual < 0) {
      fuse(*step, input, index);
    } else {
      step = &add_step(StepKind::elementwise, index, {value_of_[at(input)]});
    }
    // y = (x - mean) / sqrt(var + eps) * weight + bias, on top of the scale and shift that x already has.
    const auto weight = parameter(index, ".weight"), bias = parameter(index, ".bias");
    const auto mean = parameter(index, ".running_mean"),
               variance = parameter(index, ".running_var");
    step->scale.resize(weight.size(), 1.0);
    step->shift.resize(weight.size(), 0.0);
    for (std::size_t c = 0; c < weight.size(); ++c) {
      const double factor = weight[c] / std::sqrt(variance[c] + layer(index).epsilon);
      step->scale[c] *= factor;
      step->shift[c] = (step->shift[c] - mean[c]) * factor + bias[c];
    }
  }

  void add_activation(int index) {
    const int input = info(index).inputs[0];
    PlanStep* step = open_step(input);
    if (step != nullptr) {
      fuse(*step, input, index);
    } else {
      step = &add_step(StepKind::elementwise, index, {value_of_[at(input)]});
    }
    step->activation = layer(index).activation;
    step->negative_slope = layer(index).negative_slope;
  }

  void add_sum(int index) {
    // The later of the two steps takes the other's output as its residual.
    int first = info(index).inputs[0];
    int second = info(index).inputs[1];
    if (step_of_[at(first)] > step_of_[at(second)]) std::swap(first, second);
    PlanStep* step = open_step(second);
    if (step != nullptr && step->residual < 0 && step_of_[at(first)] < step_of_[at(second)]) {
      fuse(*step, second, index);
      step->residual = value_of_[at(first)];
    } else {
      add_step(StepKind::elementwise, index, {value_of_[at(first)]}).residual =
          value_of_[at(second)];
    }
  }

  void find_last_uses() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const PlanStep& step = plan_.steps[i];
      const auto read = [&](int value) { plan_.values[at(value)].last_step = static_cast<int>(i); };
      for (int value : step.inputs) read(value);
      if (step.residual >= 0) read(step.residual);
    }
    plan_.values[at(plan_.output)].last_step = static_cast<int>(plan_.steps.size());
  }

  const Network& network_;
  Graph graph_;
  GraphInfo info_;
  Plan plan_;
  std::vector<int> uses_;        ///< Of each layer.
  std::vector<int> value_of_;    ///< Of each layer.
  std::vector<int> step_of_;     ///< Of each layer; -1: the input or dead.
  std::vector<int> set_source_;  ///< Of each set: the first map that makes it; -1: the input set.
};

}  // namespace

Plan make_plan(const Network& network) { return Planner(network).plan(); }

std::string kernel_text(const PlanStep& step, int dims) {
  if (step.kind != StepKind::convolution && step.kind != StepKind::pool &&
      step.kind != StepKind::dense)
    return "";
  return kernel_name(step.spec, dims) + (step.quantization ? " int8" : "");
}

std::string to_string(const Plan& plan) {
  std::string text;
  for (const PlanStep& step : plan.steps) {
    text += step.op + " " + step.name + ":";
    for (int input : step.inputs) text += " v" + std::to_string(input);
    if (step.residual >= 0) text += " + v" + std::to_string(step.residual);
    text += " -> v" + std::to_string(step.output) + " [" +
            std::to_string(plan.values[at(step.output)].channels) + "]";
    if (step.map >= 0) text += " map " + std::to_string(step.map);
    const std::string kernel = kernel_text(step, plan.dims);
    if (!kernel.empty()) text += " " + kernel;
    if (!step.scale.empty()) text += " scale";
    if (!step.shift.empty()) text += " shift";
    if (step.activation != Activation::none) text += " " + std::string(name(step.activation));
    text += '\n';
  }
  return text;
}

}  // namespace gavotte::internal
