// gavotte quantize: a network in, the same with int8 layers out, and what that does to its
// features.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "command.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/quantization.h"
#include "input_error.h"
#include "output.h"
#include "progress.h"
#include "run_options.h"
#include "scan_voxels.h"
#include "table.h"

namespace gavotte::cli {
namespace {

struct QuantizeCommandOptions {
  RunOptions input;  // what a scan becomes; the network
  std::string output, activations = "tensor", scales = "static";
  std::vector<std::string> keep;
  bool ends = false;
};

ActivationScales activation_scales(const QuantizeCommandOptions& options) {
  if (options.activations == "tensor")
    return options.scales == "static" ? ActivationScales::static_tensor
                                      : ActivationScales::dynamic_tensor;
  if (options.scales == "static")
    throw InputError(
        "--activations row: expected --scales dynamic, since voxels differ from scan to scan; got "
        "static");
  return ActivationScales::dynamic_row;
}

std::string report_text(const QuantizeCommandOptions& options, const QuantizationReport& report) {
  Table table({{.head = "layer", .align = Align::left},
               {.head = "kernel", .align = Align::left},
               {.head = "error", .unit = "%"}});
  for (const auto& layer : report.layers)
    table.add_row({layer.name, layer.kernel, fmt::format("{:.2f}", 100 * layer.error)});
  table.add_rule();
  table.add_row({"output", "", fmt::format("{:.2f}", 100 * report.error)});
  return fmt::format(
             "{}: int8, error against float32 over {} scans of {} voxels: sum |difference| / sum "
             "|float32|\n\n",
             options.output, options.input.scans.size(), with_commas(report.voxels)) +
         table.to_string();
}

Json report_json(const QuantizeCommandOptions& options, const QuantizationReport& report) {
  Json json = {{"network", options.input.network.name},
               {"output", options.output},
               {"scales", name(activation_scales(options))},
               {"dtype", options.input.dtype},
               {"scans", options.input.scans},
               {"voxels", report.voxels},
               {"error", report.error}};
  json["layers"] = Json::array();
  for (const auto& layer : report.layers)
    json["layers"].push_back(
        {{"name", layer.name}, {"kernel", layer.kernel}, {"error", layer.error}});
  return json;
}

void run(const QuantizeCommandOptions& options) {
  QuantizeOptions how;
  how.scales = activation_scales(options);
  how.keep = options.keep;
  how.ends = options.ends;
  how.threads = options.input.threads;
  const Network network = open_network(options.input.network);
  for (const std::string& scan : options.input.scans) {
    check_readable(scan);
    with_input(scan, [&] { return point_format(scan); });
  }
  check_writable(options.output);
  const std::string& json = options.input.json_path;
  if (!json.empty() && json != "-") check_writable(json);

  Progress progress(options.input.quiet);
  std::vector<Voxels> scans;
  for (const std::string& path : options.input.scans) {
    progress.begin(path + ": reading");
    scans.push_back(read_voxels(options.input, network, path));
  }
  const auto advance = [&](int done, int total) { progress.advance(done, total); };
  how.progress = advance;
  progress.begin("calibration");
  const bool calibrated = how.scales == ActivationScales::static_tensor;
  const Network quantized = quantize(network, calibrated ? scans : std::vector<Voxels>{}, how);
  progress.begin("comparison with float32");
  const QuantizationReport report = quantization_error(
      network, quantized, scans, dtype_from_name(options.input.dtype), how.threads, advance);
  with_input(options.output, [&] { quantized.save(options.output); });
  progress.clear();
  if (json != "-") print(report_text(options, report));
  if (!json.empty()) write_json(report_json(options, report), json);
}

}  // namespace

void add_quantize_command(Command app) {
  Command command = app.add_subcommand("quantize", "Make a network int8, calibrated on scans");
  auto options = std::make_shared<QuantizeCommandOptions>();
  add_network_options(command, options->input.network);
  add_scan_options(command, options->input);
  const std::string how = "How it becomes int8";
  command
      .add_option("--activations", options->activations,
                  "What has a scale of its own: tensor (a layer's input) or row (a voxel) [tensor]")
      .one_of({"tensor", "row"})
      .type_name("KIND")
      .group(how);
  command
      .add_option("--scales", options->scales,
                  "static: calibrated on the scans; dynamic: found in each run, slower [static]")
      .one_of({"static", "dynamic"})
      .type_name("KIND")
      .group(how);
  command.add_option("--keep", options->keep, "Layers that stay as they are")
      .type_name("LAYER")
      .group(how);
  command
      .add_flag("--ends", options->ends,
                "The first and the last layer become int8 too: little time, most of the error")
      .group(how);
  command
      .add_option("--dtype", options->input.dtype,
                  "Of features that are not bytes, in the comparison: float16, bfloat16, float32 "
                  "[float32]")
      .one_of({"float16", "bfloat16", "float32"})
      .type_name("DTYPE")
      .group(how);
  add_threads_option(command, options->input, how);
  const std::string output = "Output";
  command.add_option("-o,--output", options->output, "The int8 network file")
      .required()
      .type_name("FILE")
      .group(output);
  command
      .add_option("--json", options->input.json_path,
                  "Write the report as JSON to FILE, - for standard output")
      .type_name("FILE")
      .group(output);
  command.add_flag("-q,--quiet", options->input.quiet, "No progress").group(output);
  command.footer(
      "Weights get a scale for each output channel. The table shows each layer's error with those "
      "of "
      "all layers\n"
      "before it, on the scans that were given; other scans of the same kind tell more.\n"
      "\n"
      "Examples:\n"
      "  gavotte quantize street scans/*.pcd -o street-int8.gavotte\n"
      "  gavotte quantize street scans/*.pcd -o s.gavotte --activations row --scales dynamic\n"
      "  gavotte run street-int8.gavotte street.pcd --dtype bfloat16\n"
      "\n"
      "Exit codes: 0 done; 1 internal error; 2 bad input or usage.");
  command.callback([options] { run(*options); });
}

}  // namespace gavotte::cli
