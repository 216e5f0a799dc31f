// gavotte predict: how long a run will take, before it is made: from a calibrated manifest, else predict_estimate.cpp.
#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>

#include "command.h"
#include "gavotte/predict.h"
#include "input_error.h"
#include "output.h"
#include "predict_options.h"
#include "scan_voxels.h"
#include "table.h"

namespace gavotte::cli {

Counts parse_counts(const std::string& option, const std::string& text) {
  Counts counts;
  const char* const end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, counts.least);
  counts.most = counts.least;
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == ':')
    read = std::from_chars(read.ptr + 1, end, counts.most);
  if (read.ec != std::errc() || read.ptr != end || counts.least < 0 || counts.most < counts.least)
    throw InputError(option + ": expected a count N, or a range LO:HI of them from 0, got '" +
                     text + "'");
  return counts;
}

std::string counted(const Counts& counts, const char* what) {
  const std::string least = with_commas(counts.least);
  return (counts.least == counts.most ? least : least + " to " + with_commas(counts.most)) + " " +
         what;
}

namespace {

/// What is asked about: a range of counts, or a scan's own sizes.
struct Question {
  std::string what;
  std::optional<Counts> voxels, points;
  std::map<std::string, std::int64_t> sizes;

  PredictedTime ask(const Predictor& predictor, std::size_t launch) const {
    if (voxels) return predictor.of_voxels(voxels->least, voxels->most, launch);
    if (points) return predictor.of_points(points->least, points->most, launch);
    return predictor.of_sizes(sizes, launch);
  }
};

std::vector<Question> scan_questions(const PredictOptions& options, const Manifest& manifest) {
  const Network network = open_network(options.input.network);
  if (network.metadata().name != manifest.run.network)
    throw InputError(fmt::format("expected the network '{}' that {} is of, got '{}'",
                                 manifest.run.network, options.manifest, network.metadata().name));
  const Executor executor(network, {.dtype = dtype_from_name(manifest.run.dtype),
                                    .threads = static_cast<int>(manifest.run.threads)});
  std::vector<Question> questions;
  for (const std::string& path : options.input.scans) {
    check_readable(path);
    const Voxels voxels = read_voxels(options.input, network, path);
    const auto threads = static_cast<int>(manifest.run.threads);
    questions.push_back({path, {}, {}, sizes_of(executor, executor.prepare(voxels, threads))});
  }
  return questions;
}

std::vector<Question> questions_of(const PredictOptions& options, const Manifest& manifest) {
  const bool of_scans = !options.input.network.name.empty();
  if (of_scans + !options.voxels.empty() + !options.points.empty() != 1 ||
      of_scans == options.input.scans.empty())
    throw InputError("expected one of --voxels, --points, or NETWORK with SCAN");
  if (of_scans) return scan_questions(options, manifest);
  Question question;
  if (!options.voxels.empty()) {
    question.voxels = parse_counts("--voxels", options.voxels);
    question.what = counted(*question.voxels, "voxels");
  } else {
    question.points = parse_counts("--points", options.points);
    question.what = counted(*question.points, "points");
  }
  return {question};
}

Json json_of(const PredictedTime& time) {
  return {
      {"us", time.us}, {"low_us", time.low_us}, {"high_us", time.high_us}, {"inside", time.inside}};
}

std::vector<std::string> row_of(const std::string& what, const PredictedTime& time) {
  return {what, fmt::format("{:.3f}", time.us / 1e3), fmt::format("{:.3f}", time.low_us / 1e3),
          fmt::format("{:.3f}", time.high_us / 1e3),
          time.inside ? "" : "outside of what was calibrated"};
}

/// Throws InputError for an option that this way of asking would not read.
void check_options(Command command, const PredictOptions& options) {
  const auto given = [&](const char* name) { return command.given(name); };
  const auto check_file = [&](const char* name, const std::string& file) {
    if (given(name) && file.empty())
      throw InputError(fmt::format("{}: expected a file, got ''", name));
  };
  check_file("--config", options.input.config);
  check_file("--device-description", options.device_description);
  const bool no_network = options.input.network.name.empty();
  for (const char* name : {"--voxel-size", "--crop", "--features", "--reduce"})
    if (given(name) && no_network)
      throw InputError(fmt::format("{}: expected with SCAN, which it makes voxels of", name));
  if (options.estimates()) return;
  for (const char* name : {"--channels", "--classes", "--seed"})
    if (given(name) && no_network) throw InputError(fmt::format("{}: expected with NETWORK", name));
  for (const char* name : {"--dtype", "--threads"})
    if (given(name))
      throw InputError(fmt::format(
          "{}: expected with --config or --device-description, where no manifest says it", name));
}

void run(Command command, const PredictOptions& options) {
  check_options(command, options);
  if (options.estimates()) return run_estimate(options);
  check_readable(options.manifest);
  const Manifest manifest =
      with_input(options.manifest, [&] { return Manifest::load(options.manifest); });
  const Predictor predictor = with_input(options.manifest, [&] { return Predictor(manifest); });
  const std::vector<Question> questions = questions_of(options, manifest);

  Table table({{.head = "", .align = Align::left},
               {.head = "predicted", .unit = "ms"},
               {.head = "low", .unit = "ms"},
               {.head = "high", .unit = "ms"},
               {.head = "", .align = Align::left}});
  Json report = {{"manifest", options.manifest},    {"network", manifest.run.network},
                 {"device", manifest.device.name},  {"dtype", manifest.run.dtype},
                 {"threads", manifest.run.threads}, {"level", predictor.level()},
                 {"predictions", Json::array()}};
  for (const Question& question : questions) {
    const PredictedTime time =
        with_input(question.what, [&] { return question.ask(predictor, Predictor::kRun); });
    Json entry = json_of(time);
    entry["of"] = question.what;
    table.add_row(row_of(question.what, time));
    if (options.launches) {
      entry["launches"] = Json::array();
      for (const manifest::Launch& launch : manifest.launches) {
        const PredictedTime part = question.ask(predictor, static_cast<std::size_t>(launch.seq));
        const std::string name = launch.op.substr(0, launch.op.find('+'));
        table.add_row(row_of(
            fmt::format("  {} {} {}", launch.seq, name, short_layer_name(launch.layer)), part));
        Json row = json_of(part);
        row["key"] = launch.kernel.key;
        entry["launches"].push_back(std::move(row));
      }
    }
    report["predictions"].push_back(std::move(entry));
  }
  if (options.input.json_path != "-")
    print(
        fmt::format("{}, {}, threads {}, {}: of {:.0f} % of such scans the time lies from low to "
                    "high\n\n{}",
                    manifest.run.network, manifest.run.dtype, manifest.run.threads,
                    manifest.device.name, 100 * predictor.level(), table.to_string()));
  if (!options.input.json_path.empty()) write_json(report, options.input.json_path);
}

}  // namespace

void add_predict_command(Command app) {
  Command command = app.add_subcommand(
      "predict",
      "Say how long a run will take, from a manifest of several scans or by a device's cost model");
  auto options = std::make_shared<PredictOptions>();
  command
      .add_option("MANIFEST", options->manifest,
                  "Of gavotte manifest, calibrated on three scans or more; with --config or "
                  "--device-description NETWORK is first")
      .required()
      .type_name("");
  add_network_options(command, options->input.network);
  command.option("NETWORK").required(false);
  add_scan_options(command, options->input);
  command.option("SCAN").required(false);
  const std::string unmeasured = "A network that was not measured";
  command
      .add_option("--config", options->input.config,
                  "Estimate by the cost model of this file, which gavotte tune wrote")
      .type_name("FILE")
      .group(unmeasured);
  command
      .add_option("--device-description", options->device_description,
                  "Estimate by the peaks of the GPU that this JSON describes; not calibrated")
      .type_name("FILE")
      .group(unmeasured);
  command
      .add_option("--dtype", options->input.dtype,
                  "Of features and weights: float16, bfloat16, float32, float64 [float32]")
      .one_of({"float16", "bfloat16", "float32", "float64"})
      .type_name("DTYPE")
      .group(unmeasured);
  add_threads_option(command, options->input, unmeasured);
  const std::string group = "Instead of scans";
  command
      .add_option("--voxels", options->voxels, "The network's input has so many voxels: N or LO:HI")
      .type_name("COUNT")
      .group(group);
  command.add_option("--points", options->points, "The scan has so many points: N or LO:HI")
      .type_name("COUNT")
      .group(group);
  const std::string output = "Output";
  command.add_flag("--launches", options->launches, "Each launch, or each part of a run, as well")
      .group(output);
  command
      .add_option("--json", options->input.json_path,
                  "Write the predictions as JSON to FILE, - for standard output alone")
      .type_name("FILE")
      .group(output);
  command.footer(
      "Of a scan the coordinates and maps are counted, nothing is multiplied. docs/predict.md says "
      "what a band\n"
      "promises.\n"
      "\n"
      "Examples:\n"
      "  gavotte manifest street drive-*.pcd -o m.json\n"
      "  gavotte predict m.json --voxels 30000:40000\n"
      "  gavotte predict m.json street next.pcd --launches\n"
      "  gavotte predict street --config device.json --voxels 30000:40000\n"
      "  gavotte predict street --device-description h200.json --dtype float16 drive-*.pcd\n"
      "\n"
      "Exit codes: 0 done; 1 internal error; 2 bad input or usage.");
  command.callback([command, options] { run(command, *options); });
}

}  // namespace gavotte::cli
