// gavotte tune: a network and scans in, the file of a device's fastest configs out.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "command.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/datasets/scenes.h"
#include "input_error.h"
#include "interrupt.h"
#include "layer_list.h"
#include "point_features.h"
#include "progress.h"
#include "report_page.h"
#include "tune_options.h"
#include "tune_report.h"

namespace gavotte::cli {
namespace {

struct Scene {
  const char* name;
  double voxel_size_m;
};
constexpr Scene kScenes[] = {{"lidar", 0.1}, {"room", 0.05}};

// What the command works with from the checks to the end.
struct Job {
  const TuneCommandOptions& options;
  Execution execution;  // threads: a number, not 0
  DType dtype;
  std::vector<Direction> directions;
  Progress& progress;
  Tuner& tuner;
  TuneSetup& setup;
};

Voxels voxels_of(const Job& job, const PointsView& points, const VoxelizeOptions& how,
                 const std::string& name) {
  Voxels voxels = with_input(name, [&] { return voxelize(points, how, job.execution); });
  if (voxels.size() == 0)
    throw InputError(name + ": expected at least one finite point" +
                     (how.range ? " inside --crop" : "") + ", got none");
  job.setup.scans.push_back({name, voxels.size()});
  return voxels;
}

void add_network(const Job& job, const Network& network, const VoxelizeOptions& how) {
  const RunOptions& input = job.options.input;
  const auto wanted =
      input.features.empty() ? network.metadata().features : split_list(input.features);
  for (const std::string& path : input.scans) {
    job.progress.begin(path + ": reading");
    const PointCloud scan = with_input(path, [&] { return read_points(path); });
    const PointFeatures features = select_features(scan, wanted, network.input_channels(), path);
    const Voxels voxels = voxels_of(job, features.cloud.view(), how, path);
    with_input(path, [&] { job.tuner.add(network, voxels, job.dtype, job.directions); });
  }
}

void add_layers(const Job& job) {
  const auto add = [&](const std::string& name, const Voxels& voxels) {
    with_input(name, [&] {
      add_layer_list(job.tuner, std::filesystem::path(name).filename().string(), voxels, job.dtype,
                     job.directions, !job.options.no_maps, job.execution);
    });
  };
  const std::vector<std::string>& scans = job.options.input.scans;
  const VoxelizeOptions how = voxelize_options(job.options.input, {0, 0, 0});
  for (const std::string& path : scans) {
    job.progress.begin(path + ": reading");
    const PointCloud scan = with_input(path, [&] { return read_points(path); });
    add(path, voxels_of(job, scan.view(), how, path));
  }
  if (!scans.empty()) return;
  for (const Scene& scene : kScenes) {
    job.progress.begin(std::string("scene ") + scene.name);
    VoxelizeOptions of_scene;
    of_scene.voxel_size_m.fill(scene.voxel_size_m);
    add(scene.name, voxels_of(job, make_scene(scene.name).view(), of_scene, scene.name));
  }
}

// What the file holds, where it is there; checked before any long work.
DeviceConfig present_config(const std::string& path, const Device& device) {
  check_writable(path);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  return with_input(path, [&] {
    DeviceConfig config = DeviceConfig::load(path);
    config.check_device(device);
    return config;
  });
}

void write_page(const Json& report, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << report_page(report);
  file.close();
  if (!file) throw InputError(path + ": expected to write the report here; the disk may be full");
}

void check_outputs(const TuneCommandOptions& options) {
  if (!options.report.empty()) {
    if (!has_report_page())
      throw InputError(
          "--report: expected a build with the report page, got one without; install "
          "libjs-chart.js, configure with -DGAVOTTE_WITH_REPORT=ON and build again");
    check_writable(options.report);
  }
  const std::string& json = options.input.json_path;
  if (!json.empty() && json != "-") check_writable(json);
}

void run(const TuneCommandOptions& options) {
  const RunOptions& input = options.input;
  TuneOptions how;
  how.device = device_from_text(options.device);
  how.budget_s = seconds_from_text(options.budget);
  how.maps = !options.no_maps;
  how.path = options.output;
  const std::vector<Direction> directions = directions_from_text(options.directions);
  for (const std::string& scan : input.scans) {
    check_readable(scan);
    with_input(scan, [&] { return point_format(scan); });
  }
  check_outputs(options);
  const DeviceConfig present = present_config(options.output, how.device);
  if (!options.again) how.start = present;

  TuneSetup setup;
  setup.title = options.layers ? "layer list" : input.network.name;
  setup.dtype = input.dtype;
  setup.output = options.output;
  setup.device = DeviceIdentity::of(how.device);
  setup.budget_s = how.budget_s;
  setup.threads = how.device.kind != DeviceKind::cpu ? 1
                  : input.threads > 0                ? input.threads
                                                     : std::max(1, setup.device.units);
  how.threads = setup.threads;

  Progress progress(input.quiet);
  const Interrupt interrupt;
  how.progress = [&](const TuneProgress& at) {
    progress.show(progress_text(at));
    return !interrupt.came();
  };
  Tuner tuner(std::move(how));
  const Job job = {options,
                   {.device = device_from_text(options.device), .threads = setup.threads},
                   dtype_from_name(input.dtype),
                   directions,
                   progress,
                   tuner,
                   setup};
  if (options.layers) {
    add_layers(job);
  } else {
    const Network network = open_network(input.network);
    add_network(job, network, voxelize_options(input, network));
  }
  if (tuner.problems() == 0)
    throw InputError(setup.title + ": expected layers with weights to tune, got none" +
                     (options.no_maps ? " without kernel maps" : ""));
  const TuneReport report = tuner.run();
  setup.interrupted = interrupt.came() && !report.finished;
  progress.clear();
  if (input.json_path != "-") print(tune_text(setup, report));
  const Json json = tune_json(setup, report);
  if (!input.json_path.empty()) write_json(json, input.json_path);
  if (!options.report.empty()) write_page(json, options.report);
}

}  // namespace

void add_tune_command(Command app) {
  Command command =
      app.add_subcommand("tune", "Find how a network's layers run fastest on this device");
  auto options = std::make_shared<TuneCommandOptions>();
  add_tune_options(command, *options);
  command.footer(
      "Each layer is timed in several configs side by side with the default; a result that differs "
      "from the\n"
      "reference is thrown away. The file is written after each layer, so Ctrl-C loses nothing: "
      "what "
      "was found is\n"
      "kept, the exit code is 0, and the same command goes on from there. 'padding' is padded over "
      "real rows of\n"
      "grouped GEMMs, 1 = none. Leave the machine alone meanwhile: other work makes the times "
      "noisy.\n"
      "\n"
      "Examples:\n"
      "  gavotte tune sparse_res_unet42 street.bin -o device.json\n"
      "  gavotte tune street scans/*.pcd --dtype bfloat16 --budget 5m -o device.json --report "
      "tuned.html\n"
      "  gavotte tune street street.pcd --direction forward,backward -o device.json\n"
      "  gavotte tune --layers --budget 10m -o device.json\n"
      "\n"
      "Exit codes: 0 done, or stopped by Ctrl-C; 1 internal error; 2 bad input or usage.");
  command.callback([command, options] {
    settle_tune_options(command, *options);
    run(*options);
  });
}

}  // namespace gavotte::cli
