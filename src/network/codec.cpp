// Graph <-> JSON. Decoding accepts what docs/network.schema.json describes and nothing else.
#include "network/codec.h"

#include <algorithm>
#include <limits>

#include "check.h"
#include "network/json.h"

namespace gavotte::internal {

namespace {

constexpr std::size_t kMaxNames = 1 << 16;

constexpr std::initializer_list<LayerOp> kOps = {
    LayerOp::input, LayerOp::convolution, LayerOp::linear, LayerOp::batch_norm, LayerOp::activation,
    LayerOp::add,   LayerOp::concatenate, LayerOp::pool,   LayerOp::global_pool};
constexpr std::initializer_list<ConvKind> kKinds = {ConvKind::submanifold, ConvKind::strided,
                                                    ConvKind::transposed, ConvKind::inverse,
                                                    ConvKind::generative};
constexpr std::initializer_list<CoordinateRule> kRules = {
    CoordinateRule::window, CoordinateRule::floor, CoordinateRule::torchsparse};
constexpr std::initializer_list<OffsetOrder> kOrders = {
    OffsetOrder::last_axis_fastest, OffsetOrder::first_axis_fastest, OffsetOrder::torchsparse};
constexpr std::initializer_list<WeightLayout> kLayouts = {WeightLayout::kio, WeightLayout::oki};
constexpr std::initializer_list<Activation> kActivations = {
    Activation::relu, Activation::leaky_relu, Activation::sigmoid};
constexpr std::initializer_list<PoolMode> kPoolModes = {
    PoolMode::max, PoolMode::sum, PoolMode::average_present, PoolMode::average_volume};

constexpr std::initializer_list<ActivationScales> kScales = {ActivationScales::static_tensor,
                                                             ActivationScales::dynamic_tensor,
                                                             ActivationScales::dynamic_row};

/// The enumerator of that name; the message lists the legal ones.
template <class E>
E to_enum(const Json& value, std::initializer_list<E> all, const std::string& where) {
  const std::string& text = to_text(value, where);
  std::string legal;
  for (E candidate : all) {
    if (text == name(candidate)) return candidate;
    legal += (legal.empty() ? "" : ", ") + std::string(name(candidate));
  }
  GAVOTTE_CHECK(false, where + ": expected one of " + legal + ", got " + shown_name(text));
  return *all.begin();
}

Json encode(const PerAxis& value) {
  if (value.count() == 0) return value[0];
  Json array = Json::array();
  for (int axis = 0; axis < value.count(); ++axis) array.push_back(value[axis]);
  return array;
}

PerAxis decode_per_axis(const Json& value, int dims, const std::string& where) {
  constexpr std::int64_t kHighest = std::numeric_limits<std::int32_t>::max();
  if (value.is_number()) return static_cast<std::int32_t>(to_integer(value, 0, kHighest, where));
  const Json& array = to_array(value, kMaxDims, where);
  GAVOTTE_CHECK(array.size() == static_cast<std::size_t>(dims),
                where + ": expected an integer or " + std::to_string(dims) + " of them, got " +
                    std::to_string(array.size()));
  std::array<std::int32_t, kMaxDims> values = {};
  for (std::size_t i = 0; i < array.size(); ++i)
    values[i] = static_cast<std::int32_t>(to_integer(array[i], 0, kHighest, where));
  return PerAxis::from(values.data(), dims);
}

Json encode(const ConvSpec& spec, bool pool) {
  Json json = {{"kind", name(spec.kind)},           {"kernel_size", encode(spec.kernel_size)},
               {"stride", encode(spec.stride)},     {"padding", encode(spec.padding)},
               {"dilation", encode(spec.dilation)}, {"output_padding", encode(spec.output_padding)},
               {"rule", name(spec.rule)},           {"offset_order", name(spec.offset_order)}};
  if (!pool) json["groups"] = spec.groups;
  if (!pool) json["weight_layout"] = name(spec.weight_layout);
  if (spec.spatial_shape) json["spatial_shape"] = encode(*spec.spatial_shape);
  return json;
}

ConvSpec decode_spec(const Json& json, int dims, bool pool, const std::string& where) {
  to_object(json, where);
  if (pool) {
    check_keys(json,
               {"kind", "kernel_size", "stride", "padding", "dilation", "output_padding", "rule",
                "offset_order", "spatial_shape"},
               where);
  } else {
    check_keys(json,
               {"kind", "kernel_size", "stride", "padding", "dilation", "output_padding", "rule",
                "offset_order", "spatial_shape", "groups", "weight_layout"},
               where);
  }
  ConvSpec spec;
  spec.kind = to_enum(member(json, "kind", where), kKinds, where + ".kind");
  spec.kernel_size =
      decode_per_axis(member(json, "kernel_size", where), dims, where + ".kernel_size");
  const auto per_axis = [&](const char* key, PerAxis& value) {
    if (json.contains(key)) value = decode_per_axis(json[key], dims, where + "." + key);
  };
  per_axis("stride", spec.stride);
  per_axis("padding", spec.padding);
  per_axis("dilation", spec.dilation);
  per_axis("output_padding", spec.output_padding);
  if (json.contains("spatial_shape"))
    spec.spatial_shape = decode_per_axis(json["spatial_shape"], dims, where + ".spatial_shape");
  if (json.contains("rule")) spec.rule = to_enum(json["rule"], kRules, where + ".rule");
  if (json.contains("offset_order"))
    spec.offset_order = to_enum(json["offset_order"], kOrders, where + ".offset_order");
  if (json.contains("weight_layout"))
    spec.weight_layout = to_enum(json["weight_layout"], kLayouts, where + ".weight_layout");
  if (json.contains("groups"))
    spec.groups = static_cast<int>(to_integer(json["groups"], 1, kMaxChannels, where + ".groups"));
  return spec;
}

Json encode(const LayerQuantization& quantization) {
  Json json = {{"scales", name(quantization.scales)}, {"non_negative", quantization.non_negative}};
  if (quantization.scales == ActivationScales::static_tensor)
    json["input_scale"] = quantization.input_scale;
  return json;
}

LayerQuantization decode_quantization(const Json& json, const std::string& where) {
  to_object(json, where);
  check_keys(json, {"scales", "non_negative", "input_scale"}, where);
  LayerQuantization quantization;
  quantization.scales = to_enum(member(json, "scales", where), kScales, where + ".scales");
  quantization.non_negative = to_bool(member(json, "non_negative", where), where + ".non_negative");
  if (json.contains("input_scale"))
    quantization.input_scale = to_number(json["input_scale"], where + ".input_scale");
  return quantization;
}

Json encode(const Layer& layer) {
  const LayerFields fields = fields_of(layer.op);
  Json json = {{"name", layer.name}, {"op", name(layer.op)}};
  if (layer.op != LayerOp::input) json["inputs"] = layer.inputs;
  if (fields.spec) json["spec"] = encode(layer.spec, layer.op == LayerOp::pool);
  if (fields.channels) json["channels"] = layer.channels;
  if (fields.bias) json["bias"] = layer.bias;
  if (fields.epsilon) json["epsilon"] = layer.epsilon;
  if (fields.activation) json["activation"] = name(layer.activation);
  if (fields.activation && layer.activation == Activation::leaky_relu)
    json["negative_slope"] = layer.negative_slope;
  if (fields.pool_mode) json["mode"] = name(layer.pool_mode);
  if (layer.quantization) json["quantization"] = encode(*layer.quantization);
  return json;
}

void check_layer_keys(const Json& json, LayerOp op, std::int64_t version,
                      const std::string& where) {
  GAVOTTE_CHECK(version > 1 || !json.contains("quantization"),
                where + ": 'quantization' needs version 2, the file has 1");
  switch (op) {
    case LayerOp::input:
      return check_keys(json, {"name", "op", "channels"}, where);
    case LayerOp::convolution:
      return check_keys(json, {"name", "op", "inputs", "spec", "channels", "bias", "quantization"},
                        where);
    case LayerOp::linear:
      return check_keys(json, {"name", "op", "inputs", "channels", "bias", "quantization"}, where);
    case LayerOp::batch_norm:
      return check_keys(json, {"name", "op", "inputs", "epsilon"}, where);
    case LayerOp::activation:
      return check_keys(json, {"name", "op", "inputs", "activation", "negative_slope"}, where);
    case LayerOp::add:
    case LayerOp::concatenate:
      return check_keys(json, {"name", "op", "inputs"}, where);
    case LayerOp::pool:
      return check_keys(json, {"name", "op", "inputs", "spec", "mode"}, where);
    case LayerOp::global_pool:
      return check_keys(json, {"name", "op", "inputs", "mode"}, where);
  }
}

Layer decode_layer(const Json& json, int dims, std::int64_t version, std::size_t index) {
  std::string where = "layers[" + std::to_string(index) + "]";
  to_object(json, where);
  Layer layer;
  layer.name = to_text(member(json, "name", where), where + ".name");
  where = "layer " + shown_name(layer.name);
  layer.op = to_enum(member(json, "op", where), kOps, where + ".op");
  check_layer_keys(json, layer.op, version, where);
  const LayerFields fields = fields_of(layer.op);
  if (layer.op != LayerOp::input) {
    for (const Json& input :
         to_array(member(json, "inputs", where), kMaxLayerInputs, where + ".inputs"))
      layer.inputs.push_back(to_text(input, where + ".inputs"));
  }
  if (fields.spec)
    layer.spec =
        decode_spec(member(json, "spec", where), dims, layer.op == LayerOp::pool, where + ".spec");
  if (fields.channels)
    layer.channels =
        to_integer(member(json, "channels", where), 1, kMaxChannels, where + ".channels");
  if (json.contains("bias")) layer.bias = to_bool(json["bias"], where + ".bias");
  if (json.contains("epsilon")) layer.epsilon = to_number(json["epsilon"], where + ".epsilon");
  if (fields.activation)
    layer.activation =
        to_enum(member(json, "activation", where), kActivations, where + ".activation");
  if (json.contains("negative_slope"))
    layer.negative_slope = to_number(json["negative_slope"], where + ".negative_slope");
  if (fields.pool_mode)
    layer.pool_mode = to_enum(member(json, "mode", where), kPoolModes, where + ".mode");
  if (json.contains("quantization"))
    layer.quantization = decode_quantization(json["quantization"], where + ".quantization");
  return layer;
}

}  // namespace

std::string encode_graph(const Graph& graph) {
  const bool quantized = std::any_of(graph.layers.begin(), graph.layers.end(),
                                     [](const Layer& layer) { return layer.quantization; });
  Json json = {{"format", kFormatName},
               {"version", quantized ? 2 : 1},
               {"dims", graph.dims},
               {"output", graph.output}};
  json["layers"] = Json::array();
  for (const Layer& layer : graph.layers) json["layers"].push_back(encode(layer));
  const Network::Metadata& metadata = graph.metadata;
  if (!metadata.name.empty()) json["name"] = metadata.name;
  if (metadata.voxel_size_m != std::array<double, 3>{})
    json["voxel_size_m"] = metadata.voxel_size_m;
  if (!metadata.features.empty()) json["features"] = metadata.features;
  if (!metadata.classes.empty()) json["classes"] = metadata.classes;
  return dump_json(json, "the network");
}

Graph decode_graph(std::string_view text) {
  const std::string where = "the graph";
  const Json json = parse_json(text, where);
  to_object(json, where);
  const std::string& format = to_text(member(json, "format", where), "format");
  GAVOTTE_CHECK(format == kFormatName,
                "format: expected '" + std::string(kFormatName) + "', got " + shown_name(format));
  const std::int64_t version = to_integer(member(json, "version", where), 1,
                                          std::numeric_limits<std::int32_t>::max(), "version");
  GAVOTTE_CHECK(version <= kFormatVersion, "version: this library reads versions 1 to " +
                                               std::to_string(kFormatVersion) + ", the file has " +
                                               std::to_string(version));
  check_keys(json,
             {"format", "version", "dims", "output", "layers", "name", "voxel_size_m", "features",
              "classes"},
             where);
  Graph graph;
  graph.dims = static_cast<int>(to_integer(member(json, "dims", where), 1, kMaxDims, "dims"));
  graph.output = to_text(member(json, "output", where), "output");
  if (json.contains("name")) graph.metadata.name = to_text(json["name"], "name");
  if (json.contains("voxel_size_m")) {
    const Json& edges = to_array(json["voxel_size_m"], 3, "voxel_size_m");
    GAVOTTE_CHECK(edges.size() == 3,
                  "voxel_size_m: expected 3 numbers, got " + std::to_string(edges.size()));
    for (std::size_t i = 0; i < 3; ++i)
      graph.metadata.voxel_size_m[i] = to_number(edges[i], "voxel_size_m");
  }
  const auto names = [&](const char* key) {
    std::vector<std::string> texts;
    if (json.contains(key))
      for (const Json& text : to_array(json[key], kMaxNames, key))
        texts.push_back(to_text(text, key));
    return texts;
  };
  graph.metadata.features = names("features");
  graph.metadata.classes = names("classes");
  const Json& layers =
      to_array(member(json, "layers", where), static_cast<std::size_t>(kMaxLayers), "layers");
  for (std::size_t i = 0; i < layers.size(); ++i)
    graph.layers.push_back(decode_layer(layers[i], graph.dims, version, i));
  return graph;
}

}  // namespace gavotte::internal
