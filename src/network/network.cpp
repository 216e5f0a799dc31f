// The Network value: assembling, looking up, printing.
#include "gavotte/network.h"

#include <cmath>
#include <cstdio>
#include <set>
#include <unordered_map>

#include "check.h"
#include "dispatch.h"
#include "network/network_codec.h"

namespace gavotte {

std::string_view name(LayerOp op) noexcept {
  switch (op) {
    case LayerOp::input:
      return "input";
    case LayerOp::convolution:
      return "convolution";
    case LayerOp::linear:
      return "linear";
    case LayerOp::batch_norm:
      return "batch_norm";
    case LayerOp::activation:
      return "activation";
    case LayerOp::add:
      return "add";
    case LayerOp::concatenate:
      return "concatenate";
    case LayerOp::pool:
      return "pool";
    case LayerOp::global_pool:
      return "global_pool";
  }
  return "unknown";
}

namespace internal {

std::vector<double> values_as_double(ConstTensorView tensor) {
  std::vector<double> values(static_cast<std::size_t>(tensor.shape.elements()));
  dispatch_floating(tensor.dtype, [&]<class T>() {
    const T* data = static_cast<const T*>(tensor.data);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(data[i]);
  });
  return values;
}

void check_parameters(const GraphInfo& info, const std::map<std::string, Shape>& shapes) {
  std::size_t wanted = 0;
  std::map<std::string, const Shape*> expected;
  for (const LayerInfo& layer : info.layers) {
    for (const ParameterInfo& parameter : layer.parameters) {
      ++wanted;
      GAVOTTE_CHECK(expected.emplace(parameter.name, &parameter.shape).second,
                    "two layers have a parameter named " + shown_name(parameter.name));
      const auto found = shapes.find(parameter.name);
      GAVOTTE_CHECK(found != shapes.end(), "parameter " + shown_name(parameter.name) +
                                               " is missing, expected shape " +
                                               parameter.shape.to_string());
      GAVOTTE_CHECK(found->second == parameter.shape,
                    "parameter " + shown_name(parameter.name) + ": expected shape " +
                        parameter.shape.to_string() + ", got " + found->second.to_string());
    }
  }
  if (shapes.size() == wanted) return;
  for (const auto& [name, shape] : shapes)
    GAVOTTE_CHECK(expected.contains(name),
                  "parameter " + shown_name(name) + " belongs to no layer");
}

void check_parameter_values(const Graph& graph, const GraphInfo& info,
                            const std::map<std::string, Tensor>& parameters) {
  for (std::size_t i = 0; i < info.layers.size(); ++i) {
    if (graph.layers[i].quantization) {
      const std::string& name = info.layers[i].parameters[1].name;
      for (double value : values_as_double(parameters.at(name)))
        GAVOTTE_CHECK(std::isfinite(value) && value >= 0,
                      "parameter " + shown_name(name) +
                          ": expected finite scales of at least 0, got " + std::to_string(value));
    }
    if (graph.layers[i].op != LayerOp::batch_norm) continue;
    const std::string& name = info.layers[i].parameters[3].name;
    for (double value : values_as_double(parameters.at(name)))
      GAVOTTE_CHECK(std::isfinite(value) && value >= 0,
                    "parameter " + shown_name(name) +
                        ": expected finite variances of at least 0, got " + std::to_string(value));
  }
}

}  // namespace internal

Network NetworkCodec::assemble(internal::Graph graph, std::map<std::string, Tensor> parameters) {
  const internal::GraphInfo info = internal::check_graph(graph);
  std::map<std::string, Shape> shapes;
  std::set<std::string> int8;
  for (const internal::LayerInfo& layer : info.layers)
    for (const internal::ParameterInfo& parameter : layer.parameters)
      if (parameter.int8) int8.insert(parameter.name);
  for (const auto& [name, tensor] : parameters) {
    const bool wants_int8 = int8.contains(name);
    GAVOTTE_CHECK_TYPE(
        wants_int8 ? tensor.dtype() == DType::int8 : is_floating_point(tensor.dtype()),
        "parameter " + internal::shown_name(name) + ": expected " +
            (wants_int8 ? "the dtype int8" : "a floating-point dtype") + ", got " +
            std::string(gavotte::name(tensor.dtype())));
    GAVOTTE_CHECK(tensor.device().kind == DeviceKind::cpu,
                  "parameter " + internal::shown_name(name) + ": expected the host's memory, got " +
                      tensor.device().to_string());
    shapes.emplace(name, tensor.shape());
  }
  internal::check_parameters(info, shapes);
  internal::check_parameter_values(graph, info, parameters);
  Network network;
  for (std::size_t i = 0; i < info.layers.size(); ++i)
    network.channels_.emplace(graph.layers[i].name, info.layers[i].channels);
  network.dims_ = graph.dims;
  network.metadata_ = std::move(graph.metadata);
  network.layers_ = std::move(graph.layers);
  network.output_ = std::move(graph.output);
  network.parameters_ = std::move(parameters);
  return network;
}

internal::Graph NetworkCodec::graph_of(const Network& network) {
  return {network.dims_, network.metadata_, network.layers_, network.output_};
}

const Tensor& Network::parameter(const std::string& name) const {
  const auto found = parameters_.find(name);
  GAVOTTE_CHECK(found != parameters_.end(),
                "the network has no parameter " + internal::shown_name(name));
  return found->second;
}

std::int64_t Network::input_channels() const {
  GAVOTTE_CHECK(!layers_.empty(), "the network is empty: build or load one");
  return layers_.front().channels;
}

std::int64_t Network::output_channels() const { return channels(output_); }

std::int64_t Network::channels(const std::string& layer) const {
  const auto found = channels_.find(layer);
  GAVOTTE_CHECK(found != channels_.end(),
                "the network has no layer " + internal::shown_name(layer));
  return found->second;
}

std::string Network::to_string() const {
  std::int64_t values = 0;
  for (const auto& [name, tensor] : parameters_) values += tensor.shape().elements();
  std::string text = "Network(" + (metadata_.name.empty() ? "unnamed" : metadata_.name) + ", " +
                     std::to_string(layers_.size()) + " layers, " + std::to_string(values) +
                     " parameters)\n";
  for (const Layer& layer : layers_) {
    char line[160];
    std::snprintf(line, sizeof line, "  %-28.60s %-12s %5lld  ", layer.name.c_str(),
                  std::string(name(layer.op)).c_str(),
                  static_cast<long long>(channels(layer.name)));
    text += line;
    if (internal::fields_of(layer.op).spec) text += layer.spec.to_string() + "  ";
    if (layer.quantization) text += "int8 " + std::string(name(layer.quantization->scales)) + "  ";
    if (layer.op == LayerOp::activation) text += std::string(name(layer.activation)) + "  ";
    if (internal::fields_of(layer.op).pool_mode) text += std::string(name(layer.pool_mode)) + "  ";
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      text += (i > 0 ? ", " : "<- ") + layer.inputs[i];
    text += '\n';
  }
  return text + "  output: " + output_;
}

}  // namespace gavotte
