// NetworkBuilder: appends layers, draws their parameters, checks the whole.
#include <cmath>

#include "check.h"
#include "gavotte/network.h"
#include "network/graph.h"
#include "network/initializer.h"
#include "network/network_codec.h"

namespace gavotte {

namespace {

/// Initial values of one parameter. fan_in: inputs that one output of the layer sums.
Tensor initial_value(const Layer& layer, const internal::ParameterInfo& parameter,
                     std::int64_t fan_in, std::uint64_t seed) {
  const std::uint64_t stream = internal::stream_of(seed, parameter.name);
  if (layer.op == LayerOp::batch_norm) {
    // Near identity, and far enough from it that a wrong fold shows.
    const bool around_one =
        parameter.name.ends_with(".weight") || parameter.name.ends_with(".running_var");
    return around_one ? internal::uniform(parameter.shape, 0.9, 1.1, stream)
                      : internal::uniform(parameter.shape, -0.1, 0.1, stream);
  }
  const double bound = internal::kaiming_uniform_bound(fan_in);
  return internal::uniform(parameter.shape, -bound, bound, stream);
}

}  // namespace

NetworkBuilder::NetworkBuilder(int dims, std::uint64_t seed) : seed_(seed) {
  network_.dims_ = dims;
}

std::string NetworkBuilder::input(std::int64_t channels) {
  return append({.name = "input", .op = LayerOp::input, .channels = channels});
}

std::string NetworkBuilder::convolution(const std::string& name, const std::string& x,
                                        std::int64_t channels, const ConvSpec& spec, bool bias) {
  return append({.name = name,
                 .op = LayerOp::convolution,
                 .inputs = {x},
                 .spec = spec,
                 .channels = channels,
                 .bias = bias});
}

std::string NetworkBuilder::linear(const std::string& name, const std::string& x,
                                   std::int64_t channels, bool bias) {
  return append(
      {.name = name, .op = LayerOp::linear, .inputs = {x}, .channels = channels, .bias = bias});
}

std::string NetworkBuilder::batch_norm(const std::string& name, const std::string& x,
                                       double epsilon) {
  return append({.name = name, .op = LayerOp::batch_norm, .inputs = {x}, .epsilon = epsilon});
}

std::string NetworkBuilder::activation(const std::string& name, const std::string& x,
                                       Activation activation) {
  return append({.name = name, .op = LayerOp::activation, .inputs = {x}, .activation = activation});
}

std::string NetworkBuilder::add(const std::string& name, const std::string& a,
                                const std::string& b) {
  return append({.name = name, .op = LayerOp::add, .inputs = {a, b}});
}

std::string NetworkBuilder::concatenate(const std::string& name,
                                        std::span<const std::string> inputs) {
  return append(
      {.name = name, .op = LayerOp::concatenate, .inputs = {inputs.begin(), inputs.end()}});
}

std::string NetworkBuilder::pool(const std::string& name, const std::string& x,
                                 const ConvSpec& spec, PoolMode mode) {
  return append(
      {.name = name, .op = LayerOp::pool, .inputs = {x}, .spec = spec, .pool_mode = mode});
}

std::string NetworkBuilder::global_pool(const std::string& name, const std::string& x,
                                        PoolMode mode) {
  return append({.name = name, .op = LayerOp::global_pool, .inputs = {x}, .pool_mode = mode});
}

std::string NetworkBuilder::append(Layer layer) {
  network_.layers_.push_back(std::move(layer));
  return network_.layers_.back().name;
}

void NetworkBuilder::set_parameter(const std::string& name, Tensor value) {
  GAVOTTE_CHECK(static_cast<bool>(value),
                "parameter " + internal::shown_name(name) + ": expected a tensor with memory");
  network_.parameters_[name] = std::move(value);
}

void NetworkBuilder::set_metadata(Network::Metadata metadata) {
  network_.metadata_ = std::move(metadata);
}

Network NetworkBuilder::build(const std::string& output) {
  internal::Graph graph = NetworkCodec::graph_of(network_);
  graph.output = output;
  const internal::GraphInfo info = internal::check_graph(graph);
  std::map<std::string, Tensor> parameters = network_.parameters_;
  for (std::size_t i = 0; i < info.layers.size(); ++i) {
    const Layer& layer = graph.layers[i];
    if (info.layers[i].parameters.empty()) continue;
    std::int64_t fan_in = info.layers[static_cast<std::size_t>(info.layers[i].inputs[0])].channels;
    if (layer.op == LayerOp::convolution)
      fan_in = fan_in / layer.spec.groups * layer.spec.kernel_volume(graph.dims);
    for (const internal::ParameterInfo& parameter : info.layers[i].parameters)
      if (!parameters.contains(parameter.name))
        parameters.emplace(parameter.name, initial_value(layer, parameter, fan_in, seed_));
  }
  return NetworkCodec::assemble(std::move(graph), std::move(parameters));
}

}  // namespace gavotte
