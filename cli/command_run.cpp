// gavotte run: scans in, labels and a table per layer out.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "command.h"
#include "gavotte/datasets/palette.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/datasets/writers.h"
#include "gavotte/executor.h"
#include "input_error.h"
#include "point_features.h"
#include "point_labels.h"
#include "progress.h"
#include "run_options.h"
#include "run_report.h"

namespace gavotte::cli {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// What stays the same over all scans of a run.
struct Job {
  const RunOptions& options;
  const Network& network;
  VoxelizeOptions voxelize;
  std::vector<std::string> features;  // names, or none: the rule of point_features.h
  Palette palette;
  Executor& executor;
  Progress& progress;
};

Palette palette_of(const Network& network) {
  const auto& names = network.metadata().classes;
  for (Palette known : {Palette::street(), Palette::room()})
    if (known.names == names) return known;
  Palette palette = Palette::distinct(network.output_channels());
  if (names.size() == palette.names.size()) palette.names = names;
  return palette;
}

Voxels voxelize_scan(const Job& job, const PointFeatures& features, ScanReport& report) {
  const auto start = Clock::now();
  Voxels voxels = with_input(report.path, [&] {
    return voxelize(features.cloud.view(), job.voxelize, {.threads = job.options.threads});
  });
  report.voxelize_ms = ms_since(start);
  report.voxels = voxels.size();
  report.voxel_size_m = voxels.voxel_size_m;
  report.dropped_nonfinite = voxels.dropped_nonfinite;
  report.cropped = voxels.dropped_out_of_range;
  report.dropped_out_of_int32 = voxels.dropped_out_of_int32;
  if (voxels.size() == 0) {
    throw InputError(report.path + ": expected at least one finite point" +
                     (job.voxelize.range ? " inside --crop" : "") + ", got none of " +
                     std::to_string(report.points) + (job.voxelize.range ? "; widen --crop" : ""));
  }
  return voxels;
}

// Runs the warm-up and the timed rounds; the result is the last round's.
Result run_rounds(const Job& job, const Voxels& voxels, ScanReport& report) {
  report.rounds = job.options.rounds;
  report.warmup = job.options.warmup >= 0 ? job.options.warmup : (report.rounds > 1 ? 3 : 0);
  std::vector<RunStats> timed;
  Result result;
  for (int i = 0; i < report.warmup + report.rounds; ++i) {
    const bool warm = i < report.warmup;
    job.progress.begin(warm ? fmt::format("{}: warm-up {} of {}", report.path, i + 1, report.warmup)
                            : fmt::format("{}: round {} of {}", report.path, i - report.warmup + 1,
                                          report.rounds));
    result = job.executor.run(voxels);
    if (!warm) timed.push_back(result.stats);
  }
  report.stats = median_stats(timed);
  return result;
}

std::vector<double> first_row(const ConstTensorView& features) {
  // A pooled output is [1, C] here, in the executor's dtype; 16-bit values have no C++ type to read
  // them by.
  if (features.dtype == DType::float32) {
    const auto values = features.span<float>();
    return {values.begin(), values.end()};
  }
  if (features.dtype == DType::float64) {
    const auto values = features.span<double>();
    return {values.begin(), values.end()};
  }
  throw InputError(
      "expected --dtype float32 or float64 for a network that ends in a global pool, got " +
      std::string(name(features.dtype)));
}

void count_classes(const Palette& palette, const std::vector<std::int32_t>& labels,
                   ScanReport& report) {
  report.class_points.assign(palette.size(), 0);
  for (const std::int32_t label : labels) {
    if (label >= 0) ++report.class_points[static_cast<std::size_t>(label)];
  }
}

void write_outputs(const Job& job, const PointFeatures& features,
                   const std::vector<std::int32_t>& labels, const OutputPaths& paths,
                   ScanReport& report) {
  const PointsView points = features.cloud.view();
  if (!paths.labels.empty()) {
    job.progress.begin(paths.labels);
    with_input(paths.labels,
               [&] { write_labelled_ply(paths.labels, points, labels, job.palette); });
    report.labels_path = paths.labels;
  }
  if (!paths.picture.empty()) {
    job.progress.begin(paths.picture);
    with_input(paths.picture, [&] {
      write_picture(paths.picture, points, labels, job.palette,
                    {.view = picture_view(job.options)});
    });
    report.picture_path = paths.picture;
  }
}

ScanReport run_scan(const Job& job, const std::string& path, const OutputPaths& paths) {
  ScanReport report;
  report.path = path;
  report.classes = job.palette.names;
  job.progress.begin(path + ": reading");
  const auto start = Clock::now();
  const PointCloud scan = with_input(path, [&] { return read_points(path); });
  report.read_ms = ms_since(start);
  report.points = scan.size();
  const PointFeatures features =
      select_features(scan, job.features, job.network.input_channels(), path);
  report.features = features.names;
  report.replaced_features = features.replaced;

  const Voxels voxels = voxelize_scan(job, features, report);
  const Result result = run_rounds(job, voxels, report);
  if (result.coordinates) {
    const std::vector<std::int32_t> labels = point_labels(result, voxels);
    count_classes(job.palette, labels, report);
    if (job.options.score) report.score = score_labels(labels, scan.labels, report.classes, path);
    write_outputs(job, features, labels, paths, report);
  } else {
    if (job.options.score)
      throw InputError(path +
                       ": expected a network that labels points for --score, got one that ends in "
                       "a global pool; leave the option out");
    report.scores = first_row(result.features);
  }
  job.progress.clear();
  return report;
}

void run(const RunOptions& options) {
  const Network network = open_network(options.network);
  for (const std::string& scan : options.scans) {
    check_readable(scan);
    with_input(scan, [&] { return point_format(scan); });
  }
  const VoxelizeOptions voxelize = voxelize_options(options, network);
  const std::vector<OutputPaths> paths = output_paths(options);
  if (!options.json_path.empty() && options.json_path != "-") check_writable(options.json_path);

  const TunedConfig tuned = tuned_config(options);

  Progress progress(options.quiet);
  Executor executor(
      network, {.device = Device::cpu(),
                .dtype = dtype_from_name(options.dtype),
                .threads = options.threads,
                .config = tuned,
                .other_device = options.other_device ? OtherDevice::accept : OtherDevice::refuse,
                .measure_padding = !options.json_path.empty(),
                .progress = [&](int layer, int layers) { progress.advance(layer + 1, layers); }});
  const Job job = {
      options,
      network,
      voxelize,
      options.features.empty() ? network.metadata().features : split_list(options.features),
      palette_of(network),
      executor,
      progress};
  const RunSetup setup = {
      .network = options.network.name,
      .device = Device::cpu().to_string(),
      .dtype = options.dtype,
      .config = options.config,
      .threads = options.threads > 0
                     ? options.threads
                     : static_cast<int>(std::max(1U, std::thread::hardware_concurrency())),
      .trained = !is_builtin(options.network)};
  std::vector<ScanReport> reports;
  for (std::size_t i = 0; i < options.scans.size(); ++i) {
    reports.push_back(run_scan(job, options.scans[i], paths[i]));
    if (options.json_path != "-") print((i > 0 ? "\n" : "") + report_text(setup, reports.back()));
  }
  if (!options.json_path.empty()) write_json(report_json(setup, reports), options.json_path);
}

}  // namespace

void add_run_command(Command app) {
  Command command =
      app.add_subcommand("run", "Run a network on scans: labels, a picture, a table per layer");
  auto options = std::make_shared<RunOptions>();
  add_run_options(command, *options);
  command.footer(
      "For each scan: voxels are made, the network runs, each point gets the class of its voxel. "
      "Written beside\n"
      "the scan: SCAN.labels.ply (a colour and a label a point; -1 where a point was dropped) and "
      "SCAN.png.\n"
      "In the table, 'map' is the time to build a layer's kernel map (nothing where it was "
      "shared), 'matches' the\n"
      "neighbours that a voxel meets, 'moved' the bytes of inputs, weights, outputs and map, in "
      "10^6.\n"
      "\n"
      "Examples:\n"
      "  gavotte run sparse_res_unet42 street.bin\n"
      "  gavotte run street street.pcd --score\n"
      "  gavotte run street street.pcd --config device.json\n"
      "  gavotte run street.gavotte scans/*.pcd -o labelled --json report.json\n"
      "  gavotte run sparse_res_unet42 room.ply --voxel-size 0.02 --channels 3 --features r,g,b\n"
      "  gavotte run sparse_res_unet42 street.bin --rounds 10 --threads 1 --no-labels "
      "--no-picture\n"
      "\n"
      "Exit codes: 0 done; 1 internal error; 2 bad input or usage.");
  command.callback([options] { run(*options); });
}

}  // namespace gavotte::cli
