// gavotte predict of a network that was not measured: by a device config's cost model, or by the peaks of a GPU.
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "gavotte/estimate.h"
#include "gavotte/predict.h"
#include "input_error.h"
#include "output.h"
#include "predict_options.h"
#include "scan_voxels.h"
#include "table.h"

namespace gavotte::cli {
namespace {

using NamedSizes = std::map<std::string, std::int64_t>;

struct Question {
  std::string what;
  std::function<EstimatedRun(const Estimator&)> ask;
};

/// What each scan's coordinates and maps count, with its points.
std::vector<NamedSizes> sizes_of_scans(const PredictOptions& options, const Network& network,
                                       const std::vector<std::string>& scans) {
  std::vector<NamedSizes> all;
  if (scans.empty()) return all;
  const Executor executor(network, {.threads = 1});
  for (const std::string& path : scans) {
    check_readable(path);
    const Voxels voxels = read_voxels(options.input, network, path);
    NamedSizes sizes = sizes_of(executor, executor.prepare(voxels, 1));
    sizes["points"] = voxels.points();
    all.push_back(std::move(sizes));
  }
  return all;
}

std::string milliseconds(double us) {
  return std::isfinite(us) ? fmt::format("{:.3f}", us / 1e3) : "unknown";
}

Json json_of(const EstimatedTime& time) {
  Json json = {{"us", time.us}, {"low_us", time.low_us}, {"how", time.how}};
  json["high_us"] = std::isfinite(time.high_us) ? Json(time.high_us) : Json(nullptr);
  return json;
}

void add_row(Table& table, const std::string& what, const EstimatedTime& time) {
  table.add_row(
      {what, milliseconds(time.us), milliseconds(time.low_us), milliseconds(time.high_us)});
}

std::string text_of(const PredictOptions& options, const Estimator& estimator,
                    const std::string& network, const std::string& table) {
  const bool by_config = estimator.source() == EstimateSource::cost_model;
  return fmt::format("{}, {}, {}: estimated {}; nothing of this network was measured\n{}{}\n\n{}",
                     network, options.input.dtype, estimator.device(),
                     by_config ? "by the cost model of " + options.input.config
                               : "by the peaks of " + options.device_description,
                     by_config ? "low and high: the band of nine in ten of the config's own layers"
                               : "low: the peaks alone; high: not calibrated, nobody knows",
                     options.voxels.empty() && options.points.empty()
                         ? ""
                         : "\nsizes of coordinate sets and maps: by " + estimator.sizes_from(),
                     table);
}

Estimator estimator_of(const PredictOptions& options, const Network& network,
                       std::vector<NamedSizes> scans) {
  const RunOptions& input = options.input;
  const EstimateOptions how = {dtype_from_name(input.dtype), input.threads, std::move(scans)};
  if (!options.device_description.empty()) {
    check_readable(options.device_description);
    return with_input(options.device_description, [&] {
      return Estimator::of_description(network, options.device_description, how);
    });
  }
  check_readable(input.config);
  return with_input(input.config, [&] {
    return Estimator::of_config(network, DeviceConfig::load(input.config), how);
  });
}

}  // namespace

void run_estimate(const PredictOptions& options) {
  NetworkSource source = options.input.network;
  source.name = options.manifest;
  std::vector<std::string> scans =
      options.input.scans;  // the second positional is the first of them
  if (!options.input.network.name.empty()) scans.insert(scans.begin(), options.input.network.name);
  if (!options.input.config.empty() && !options.device_description.empty())
    throw InputError("--device-description: expected it or --config, got both");
  const bool counts = !options.voxels.empty() || !options.points.empty();
  if (!options.voxels.empty() && !options.points.empty())
    throw InputError("--points: expected it or --voxels, got both");
  if (!counts && scans.empty()) throw InputError("expected --voxels, --points, or SCAN");
  if (counts && !scans.empty() && scans.size() < 3)
    throw InputError(fmt::format(
        "expected at least 3 SCAN with --voxels or --points, which sizes follow from, got {}",
        scans.size()));
  const Network network = open_network(source);
  std::vector<NamedSizes> sizes = sizes_of_scans(options, network, scans);
  std::vector<Question> questions;
  if (!options.voxels.empty()) {
    const Counts asked = parse_counts("--voxels", options.voxels);
    questions.push_back({counted(asked, "voxels"), [asked](const Estimator& estimator) {
                           return estimator.of_voxels(asked.least, asked.most);
                         }});
  } else if (!options.points.empty()) {
    const Counts asked = parse_counts("--points", options.points);
    questions.push_back({counted(asked, "points"), [asked](const Estimator& estimator) {
                           return estimator.of_points(asked.least, asked.most);
                         }});
  } else {
    for (std::size_t i = 0; i < scans.size(); ++i)
      questions.push_back({scans[i], [of = sizes[i]](const Estimator& estimator) {
                             return estimator.of_sizes(of);
                           }});
    sizes.clear();
  }
  const Estimator estimator = estimator_of(options, network, std::move(sizes));

  Table table({{.head = "", .align = Align::left},
               {.head = "estimated", .unit = "ms"},
               {.head = "low", .unit = "ms"},
               {.head = "high", .unit = "ms"}});
  Json report = {{"network", network.metadata().name},   {"device", estimator.device()},
                 {"dtype", options.input.dtype},         {"source", name(estimator.source())},
                 {"sizes_from", estimator.sizes_from()}, {"predictions", Json::array()}};
  for (const Question& question : questions) {
    const EstimatedRun run = with_input(question.what, [&] { return question.ask(estimator); });
    Json entry = json_of(run.run);
    entry["of"] = question.what;
    add_row(table, question.what, run.run);
    if (options.launches) {
      entry["layers"] = Json::array();
      for (const EstimatedTime& part : run.parts) {
        add_row(table,
                fmt::format("  {} {}", part.op.substr(0, part.op.find('+')),
                            short_layer_name(part.layer)),
                part);
        Json row = json_of(part);
        row["layer"] = part.layer;
        row["op"] = part.op;
        entry["layers"].push_back(std::move(row));
      }
    }
    report["predictions"].push_back(std::move(entry));
  }
  if (options.input.json_path != "-")
    print(text_of(options, estimator, network.metadata().name, table.to_string()));
  if (!options.input.json_path.empty()) write_json(report, options.input.json_path);
}

}  // namespace gavotte::cli
