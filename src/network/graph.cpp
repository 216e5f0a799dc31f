// The checks of a network's graph: names, order, attributes, channels, coordinate sets.
#include "network/graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "check.h"

namespace gavotte::internal {

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == '/';
}

void check_name(const std::string& name) {
  GAVOTTE_CHECK(!name.empty() && name.size() <= kMaxNameBytes &&
                    std::all_of(name.begin(), name.end(), is_name_character),
                "the name of a layer has 1 to " + std::to_string(kMaxNameBytes) +
                    " of the characters a-z A-Z 0-9 _ . - /, got " + shown_name(name));
}

/// "layer 'x' (convolution): "
std::string about(const Layer& layer) {
  return "layer " + shown_name(layer.name) + " (" + std::string(name(layer.op)) + "): ";
}

/// A field without meaning for the operation must keep its default: nothing is accepted and ignored.
void check_fields(const Layer& layer) {
  static const Layer kDefault;
  const LayerFields fields = fields_of(layer.op);
  const auto refuse = [&](bool meaningful, bool same, const char* field) {
    GAVOTTE_CHECK(meaningful || same,
                  about(layer) + "'" + field + "' has no meaning for this operation");
  };
  refuse(fields.spec, layer.spec == kDefault.spec, "spec");
  refuse(fields.channels, layer.channels == kDefault.channels, "channels");
  refuse(fields.bias, layer.bias == kDefault.bias, "bias");
  refuse(fields.epsilon, layer.epsilon == kDefault.epsilon, "epsilon");
  refuse(fields.activation, layer.activation == kDefault.activation, "activation");
  refuse(fields.activation && layer.activation == Activation::leaky_relu,
         layer.negative_slope == kDefault.negative_slope, "negative_slope");
  refuse(fields.pool_mode, layer.pool_mode == kDefault.pool_mode, "pool_mode");
  refuse(fields.quantization, !layer.quantization, "quantization");
}

void check_values(const Layer& layer, int dims) {
  const LayerFields fields = fields_of(layer.op);
  if (fields.channels) {
    GAVOTTE_CHECK(layer.channels >= 1 && layer.channels <= kMaxChannels,
                  about(layer) + "expected 1 to " + std::to_string(kMaxChannels) +
                      " channels, got " + std::to_string(layer.channels));
  }
  if (fields.epsilon) {
    GAVOTTE_CHECK(
        std::isfinite(layer.epsilon) && layer.epsilon > 0 && layer.epsilon <= 1,
        about(layer) + "expected an epsilon in (0, 1], got " + std::to_string(layer.epsilon));
  }
  if (fields.activation) {
    GAVOTTE_CHECK(layer.activation != Activation::none,
                  about(layer) + "expected an activation, got 'none'");
    GAVOTTE_CHECK(std::isfinite(layer.negative_slope) && std::abs(layer.negative_slope) <= 1e6,
                  about(layer) + "expected a negative_slope in [-1e6, 1e6], got " +
                      std::to_string(layer.negative_slope));
  }
  if (layer.quantization) {
    const double scale = layer.quantization->input_scale;
    const bool is_static = layer.quantization->scales == ActivationScales::static_tensor;
    // A normal float32, and so is its inverse.
    GAVOTTE_CHECK(is_static ? scale >= 1e-30 && scale <= 1e30 : scale == 0,
                  about(layer) +
                      (is_static ? "expected an input_scale in [1e-30, 1e30], got "
                                 : "expected no input_scale beside dynamic scales, got ") +
                      std::to_string(scale));
  }
  if (layer.op == LayerOp::global_pool) {
    GAVOTTE_CHECK(
        layer.pool_mode != PoolMode::average_volume,
        about(layer) + "'average_volume' has no meaning over a batch entry, use 'average_present'");
  }
  if (!fields.spec) return;
  try {
    layer.spec.validate(dims);
  } catch (const Error& error) {
    throw Error(error.kind(), about(layer) + error.what());
  }
  if (layer.op == LayerOp::pool) {
    GAVOTTE_CHECK(layer.spec.groups == 1 && layer.spec.weight_layout == WeightLayout::kio,
                  about(layer) + "groups and weight_layout have no meaning for a pool");
  }
}

/// How many inputs each operation takes.
void check_input_count(const Layer& layer) {
  const auto count = static_cast<std::int64_t>(layer.inputs.size());
  std::int64_t least = 1, most = 1;
  if (layer.op == LayerOp::input) least = most = 0;
  if (layer.op == LayerOp::add) least = most = 2;
  if (layer.op == LayerOp::concatenate) most = kMaxLayerInputs;
  GAVOTTE_CHECK(count >= least && count <= most,
                about(layer) + "expected " + std::to_string(least) +
                    (most > least ? " to " + std::to_string(most) : "") + " inputs, got " +
                    std::to_string(count));
}

bool strides_equal(const ConvSpec& a, const ConvSpec& b, int dims) {
  for (int axis = 0; axis < dims; ++axis)
    if (a.stride[axis] != b.stride[axis]) return false;
  return true;
}

/// True where the output coordinates are floor(input / stride), whatever the kernel.
bool floors(const ConvSpec& spec, int dims) {
  if (spec.rule != CoordinateRule::torchsparse) return spec.rule == CoordinateRule::floor;
  for (int axis = 0; axis < dims; ++axis)
    if (spec.stride[axis] != 1 && spec.stride[axis] != spec.kernel_size[axis]) return false;
  return true;
}

/// True where a strided layer keeps its input's set.
bool keeps_set(const ConvSpec& spec, int dims) {
  const bool pointwise =
      spec.kernel_volume(dims) == 1 && spec.padding.all_equal(0, dims) && !spec.spatial_shape;
  return spec.stride.all_equal(1, dims) && (floors(spec, dims) || pointwise);
}

/// True where two strided layers on one set have one output set.
bool same_output_rule(const ConvSpec& a, const ConvSpec& b, int dims) {
  if (!strides_equal(a, b, dims) || floors(a, dims) != floors(b, dims)) return false;
  if (floors(a, dims)) return true;
  for (int axis = 0; axis < dims; ++axis) {
    if (a.kernel_size[axis] != b.kernel_size[axis] || a.padding[axis] != b.padding[axis] ||
        a.dilation[axis] != b.dilation[axis])
      return false;
  }
  return a.rule == b.rule && a.spatial_shape == b.spatial_shape;
}

/// The output set of a convolution or pool on set `input`; adds it where it is new.
int output_set(const Layer& layer, int input, int dims, std::vector<SetInfo>& sets) {
  const ConvSpec& spec = layer.spec;
  const auto add = [&sets](const SetInfo& set) {
    sets.push_back(set);
    return static_cast<int>(sets.size()) - 1;
  };
  switch (spec.kind) {
    case ConvKind::submanifold:
      return input;
    case ConvKind::strided:
      if (keeps_set(spec, dims)) return input;
      for (std::size_t i = 0; i < sets.size(); ++i)
        if (sets[i].parent == input && same_output_rule(sets[i].made_by, spec, dims))
          return static_cast<int>(i);
      return add({input, spec, true});
    case ConvKind::transposed:
      if (spec.rule == CoordinateRule::window) return add({-1, spec, true});
      [[fallthrough]];
    case ConvKind::inverse: {
      const SetInfo& set = sets[static_cast<std::size_t>(input)];
      if (set.parent >= 0 && strides_equal(set.made_by, spec, dims)) return set.parent;
      GAVOTTE_CHECK(spec.rule != CoordinateRule::window,
                    about(layer) + "its input was not made by a strided layer of stride " +
                        spec.stride.to_string());
      return add({-1, spec, false});
    }
    case ConvKind::generative:
      return add({-1, spec, true});
  }
  return input;
}

Shape weight_shape(const Layer& layer, std::int64_t in_channels, int dims) {
  const ConvSpec& spec = layer.spec;
  GAVOTTE_CHECK(in_channels % spec.groups == 0 && layer.channels % spec.groups == 0,
                about(layer) + std::to_string(spec.groups) + " groups must divide the input's " +
                    std::to_string(in_channels) + " channels and the output's " +
                    std::to_string(layer.channels));
  const std::int64_t in_group = in_channels / spec.groups;
  const std::int64_t volume = spec.kernel_volume(dims);
  const Shape shape = spec.weight_layout == WeightLayout::kio
                          ? Shape{volume, in_group, layer.channels}
                          : Shape{layer.channels, volume, in_group};
  GAVOTTE_CHECK(shape.elements() <= std::numeric_limits<std::int64_t>::max() / 16,
                about(layer) + "weights " + shape.to_string() + " are too large");
  return shape;
}

std::vector<ParameterInfo> parameters_of(const Layer& layer, std::int64_t in_channels, int dims) {
  std::vector<ParameterInfo> parameters;
  if (layer.op == LayerOp::convolution)
    parameters.push_back({layer.name + ".weight", weight_shape(layer, in_channels, dims)});
  if (layer.op == LayerOp::linear)
    parameters.push_back({layer.name + ".weight", Shape{in_channels, layer.channels}});
  if (layer.quantization) {
    parameters[0].int8 = true;
    const std::int64_t products = parameters[0].shape.elements() / layer.channels;
    GAVOTTE_CHECK(products <= kMaxByteProducts, about(layer) + "an int8 layer sums at most " +
                                                    std::to_string(kMaxByteProducts) +
                                                    " products, got " + std::to_string(products));
    parameters.push_back({layer.name + ".weight_scale", Shape{layer.channels}});
  }
  if (layer.bias) parameters.push_back({layer.name + ".bias", Shape{layer.channels}});
  if (layer.op == LayerOp::batch_norm) {
    for (const char* field : {".weight", ".bias", ".running_mean", ".running_var"})
      parameters.push_back({layer.name + field, Shape{in_channels}});
  }
  return parameters;
}

void check_same_set(const Layer& layer, const LayerInfo& a, const LayerInfo& b,
                    const std::vector<SetInfo>& sets) {
  if (a.set == b.set) return;
  const bool spatial = a.set != kBatchRows && b.set != kBatchRows;
  GAVOTTE_CHECK(spatial && (!sets[static_cast<std::size_t>(a.set)].certain ||
                            !sets[static_cast<std::size_t>(b.set)].certain),
                about(layer) + "its inputs lie on different coordinate sets");
}

LayerInfo check_layer(const Layer& layer, std::vector<int> inputs, int dims, GraphInfo& info) {
  const auto input = [&](std::size_t i) -> const LayerInfo& {
    return info.layers[static_cast<std::size_t>(inputs[i])];
  };
  LayerInfo result;
  if (layer.op == LayerOp::input) {
    result.channels = layer.channels;
    return result;
  }
  result.channels = fields_of(layer.op).channels ? layer.channels : input(0).channels;
  result.set = input(0).set;
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    check_same_set(layer, input(0), input(i), info.sets);
    if (layer.op == LayerOp::concatenate) {
      result.channels += input(i).channels;
    } else {
      GAVOTTE_CHECK(input(i).channels == result.channels,
                    about(layer) + "its inputs have " + std::to_string(result.channels) + " and " +
                        std::to_string(input(i).channels) + " channels");
    }
  }
  GAVOTTE_CHECK(result.channels <= kMaxChannels,
                about(layer) + "expected at most " + std::to_string(kMaxChannels) +
                    " channels, got " + std::to_string(result.channels));
  if (layer.op == LayerOp::convolution || layer.op == LayerOp::pool ||
      layer.op == LayerOp::global_pool) {
    GAVOTTE_CHECK(result.set != kBatchRows,
                  about(layer) + "its input has no coordinates: it comes after a global pool");
    result.set = layer.op == LayerOp::global_pool ? kBatchRows
                                                  : output_set(layer, result.set, dims, info.sets);
  }
  result.parameters = parameters_of(layer, input(0).channels, dims);
  result.inputs = std::move(inputs);
  return result;
}

void check_metadata(const Network::Metadata& metadata, std::int64_t input_channels,
                    std::int64_t output_channels) {
  for (double edge : metadata.voxel_size_m)
    GAVOTTE_CHECK(std::isfinite(edge) && edge >= 0 && edge <= 1e6,
                  "voxel_size_m expects edges of 0 to 1e6 metres, got " + std::to_string(edge));
  GAVOTTE_CHECK(metadata.features.empty() ||
                    static_cast<std::int64_t>(metadata.features.size()) == input_channels,
                "expected a feature name for each of the " + std::to_string(input_channels) +
                    " input channels, got " + std::to_string(metadata.features.size()));
  GAVOTTE_CHECK(metadata.classes.empty() ||
                    static_cast<std::int64_t>(metadata.classes.size()) == output_channels,
                "expected a class name for each of the " + std::to_string(output_channels) +
                    " output channels, got " + std::to_string(metadata.classes.size()));
}

}  // namespace

std::string shown_name(std::string_view name) {
  constexpr std::size_t kShown = 80;
  std::string text = "'";
  for (char c : name.substr(0, kShown)) text += c >= 32 && c < 127 ? c : '?';
  return text + (name.size() > kShown ? "...'" : "'");
}

LayerFields fields_of(LayerOp op) noexcept {
  LayerFields fields;
  fields.spec = op == LayerOp::convolution || op == LayerOp::pool;
  fields.channels = op == LayerOp::input || op == LayerOp::convolution || op == LayerOp::linear;
  fields.bias = op == LayerOp::convolution || op == LayerOp::linear;
  fields.epsilon = op == LayerOp::batch_norm;
  fields.activation = op == LayerOp::activation;
  fields.quantization = op == LayerOp::convolution || op == LayerOp::linear;
  fields.pool_mode = op == LayerOp::pool || op == LayerOp::global_pool;
  return fields;
}

GraphInfo check_graph(const Graph& graph) {
  GAVOTTE_CHECK(graph.dims >= 1 && graph.dims <= kMaxDims,
                "a network has 1 to 4 dims, got " + std::to_string(graph.dims));
  GAVOTTE_CHECK(
      !graph.layers.empty() && static_cast<std::int64_t>(graph.layers.size()) <= kMaxLayers,
      "a network has 1 to " + std::to_string(kMaxLayers) + " layers, got " +
          std::to_string(graph.layers.size()));
  GraphInfo info;
  info.sets.push_back({});
  std::unordered_map<std::string, int> index;
  for (const Layer& layer : graph.layers) {
    check_name(layer.name);
    GAVOTTE_CHECK(!index.contains(layer.name), "two layers are named " + shown_name(layer.name));
    GAVOTTE_CHECK((layer.op == LayerOp::input) == index.empty(),
                  about(layer) + "a network has one input, and it is the first layer");
    check_fields(layer);
    check_values(layer, graph.dims);
    check_input_count(layer);
    std::vector<int> inputs;
    for (const std::string& input : layer.inputs) {
      const auto found = index.find(input);
      GAVOTTE_CHECK(found != index.end(),
                    about(layer) + "its input " + shown_name(input) + " is no earlier layer");
      inputs.push_back(found->second);
    }
    info.layers.push_back(check_layer(layer, std::move(inputs), graph.dims, info));
    index.emplace(layer.name, static_cast<int>(index.size()));
  }
  const auto output = index.find(graph.output);
  GAVOTTE_CHECK(output != index.end(),
                "the output " + shown_name(graph.output) + " is no layer of the network");
  info.output = output->second;
  check_metadata(graph.metadata, info.layers.front().channels,
                 info.layers[static_cast<std::size_t>(info.output)].channels);
  return info;
}

}  // namespace gavotte::internal
