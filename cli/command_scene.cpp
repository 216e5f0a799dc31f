// gavotte scene: procedural scans from a seed, in the formats that the readers know.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/datasets/scenes.h"
#include "gavotte/datasets/writers.h"
#include "input_error.h"
#include "output.h"
#include "progress.h"
#include "table.h"

namespace gavotte::cli {
namespace {

namespace fs = std::filesystem;

struct SceneOptions {
  std::string scene;
  std::string output;
  std::string json_path;
  std::uint64_t seed = 1;
  std::int64_t frame = 0;
  std::int64_t frames = 1;
  std::int64_t size = 0;
  bool quiet = false;
};

// Workloads speak of rooms and shells, the library of one room and one shell.
std::string canonical_name(std::string scene) {
  if (scene == "rooms") return "room";
  if (scene == "shells") return "shell";
  return scene;
}

// out.pcd.bin -> out-0003.pcd.bin
std::string numbered(const std::string& path, std::int64_t number) {
  const fs::path file(path);
  const std::string name = file.filename().string();
  const std::size_t dot = name.find('.', 1);
  const std::string stem = name.substr(0, dot);
  const std::string ending = dot == std::string::npos ? "" : name.substr(dot);
  return (file.parent_path() / fmt::format("{}-{:04}{}", stem, number, ending)).string();
}

void check(Command command, const SceneOptions& options, const std::string& scene) {
  const auto names = scene_names();
  if (std::find(names.begin(), names.end(), scene) == names.end()) {
    std::string known;
    for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
    throw InputError("expected a scene (" + known + "), got '" + options.scene + "'");
  }
  const bool moving = command.given("--frame") || command.given("--frames");
  if (scene != "lidar" && moving) {
    throw InputError("expected --frame and --frames with the scene lidar only, got '" + scene +
                     "', which does not move; use --seed for another one");
  }
  if (scene == "room" && options.size != 0) {
    throw InputError(
        "expected --size with the scenes lidar (azimuths), random (voxels) and shell (resolution) "
        "only, got '" +
        scene + "'; leave it out");
  }
  with_input(options.output, [&] { return point_format(options.output); });
  check_writable(options.frames == 1 ? options.output : numbered(options.output, options.frame));
}

Json make_one(const SceneOptions& options, const std::string& scene, std::int64_t frame,
              const std::string& path) {
  const PointCloud cloud = with_input(scene, [&] {
    return make_scene(scene, {.seed = options.seed, .frame = frame, .size = options.size});
  });
  with_input(path, [&] { write_points(path, cloud); });
  return {{"file", path},
          {"frame", frame},
          {"points", cloud.size()},
          {"channels", cloud.channels},
          {"labelled", !cloud.labels.empty()},
          {"bytes", static_cast<std::int64_t>(fs::file_size(path))}};
}

void run(Command command, const SceneOptions& options) {
  const std::string scene = canonical_name(options.scene);
  check(command, options, scene);
  Progress progress(options.quiet);
  Json report = {{"scene", scene},
                 {"seed", options.seed},
                 {"voxel_size_m", scene_voxel_size_m(scene)},
                 {"files", Json::array()}};
  for (std::int64_t i = 0; i < options.frames; ++i) {
    const std::int64_t frame = options.frame + i;
    const std::string path = options.frames == 1 ? options.output : numbered(options.output, frame);
    progress.begin(fmt::format("{}, {} of {}", scene, i + 1, options.frames));
    report["files"].push_back(make_one(options, scene, frame, path));
    if (options.json_path == "-") continue;
    progress.clear();
    const Json& file = report["files"].back();
    print(fmt::format("{}: {} points, {}, made for voxels of {:g} m\n", path,
                      with_commas(file["points"].get<std::int64_t>()),
                      human_bytes(file["bytes"].get<double>()), scene_voxel_size_m(scene)));
  }
  progress.clear();
  if (!options.json_path.empty()) write_json(report, options.json_path);
}

}  // namespace

void add_scene_command(Command app) {
  Command command =
      app.add_subcommand("scene", "Make a scan from a seed: a street, a room, a shell, noise");
  auto options = std::make_shared<SceneOptions>();
  command
      .add_option(
          "SCENE", options->scene,
          "lidar: one turn of a 64-beam scanner in a street; room: a furnished room in colour; "
          "shell: a thick sphere; random: scattered voxels")
      .required()
      .type_name("");
  command
      .add_option("-o,--output", options->output,
                  "File to write; its ending is the format: .bin (KITTI, with .label), .pcd.bin, "
                  ".ply, .pcd, "
                  ".xyz, .xyzn, .xyzrgb, .pts")
      .required()
      .type_name("FILE");
  command.add_option("--seed", options->seed, "Another seed makes another scene [1]")
      .type_name("N")
      .at_least_zero();
  command
      .add_option("--frames", options->frames,
                  "lidar: so many turns, to FILE-0000, FILE-0001, ... [1]")
      .type_name("N")
      .in_range(1, 10000);
  command.add_option("--frame", options->frame, "lidar: number of the first turn [0]")
      .type_name("N")
      .in_range(0, 1000000);
  command
      .add_option(
          "--size,--azimuths,--resolution", options->size,
          "lidar: directions of a turn [1100]; shell: resolution of its grid [256]; random: "
          "number of voxels [100000]")
      .type_name("N")
      .above_zero();
  command
      .add_option("--json", options->json_path,
                  "Write what was made as JSON to FILE, - for standard output")
      .type_name("FILE");
  command.add_flag("-q,--quiet", options->quiet, "No progress line");
  command.footer(
      "The same seed makes the same points everywhere.\n"
      "\n"
      "Examples:\n"
      "  gavotte scene lidar -o street.bin\n"
      "  gavotte scene lidar --frames 20 -o drive.pcd\n"
      "  gavotte scene room --seed 7 -o room.ply\n"
      "  gavotte scene shell --resolution 1024 -o shell.ply");
  command.callback([command, options] { run(command, *options); });
}

}  // namespace gavotte::cli
