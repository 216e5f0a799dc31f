// gavotte_bench: measures and compares; prints a table, writes report.json and report.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "dtype_bench.h"
#include "gavotte/error.h"
#include "int8_bench.h"
#include "layer_bench.h"
#include "map_bench.h"
#include "memory_bench.h"
#include "report.h"
#include "row_bench.h"
#include "scenes.h"
#include "sharing_bench.h"
#include "thread_bench.h"
#include "tuned_bench.h"

namespace gavotte::bench {

namespace {

struct Options {
  std::filesystem::path output = "build/bench";
  std::string scene_set = "usual";
  std::vector<std::string> scenes;
  std::vector<std::string> operations = {"map",      "layers", "dtypes", "rows",
                                         "networks", "int8",   "memory"};
  std::string config;
  std::string row_order = "shuffled";
  std::vector<int> threads = {1, 2};
  int rounds = 11;
  std::string commit = "unknown";
};

/// The CPU's name as Linux tells it.
std::string device_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string model = "unknown CPU";
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    model = line.substr(line.find(':') + 2);
    break;
  }
  return fmt::format("{}, {} cores", model, std::thread::hardware_concurrency());
}

std::vector<std::string> chosen_scenes(const Options& options) {
  if (!options.scenes.empty()) return options.scenes;
  if (options.scene_set == "tiny") return scene_names(SceneSet::tiny);
  return scene_names(options.scene_set == "all" ? SceneSet::all : SceneSet::usual);
}

void say(const std::string& line) { fmt::print(stderr, "bench: {}\n", line); }

void run(const Options& options, const std::string& command) {
  std::filesystem::create_directories(options.output);
  Report report{.command = command,
                .commit = options.commit,
                .device = device_name(),
                .rounds = options.rounds};
  const std::set<std::string> operations(options.operations.begin(), options.operations.end());
  const std::vector<std::string> names = chosen_scenes(options);
  TunedConfig config;
  if (operations.contains("tuned")) {
    if (options.config.empty())
      throw Error(ErrorKind::value,
                  "--operations tuned: expected --config FILE, which 'gavotte tune' writes");
    config = options.config;
    config->check_device(Device::cpu());
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    say(fmt::format("scene {} of {}: {}", i + 1, names.size(), names[i]));
    const Scene scene =
        make_scene(names[i], options.row_order == "key" ? RowOrder::key : RowOrder::shuffled);
    report.scenes.push_back(facts_of(scene));
    if (operations.contains("map")) bench_map_step(scene, options.threads, options.rounds, report);
    // Forward passes take long: the default measures them where networks are used most.
    const bool forward = !options.scenes.empty() || options.scene_set != "usual" ||
                         names[i] == "lidar_10" || names[i] == "random_100000";
    const int forward_rounds = std::min(options.rounds, 5);
    if (operations.contains("layers") && forward) {
      say("layers on " + names[i]);
      bench_layers(scene, options.threads, forward_rounds, report);
    }
    if (operations.contains("dtypes") && forward) {
      say("dtypes on " + names[i]);
      bench_dtypes(scene, options.rounds, report);
    }
    if (operations.contains("rows") && forward) {
      say("rows on " + names[i]);
      bench_rows(scene, options.threads, options.rounds, report);
    }
    if (operations.contains("networks") && forward &&
        (names[i] != "random_100000" || !options.scenes.empty())) {
      say("networks on " + names[i]);
      bench_networks(scene, options.threads, forward_rounds, report);
    }
    if (operations.contains("tuned")) {
      say("tuned on " + names[i]);
      bench_tuned(scene, config, options.threads, options.rounds, report);
    }
    if (operations.contains("int8") && forward &&
        (names[i] != "random_100000" || !options.scenes.empty())) {
      say("int8 on " + names[i]);
      bench_int8(scene, options.threads, options.rounds, report);
    }
    if (operations.contains("memory") && forward &&
        (names[i] != "random_100000" || !options.scenes.empty())) {
      say("memory on " + names[i]);
      bench_memory(scene, report);
    }
    if (operations.contains("threads")) {
      say("threads on " + names[i]);
      bench_threads(scene, options.threads, options.rounds, report);
    }
    if (operations.contains("sharing")) {
      say("sharing on " + names[i]);
      bench_sharing(scene, options.threads, options.rounds, report);
    }
  }
  write_json(report, options.output / "report.json");
  const std::string page = to_markdown(report);
  std::ofstream(options.output / "report.md") << page;
  fmt::print("{}", page);
  say("wrote " + (options.output / "report.json").string() + " and report.md beside it");
}

}  // namespace

}  // namespace gavotte::bench

int main(int argc, char** argv) {
  gavotte::bench::Options options;
  CLI::App app{
      "Compares Gavotte's map step, layers, dtypes, what moves rows, networks, int8 and memory on "
      "procedural scenes, what more threads and a device config gain, and two jobs that share "
      "cores."};
  app.add_option("-o,--output", options.output, "Folder of report.json and report.md")
      ->capture_default_str();
  app.add_option("--scene-set", options.scene_set, "Scenes to measure")
      ->check(CLI::IsMember({"tiny", "usual", "all"}))
      ->capture_default_str();
  app.add_option("--scenes", options.scenes,
                 "Scenes by name instead: random_N, lidar_C, room_C (C: voxels in cm), sphere_R");
  app.add_option("--row-order", options.row_order,
                 "Order of a scene's rows: shuffled as a user may bring them, or by key as the "
                 "Executor has them")
      ->check(CLI::IsMember({"shuffled", "key"}))
      ->capture_default_str();
  app.add_option("--operations", options.operations, "What to measure")
      ->check(CLI::IsMember({"map", "layers", "dtypes", "rows", "networks", "int8", "memory",
                             "threads", "tuned", "sharing"}))
      ->capture_default_str();
  app.add_option("--config", options.config,
                 "Device config that the operation 'tuned' compares with the default");
  app.add_option("--threads", options.threads, "Numbers of threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of each comparison")
      ->check(CLI::Range(1, 1001))
      ->capture_default_str();
  app.add_option("--commit", options.commit, "Named in the report")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::string command = "gavotte_bench";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  try {
    gavotte::bench::run(options, command);
  } catch (const std::exception& error) {
    fmt::print(stderr, "gavotte_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
