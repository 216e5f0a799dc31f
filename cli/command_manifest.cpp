// gavotte manifest: a network and a scan in, what each launch of the run needs out; of several scans, what predicts
// runs on others as well.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "command.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/predict.h"
#include "input_error.h"
#include "output.h"
#include "progress.h"
#include "run_options.h"
#include "scan_voxels.h"
#include "table.h"
#include "tune_options.h"

namespace gavotte::cli {
namespace {

constexpr int kRounds = 10;
constexpr int kRecordedRuns = 3;  // by record_launches()

struct ManifestCommandOptions {
  RunOptions input;    // what a scan becomes; the network; how it runs
  std::string output;  // - for standard output
  double peak_gflops = 0, peak_dram_gb_per_s = 0;
  bool sweep = false;
  std::string kinds;  // with commas
  std::string device = "cpu";
  LaunchOptions files;  // of a GPU
  std::int64_t max_voxels = 0;
  std::vector<int> bounds;  // none, or min x, y, z, max x, y, z
};

constexpr const char* kOfCpu[] = {"--rounds",      "--warmup",        "--threads",
                                  "--peak-gflops", "--peak-gb-per-s", "--sweep-threads"};
constexpr const char* kOfGpu[] = {"--device-description", "--kernel-resources", "--max-voxels",
                                  "--bounds"};

/// Throws InputError for an option that the chosen device would not read.
void check_device_options(Command command, DeviceKind device) {
  const auto refuse = [&](const char* name, const char* why) {
    if (command.given(name)) throw InputError(fmt::format("{}: {}", name, why));
  };
  if (device == DeviceKind::cuda) {
    for (const char* name : kOfCpu)
      refuse(name, "on a GPU nothing is timed, and no thread is started");
  } else {
    for (const char* name : kOfGpu) refuse(name, "expected with --device cuda");
  }
}

/// Of a run without waits, where the user asks for one. Throws InputError for bounds that are none.
void set_bounds(const ManifestCommandOptions& options, ExecutorOptions& execution) {
  execution.max_voxels = options.max_voxels;
  if (options.bounds.empty()) return;
  const std::vector<int>& b = options.bounds;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (b[axis] > b[axis + 3])
      throw InputError(fmt::format("--bounds: expected X0,Y0,Z0 up to X1,Y1,Z1, got {} to {}",
                                   b[axis], b[axis + 3]));
  execution.bounds =
      CoordinateBounds{.lower = {b[0], b[1], b[2]}, .upper = {b[3], b[4], b[5]}, .batch_size = 1};
}

/// Of each scan; none where the user gave none. Throws InputError before any run.
std::vector<std::string> kinds_of(const ManifestCommandOptions& options) {
  if (options.kinds.empty()) return {};
  std::vector<std::string> kinds = split_list(options.kinds);
  if (kinds.size() != options.input.scans.size())
    throw InputError(fmt::format("--kinds: expected one for each of {} SCAN, got {}",
                                 options.input.scans.size(), kinds.size()));
  std::map<std::string, std::size_t> scans;
  for (const std::string& kind : kinds) ++scans[kind];
  for (const auto& [kind, count] : scans)
    if (scans.size() < 2 || kinds.size() - count < 3)
      throw InputError(
          fmt::format("--kinds: expected at least 2 kinds, and 3 SCAN that are not of '{}', got {}",
                      kind, kinds.size() - count));
  return kinds;
}

std::string launches_text(const Manifest& manifest) {
  Table table({{.head = "launch", .align = Align::left},
               {.head = "layer", .align = Align::left},
               {.head = "blocks"},
               {.head = "threads"},
               {.head = "registers"},
               {.head = "per SM"},
               {.head = "alone", .align = Align::left}});
  const auto first = [](const manifest::Extent& extent) {
    return extent.v ? std::to_string(extent.v->at(0) * extent.v->at(1)) : std::string();
  };
  const auto count = [](const manifest::Count& value) {
    return value.v ? std::to_string(*value.v) : std::string();
  };
  for (const manifest::Launch& launch : manifest.launches)
    table.add_row({fmt::format("{} {}", launch.seq,
                               launch.kernel.key.substr(launch.kernel.key.rfind('.') + 1)),
                   short_layer_name(launch.layer), first(launch.grid), first(launch.block),
                   count(launch.registers), count(launch.occupancy.blocks_per_sm),
                   launch.safety.idempotent.v.value_or(false)
                       ? std::string()
                       : fmt::format("after {}", launch.safety.restart_group)});
  return table.to_string();
}

std::string regions_text(const Manifest& manifest) {
  Table table({{.head = "launch", .align = Align::left},
               {.head = "layer", .align = Align::left},
               {.head = "median", .unit = "us"},
               {.head = "work", .unit = "MFLOP"},
               {.head = "moved", .unit = "MB"},
               {.head = "class", .align = Align::left}});
  const auto millions = [](const manifest::Amount& amount) {
    return amount.v ? fmt::format("{:.2f}", *amount.v / 1e6) : std::string();
  };
  for (const manifest::Launch& launch : manifest.launches)
    table.add_row({fmt::format("{} {}", launch.seq, launch.op.substr(0, launch.op.find('+'))),
                   short_layer_name(launch.layer),
                   fmt::format("{:.1f}", launch.duration_us.median.v.value_or(0)),
                   millions(launch.work.flop), millions(launch.work.dram_bytes),
                   launch.classed.metric.v.value_or("")});
  return table.to_string();
}

std::string text_of(const ManifestCommandOptions& options, const Manifest& manifest,
                    DeviceKind device) {
  return fmt::format("{}: {} launches, hash {}, written to {}\n\n", options.input.network.name,
                     manifest.launches.size(), manifest.run.launch_sequence_hash, options.output) +
         (device == DeviceKind::cuda ? launches_text(manifest) : regions_text(manifest));
}

Manifest manifest_of(const ManifestCommandOptions& options, const Device& device,
                     const Network& network, const TunedConfig& tuned, const std::string& path,
                     Progress& progress) {
  const RunOptions& input = options.input;
  const bool on_gpu = device.kind == DeviceKind::cuda;
  progress.begin(path + ": reading");
  const Voxels voxels = read_voxels(options.input, network, path);
  const ManifestOptions how = {.rounds = input.rounds,
                               .warmup = input.warmup >= 0 ? input.warmup : 3,
                               .peak_gflops = options.peak_gflops,
                               .peak_dram_gb_per_s = options.peak_dram_gb_per_s,
                               .thread_sweep = options.sweep};
  const int budgets = options.sweep ? kind_threads({.threads = input.threads}) : 1;
  const int runs = on_gpu ? kRecordedRuns : budgets * (how.warmup + how.rounds);
  int done = 0;
  progress.begin(path, "run");
  ExecutorOptions execution = {
      .device = device,
      .dtype = dtype_from_name(input.dtype),
      .threads = input.threads,
      .config = tuned,
      .other_device = input.other_device ? OtherDevice::accept : OtherDevice::refuse,
      .progress = [&](int layer, int layers) {
        if (layer + 1 == layers) progress.advance(++done, runs);
      }};
  set_bounds(options, execution);
  LaunchOptions files = options.files;
  files.enqueued = execution.bounds.has_value();
  return on_gpu ? record_launches(network, voxels, execution, files)
                : profile(network, voxels, execution, how);
}

void run(Command command, const ManifestCommandOptions& options) {
  const RunOptions& input = options.input;
  const Device device = device_from_text(options.device);
  check_device_options(command, device.kind);
  if ((options.max_voxels > 0) != !options.bounds.empty())
    throw InputError(
        "--max-voxels: expected with --bounds, and these with it: a run without waits needs both");
  const Network network = open_network(input.network);
  if (device.kind == DeviceKind::cuda && input.scans.size() > 1)
    throw InputError(
        fmt::format("expected one SCAN with --device cuda, where nothing is timed to predict "
                    "others from, got {}",
                    input.scans.size()));
  if (input.scans.size() == 2)
    throw InputError("expected one SCAN, or at least 3 to predict others from, got 2");
  const std::vector<std::string> kinds = kinds_of(options);
  for (const std::string& path : input.scans) {
    check_readable(path);
    with_input(path, [&] { return point_format(path); });
  }
  if (options.output != "-") check_writable(options.output);
  const TunedConfig tuned = tuned_config(input, device);

  Progress progress(input.quiet);
  std::vector<Manifest> runs;
  for (const std::string& path : input.scans)
    runs.push_back(manifest_of(options, device, network, tuned, path, progress));
  const Manifest manifest = runs.size() == 1 ? runs.front() : calibrate(runs, kinds);
  progress.clear();
  if (options.output == "-") return print(manifest.to_json());
  manifest.save(options.output);
  print(text_of(options, manifest, device.kind));
}

}  // namespace

void add_manifest_command(Command app) {
  Command command =
      app.add_subcommand("manifest", "Say what each launch of a run needs, for GPU schedulers");
  auto options = std::make_shared<ManifestCommandOptions>();
  options->input.rounds = kRounds;
  add_network_options(command, options->input.network);
  add_scan_options(command, options->input);
  add_execution_options(command, options->input);
  const std::string machine = "The machine";
  command
      .add_option("--device", options->device,
                  "cpu, cuda or cuda:N; of a GPU the manifest has each kernel, copy and fill [cpu]")
      .type_name("NAME")
      .group(machine);
  command
      .add_option("--device-description", options->files.device_description,
                  "JSON: the GPU that the manifest is for [the one that runs]")
      .type_name("FILE")
      .group(machine);
  command
      .add_option("--kernel-resources", options->files.kernel_resources,
                  "JSON: registers and memory of each kernel, which tools/kernel_resources.py "
                  "reads from a build")
      .type_name("FILE")
      .group(machine);
  command
      .add_option("--max-voxels", options->max_voxels,
                  "Of the run without waits, whose launches are the same for every scan: the most "
                  "voxels of one")
      .in_range(1, std::int64_t{1} << 31)
      .type_name("N")
      .group(machine);
  command
      .add_option("--bounds", options->bounds,
                  "With it, where voxels lie, in voxels and both included: X0 Y0 Z0 X1 Y1 Z1")
      .expected(6)
      .comma_separated()
      .type_name("N")
      .group(machine);
  command
      .add_option("--peak-gflops", options->peak_gflops,
                  "10^9 floating-point operations a second at most, as gavotte bench peak "
                  "measures; with the next: what launches are classed by")
      .above_zero()
      .type_name("X")
      .group(machine);
  command
      .add_option("--peak-gb-per-s", options->peak_dram_gb_per_s,
                  "10^9 bytes a second to and from memory at most")
      .above_zero()
      .type_name("X")
      .group(machine);
  command
      .add_flag("--sweep-threads", options->sweep,
                "Time each launch with each smaller number of threads too (sm_budget)")
      .group("How it runs");
  command
      .add_option("--kinds", options->kinds,
                  "What each SCAN is of, a list with commas (street,street,room): the bands are "
                  "then those of "
                  "scans of another kind")
      .type_name("LIST")
      .group("How it runs");
  const std::string output = "Output";
  command
      .add_option("-o,--output", options->output, "The manifest, JSON; - for standard output alone")
      .required()
      .type_name("FILE")
      .group(output);
  command.add_flag("-q,--quiet", options->input.quiet, "No progress line").group(output);
  command.footer(
      "A launch is a region of the run on the CPU: the input's sorting, each kernel map, each "
      "step, "
      "the return of\n"
      "the result. On a GPU it is a kernel, a copy or a fill; nothing is timed there. "
      "docs/manifest.md says what the file\n"
      "holds.\n"
      "\n"
      "Examples:\n"
      "  gavotte manifest street street.pcd -o m.json\n"
      "  gavotte manifest street drive-*.pcd -o m.json     # and what gavotte predict needs\n"
      "  gavotte manifest sparse_res_unet42 street.bin --threads 1 --rounds 50 -o -\n"
      "  gavotte manifest street street.pcd --device cuda --kernel-resources r.json -o m.json\n"
      "  gavotte manifest street street.pcd --device cuda --max-voxels 60000 --bounds "
      "-512 -512 -64 511 511 63 -o m.json\n"
      "\n"
      "Exit codes: 0 done; 1 internal error; 2 bad input or usage.");
  command.callback([command, options] { run(command, *options); });
}

}  // namespace gavotte::cli
