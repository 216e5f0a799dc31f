// Options of `gavotte run`, and the checks that need no scan.
#include "run_options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "gavotte/datasets/readers.h"
#include "input_error.h"
#include "output.h"

namespace gavotte::cli {
namespace {

namespace fs = std::filesystem;

// 0.1 m: a street scan. Rooms and objects want less.
constexpr double kDefaultVoxelSizeM = 0.1;

const std::map<std::string, Reduce>& reductions() {
  static const std::map<std::string, Reduce> kByName = {
      {"first", Reduce::first}, {"mean", Reduce::mean}, {"max", Reduce::max}, {"sum", Reduce::sum}};
  return kByName;
}

std::array<double, 3> parse_voxel_size(const std::string& text) {
  std::vector<double> sizes;
  for (const std::string& part : split_list(text)) {
    double size = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), size);
    if (error != std::errc() || end != part.data() + part.size() || !(size > 0) ||
        !std::isfinite(size)) {
      throw InputError("--voxel-size: expected metres above 0, got '" + part + "'");
    }
    sizes.push_back(size);
  }
  if (sizes.size() == 1) return {sizes[0], sizes[0], sizes[0]};
  if (sizes.size() == 3) return {sizes[0], sizes[1], sizes[2]};
  throw InputError("--voxel-size: expected one number or X,Y,Z, got '" + text + "'");
}

// scan.bin, scan.pcd.bin, scan.ply -> scan
std::string stem_of(const fs::path& scan) {
  fs::path stem = scan.stem();
  if (scan.extension() == ".bin" && stem.extension() == ".pcd") stem = stem.stem();
  return stem.string();
}

}  // namespace

void add_scan_options(Command command, RunOptions& options) {
  command
      .add_option("SCAN", options.scans,
                  "Point clouds: .bin (KITTI), .pcd.bin (nuScenes), .ply, .pcd, .xyz, .pts")
      .required()
      .type_name("");

  const std::string input = "Input";
  command
      .add_option(
          "--voxel-size", options.voxel_size,
          "Edge of a voxel in metres, one number or X,Y,Z [the network's own where it states one, "
          "else 0.1]")
      .type_name("M")
      .group(input);
  command
      .add_option("--crop", options.crop_m,
                  "Keep the points with min <= p < max: X0 Y0 Z0 X1 Y1 Z1 in metres")
      .expected(6)
      .type_name("M")
      .comma_separated()
      .group(input);
  command
      .add_option(
          "--features", options.features,
          "Input channels, a list with commas of x, y, z, one, brightness and the scan's "
          "own channels "
          "(intensity, r, g, b, ...) [the network's own where it states them, else 1 channel: "
          "intensity; 3: r,g,b, else x,y,z; 4: x,y,z,intensity]")
      .not_empty()
      .type_name("LIST")
      .group(input);
  command
      .add_option("--reduce", options.reduce,
                  "Features of a voxel from its points: first, mean, max, sum [mean]")
      .one_of({"first", "mean", "max", "sum"})
      .type_name("RULE")
      .group(input);
}

void add_threads_option(Command command, RunOptions& options, const std::string& group) {
  command.add_option("--threads", options.threads, "CPU threads; 0: one for each core [0]")
      .in_range(0, 1024)
      .type_name("N")
      .group(group);
}

void add_execution_options(Command command, RunOptions& options) {
  const std::string how = "How it runs";
  command
      .add_option("--dtype", options.dtype,
                  "Of features and weights: float16, bfloat16, float32, float64 [float32]")
      .one_of({"float16", "bfloat16", "float32", "float64"})
      .type_name("DTYPE")
      .group(how);
  add_threads_option(command, options, how);
  const Option config =
      command
          .add_option("--config", options.config,
                      "Run each layer as this file says, which gavotte tune wrote for this device")
          .type_name("FILE")
          .group(how);
  command
      .add_flag("--other-device", options.other_device,
                "--config may be of another device of this kind, as a guess")
      .needs(config)
      .group(how);
  command
      .add_option("--rounds", options.rounds,
                  fmt::format("Times are of so many runs [{}]", options.rounds))
      .in_range(1, 1000000)
      .type_name("N")
      .group(how);
  command
      .add_option("--warmup", options.warmup,
                  "Runs before them that are not timed [0 for one round, else 3]")
      .in_range(0, 1000000)
      .type_name("N")
      .group(how);
}

void add_run_options(Command command, RunOptions& options) {
  add_network_options(command, options.network);
  add_scan_options(command, options);

  add_execution_options(command, options);

  const std::string output = "Output";
  command
      .add_option("-o,--output", options.output_folder,
                  "Folder for labels and pictures [beside each scan]")
      .type_name("FOLDER")
      .group(output);
  command
      .add_option("--json", options.json_path,
                  "Write the report as JSON to FILE, - for standard output alone")
      .type_name("FILE")
      .group(output);
  command
      .add_option(
          "--view", options.view,
          "Of the picture: auto, perspective, bird, camera (from the origin along z) [auto]")
      .one_of({"auto", "perspective", "bird", "camera"})
      .type_name("VIEW")
      .group(output);
  command
      .add_flag("--score", options.score,
                "Compare with the labels that the scan holds, numbered as the network's classes")
      .group(output);
  command.add_flag("--no-labels", options.no_labels, "Write no SCAN.labels.ply").group(output);
  command.add_flag("--no-picture", options.no_picture, "Write no SCAN.png").group(output);
  command.add_flag("-q,--quiet", options.quiet, "No progress line").group(output);
}

PictureView picture_view(const RunOptions& options) {
  static const std::map<std::string, PictureView> kByName = {
      {"auto", PictureView::automatic},
      {"perspective", PictureView::perspective},
      {"bird", PictureView::bird},
      {"camera", PictureView::camera}};
  return kByName.at(options.view);
}

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> parts;
  if (list.empty()) return parts;
  std::size_t begin = 0;
  for (std::size_t comma; (comma = list.find(',', begin)) != std::string::npos; begin = comma + 1) {
    parts.push_back(list.substr(begin, comma - begin));
  }
  parts.push_back(list.substr(begin));
  return parts;
}

VoxelizeOptions voxelize_options(const RunOptions& options, const Network& network) {
  if (network.dims() != 3) {
    throw InputError(options.network.name +
                     ": expected a network on 3 axes for a point cloud, got one on " +
                     std::to_string(network.dims()));
  }
  return voxelize_options(options, network.metadata().voxel_size_m);
}

VoxelizeOptions voxelize_options(const RunOptions& options, const std::array<double, 3>& own) {
  VoxelizeOptions voxelize;
  voxelize.reduce = reductions().at(options.reduce);
  voxelize.voxel_size_m.fill(kDefaultVoxelSizeM);
  if (options.voxel_size.empty()) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (own[axis] > 0) voxelize.voxel_size_m[axis] = own[axis];
    }
  } else {
    voxelize.voxel_size_m = parse_voxel_size(options.voxel_size);
  }
  if (!options.crop_m.empty()) {
    PointRange range;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      range.min_m[axis] = options.crop_m[axis];
      range.max_m[axis] = options.crop_m[axis + 3];
      if (!(range.min_m[axis] < range.max_m[axis])) {
        throw InputError("--crop: expected min below max on every axis, got " +
                         std::to_string(range.min_m[axis]) + " to " +
                         std::to_string(range.max_m[axis]) + " on axis " + "xyz"[axis]);
      }
    }
    voxelize.range = range;
  }
  return voxelize;
}

TunedConfig tuned_config(const RunOptions& options, const Device& device) {
  if (options.config.empty()) return {};
  check_readable(options.config);
  return with_input(options.config, [&] {
    DeviceConfig config = DeviceConfig::load(options.config);
    config.check_device(device, options.other_device ? OtherDevice::accept : OtherDevice::refuse);
    return TunedConfig(std::move(config));
  });
}

std::vector<OutputPaths> output_paths(const RunOptions& options) {
  if (!options.output_folder.empty() && !(options.no_labels && options.no_picture)) {
    std::error_code code;
    fs::create_directories(options.output_folder, code);
    if (!fs::is_directory(options.output_folder, code)) {
      throw InputError("--output: expected a folder, or a name for a new one, got " +
                       options.output_folder);
    }
  }
  std::vector<OutputPaths> all;
  std::set<fs::path> taken;
  for (const std::string& scan : options.scans) {
    const fs::path folder = options.output_folder.empty() ? fs::path(scan).parent_path()
                                                          : fs::path(options.output_folder);
    const std::string stem = (folder / stem_of(scan)).string();
    OutputPaths paths;
    if (!options.no_labels) paths.labels = stem + ".labels.ply";
    // The picture is drawn by the library that reads PLY.
    if (!options.no_picture && can_read(PointFormat::ply)) paths.picture = stem + ".png";
    for (const std::string& path : {paths.labels, paths.picture}) {
      if (path.empty()) continue;
      if (!taken.insert(fs::path(path).lexically_normal()).second) {
        throw InputError("expected scans with different names, got two that would both write " +
                         path + "; run them one by one with --output");
      }
      check_writable(path);
    }
    all.push_back(std::move(paths));
  }
  return all;
}

}  // namespace gavotte::cli
