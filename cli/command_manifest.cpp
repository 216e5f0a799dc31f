// gavotte manifest: a network and a scan in, what each launch of the run needs out; of several scans, what predicts
// runs on others as well.
#include <fmt/format.h>

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

namespace gavotte::cli {
namespace {

constexpr int kRounds = 10;

struct Options {
  RunOptions input;    // what a scan becomes; the network; how it runs
  std::string output;  // - for standard output
  double peak_gflops = 0, peak_dram_gb_per_s = 0;
  bool sweep = false;
};

std::string text_of(const Options& options, const Manifest& manifest) {
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
  return fmt::format("{}: {} launches, hash {}, written to {}\n\n", options.input.network.name,
                     manifest.launches.size(), manifest.run.launch_sequence_hash, options.output) +
         table.to_string();
}

Manifest profile_scan(const Options& options, const Network& network, const TunedConfig& tuned,
                      const std::string& path, Progress& progress) {
  const RunOptions& input = options.input;
  progress.begin(path + ": reading");
  const Voxels voxels = read_voxels(options.input, network, path);
  const ManifestOptions how = {.rounds = input.rounds,
                               .warmup = input.warmup >= 0 ? input.warmup : 3,
                               .peak_gflops = options.peak_gflops,
                               .peak_dram_gb_per_s = options.peak_dram_gb_per_s,
                               .thread_sweep = options.sweep};
  const int budgets = options.sweep ? kind_threads({.threads = input.threads}) : 1;
  const int runs = budgets * (how.warmup + how.rounds);
  int done = 0;
  progress.begin(path, "run");
  return profile(network, voxels,
                 {.dtype = dtype_from_name(input.dtype),
                  .threads = input.threads,
                  .config = tuned,
                  .other_device = input.other_device ? OtherDevice::accept : OtherDevice::refuse,
                  .progress =
                      [&](int layer, int layers) {
                        if (layer + 1 == layers) progress.advance(++done, runs);
                      }},
                 how);
}

void run(const Options& options) {
  const RunOptions& input = options.input;
  const Network network = open_network(input.network);
  if (input.scans.size() == 2)
    throw InputError("expected one SCAN, or at least 3 to predict others from, got 2");
  for (const std::string& path : input.scans) {
    check_readable(path);
    with_input(path, [&] { return point_format(path); });
  }
  if (options.output != "-") check_writable(options.output);
  const TunedConfig tuned = tuned_config(input);

  Progress progress(input.quiet);
  std::vector<Manifest> runs;
  for (const std::string& path : input.scans)
    runs.push_back(profile_scan(options, network, tuned, path, progress));
  const Manifest manifest = runs.size() == 1 ? runs.front() : calibrate(runs);
  progress.clear();
  if (options.output == "-") return print(manifest.to_json());
  manifest.save(options.output);
  print(text_of(options, manifest));
}

}  // namespace

void add_manifest_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("manifest", "Say what each launch of a run needs, for GPU schedulers");
  auto options = std::make_shared<Options>();
  options->input.rounds = kRounds;
  add_network_options(*command, options->input.network);
  add_scan_options(*command, options->input);
  add_execution_options(*command, options->input);
  const std::string machine = "The machine";
  command
      ->add_option("--peak-gflops", options->peak_gflops,
                   "10^9 floating-point operations a second at most, as gavotte bench peak "
                   "measures; with the next: what launches are classed by")
      ->check(CLI::PositiveNumber)
      ->type_name("X")
      ->group(machine);
  command
      ->add_option("--peak-gb-per-s", options->peak_dram_gb_per_s,
                   "10^9 bytes a second to and from memory at most")
      ->check(CLI::PositiveNumber)
      ->type_name("X")
      ->group(machine);
  command
      ->add_flag("--sweep-threads", options->sweep,
                 "Time each launch with each smaller number of threads too (sm_budget)")
      ->group("How it runs");
  const std::string output = "Output";
  command
      ->add_option("-o,--output", options->output,
                   "The manifest, JSON; - for standard output alone")
      ->required()
      ->type_name("FILE")
      ->group(output);
  command->add_flag("-q,--quiet", options->input.quiet, "No progress line")->group(output);
  command->footer(
      "A launch is a region of the run on the CPU: the input's sorting, each kernel map, each "
      "step, "
      "the return of\n"
      "the result. docs/manifest.md says what the file holds.\n"
      "\n"
      "Examples:\n"
      "  gavotte manifest street street.pcd -o m.json\n"
      "  gavotte manifest street drive-*.pcd -o m.json     # and what gavotte predict needs\n"
      "  gavotte manifest sparse_res_unet42 street.bin --threads 1 --rounds 50 -o -\n"
      "\n"
      "Exit codes: 0 done; 1 internal error; 2 bad input or usage.");
  command->callback([options] { run(*options); });
}

}  // namespace gavotte::cli
