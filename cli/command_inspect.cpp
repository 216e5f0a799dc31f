// gavotte inspect: the layers of a network, what they hold and what the numbers mean.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "joined.h"
#include "network_source.h"
#include "output.h"
#include "table.h"

namespace gavotte::cli {
namespace {

struct Parameters {
  std::int64_t count = 0;
  std::int64_t bytes = 0;
};

// Parameters are named "<layer>.<what>".
std::map<std::string, Parameters> parameters_by_layer(const Network& network) {
  std::map<std::string, Parameters> by_layer;
  for (const auto& [name, tensor] : network.parameters()) {
    Parameters& layer = by_layer[name.substr(0, name.rfind('.'))];
    layer.count += tensor.shape().elements();
    layer.bytes += tensor.view().bytes();
  }
  return by_layer;
}

std::string extents(const PerAxis& values, int dims) {
  std::string text;
  for (int axis = 0; axis < dims; ++axis)
    text += (axis > 0 ? "x" : "") + std::to_string(values[axis]);
  return text;
}

// "3x3x3 strided, stride 2x2x2"; empty for a layer without a kernel.
std::string kernel_text(const Layer& layer, int dims) {
  if (layer.op != LayerOp::convolution && layer.op != LayerOp::pool) return {};
  const ConvSpec& spec = layer.spec;
  std::string text = extents(spec.kernel_size, dims) + " " + std::string(name(spec.kind));
  if (!spec.stride.all_equal(1, dims)) text += ", stride " + extents(spec.stride, dims);
  if (!spec.padding.all_equal(0, dims)) text += ", padding " + extents(spec.padding, dims);
  if (!spec.dilation.all_equal(1, dims)) text += ", dilation " + extents(spec.dilation, dims);
  if (spec.groups != 1) text += ", groups " + std::to_string(spec.groups);
  return text;
}

// The op, with what an activation or a pooling does.
std::string op_text(const Layer& layer) {
  std::string text(name(layer.op));
  if (layer.op == LayerOp::activation) text += " " + std::string(name(layer.activation));
  if (layer.quantization) text += " int8 " + std::string(name(layer.quantization->scales));
  if (layer.op == LayerOp::pool || layer.op == LayerOp::global_pool) {
    text += " " + std::string(name(layer.pool_mode));
  }
  return text;
}

// Input channels of a layer: those of all its inputs for a concatenation, of the first for the
// others.
std::int64_t input_channels(const Network& network, const Layer& layer) {
  std::int64_t channels = 0;
  for (const std::string& input : layer.inputs) {
    channels += network.channels(input);
    if (layer.op != LayerOp::concatenate) break;
  }
  return channels;
}

Json describe(const Network& network, const std::string& source) {
  Json json;
  json["network"] = source;
  const Network::Metadata& metadata = network.metadata();
  json["name"] = metadata.name;
  json["dims"] = network.dims();
  json["input_channels"] = network.input_channels();
  json["output_channels"] = network.output_channels();
  json["output"] = network.output();
  json["voxel_size_m"] = metadata.voxel_size_m[0] > 0 ? Json(metadata.voxel_size_m) : Json(nullptr);
  json["features"] = metadata.features;
  json["classes"] = metadata.classes;
  Parameters total;
  auto by_layer = parameters_by_layer(network);
  for (const auto& [name, parameters] : by_layer) {
    total.count += parameters.count;
    total.bytes += parameters.bytes;
  }
  json["parameters"] = total.count;
  json["parameter_bytes"] = total.bytes;
  json["layers"] = Json::array();
  for (const Layer& layer : network.layers()) {
    const Parameters& held = by_layer[layer.name];
    json["layers"].push_back({{"name", layer.name},
                              {"op", op_text(layer)},
                              {"kernel", kernel_text(layer, network.dims())},
                              {"inputs", layer.inputs},
                              {"in_channels", input_channels(network, layer)},
                              {"out_channels", network.channels(layer.name)},
                              {"parameters", held.count},
                              {"bytes", held.bytes}});
  }
  return json;
}

std::string listed(const Json& list) { return joined(list.get<std::vector<std::string>>()); }

std::string to_text(const Json& network) {
  std::string out = fmt::format("{}: {} axes, {} channels in, {} out, {} parameters ({})\n",
                                network["network"].get<std::string>(), network["dims"].get<int>(),
                                network["input_channels"].get<std::int64_t>(),
                                network["output_channels"].get<std::int64_t>(),
                                with_commas(network["parameters"].get<std::int64_t>()),
                                human_bytes(network["parameter_bytes"].get<double>()));
  if (!network["name"].get<std::string>().empty()) {
    out += "name: " + network["name"].get<std::string>() + "\n";
  }
  if (!network["voxel_size_m"].is_null()) {
    const auto size = network["voxel_size_m"].get<std::array<double, 3>>();
    out += fmt::format("voxel size: {:g} x {:g} x {:g} m\n", size[0], size[1], size[2]);
  }
  if (!network["features"].empty()) out += "features: " + listed(network["features"]) + "\n";
  if (!network["classes"].empty()) out += "classes: " + listed(network["classes"]) + "\n";
  Table table({{.head = "layer", .align = Align::left},
               {.head = "op", .align = Align::left},
               {.head = "kernel", .align = Align::left},
               {.head = "inputs", .align = Align::left},
               {.head = "channels"},
               {.head = "parameters"},
               {.head = "size"}});
  const auto count_or_blank = [](std::int64_t count) {
    return count > 0 ? with_commas(count) : std::string();
  };
  for (const Json& layer : network["layers"]) {
    const auto in = layer["in_channels"].get<std::int64_t>();
    const auto out_channels = layer["out_channels"].get<std::int64_t>();
    const auto parameters = layer["parameters"].get<std::int64_t>();
    table.add_row(
        {layer["name"].get<std::string>(), layer["op"].get<std::string>(),
         layer["kernel"].get<std::string>(), listed(layer["inputs"]),
         in == 0 ? std::to_string(out_channels) : fmt::format("{} -> {}", in, out_channels),
         count_or_blank(parameters),
         parameters > 0 ? human_bytes(layer["bytes"].get<double>()) : ""});
  }
  table.add_rule();
  table.add_row({fmt::format("total, {} layers", network["layers"].size()), "", "", "", "",
                 with_commas(network["parameters"].get<std::int64_t>()),
                 human_bytes(network["parameter_bytes"].get<double>())});
  return out + "\n" + table.to_string();
}

struct InspectOptions {
  NetworkSource network;
  std::string json_path;
};

}  // namespace

void add_inspect_command(Command app) {
  Command command = app.add_subcommand("inspect", "Print the layers and parameters of a network");
  auto options = std::make_shared<InspectOptions>();
  add_network_options(command, options->network);
  command
      .add_option("--json", options->json_path,
                  "Write the same as JSON to FILE, - for standard output")
      .type_name("FILE");
  command.footer(
      "Examples:\n"
      "  gavotte inspect sparse_res_unet42\n"
      "  gavotte inspect street.gavotte --json -");
  command.callback([options] {
    const Network network = open_network(options->network);
    const Json json = describe(network, options->network.name);
    if (!options->json_path.empty()) write_json(json, options->json_path);
    if (options->json_path != "-") print(to_text(json));
  });
}

}  // namespace gavotte::cli
