// gavotte bench peak: what this machine can do at most, so that times can be quoted as fractions.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "command.h"
#include "cpuinfo.h"
#include "gavotte/device.h"
#include "input_error.h"
#include "output.h"
#include "peak/machine.h"
#include "peak/peak.h"
#include "progress.h"
#include "table.h"

namespace gavotte::cli {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

struct BenchOptions {
  int threads = 0;
  int rounds = 25;
  std::int64_t array_mib = 0;
  std::string json_path;
  bool quiet = false;
};

// The rate of the same loop with one thread.
double one_thread(const std::vector<peak::Figure>& figures, const peak::Figure& of) {
  const auto first = std::find_if(figures.begin(), figures.end(), [&](const peak::Figure& figure) {
    return figure.name == of.name && figure.instruction == of.instruction;
  });
  return first->rate.best;
}

Json to_json(const std::vector<peak::Figure>& figures, const std::string& unit) {
  Json list = Json::array();
  for (const peak::Figure& figure : figures) {
    Json one = {{"name", figure.name}};
    if (figure.vector_bits > 0) {
      one["instruction"] = figure.instruction;
      one["vector_bits"] = figure.vector_bits;
    }
    one["threads"] = figure.threads;
    one["best_" + unit] = figure.rate.best;
    one["median_" + unit] = figure.rate.median;
    one["noise"] = figure.rate.noise;
    one["scaling"] = figure.rate.best / one_thread(figures, figure);
    list.push_back(std::move(one));
  }
  return list;
}

Json to_json(const peak::Peak& peak, int threads, int rounds) {
  const std::int64_t cache = peak.last_level_cache_bytes;
  Json report;
  report["cpu"] = {{"model", cpu_model()}, {"simd", simd_target()}};
  report["threads"] = threads;
  report["rounds"] = rounds;
  report["array_bytes"] = peak.array_bytes;
  report["last_level_cache_bytes"] = cache > 0 ? Json(cache) : Json(nullptr);
  report["arithmetic"] = to_json(peak.arithmetic, "gop_per_s");
  report["memory"] = to_json(peak.memory, "gb_per_s");
  return report;
}

std::string to_text(const std::vector<peak::Figure>& figures, Table table) {
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const peak::Figure& figure = figures[i];
    if (i > 0 && figures[i - 1].name != figure.name) table.add_rule();
    std::vector<std::string> cells = {figure.name};
    if (figure.vector_bits > 0) {
      cells.push_back(figure.instruction);
      cells.push_back(std::to_string(figure.vector_bits));
    }
    for (const std::string& cell :
         {std::to_string(figure.threads), fmt::format("{:.1f}", figure.rate.best),
          fmt::format("{:.1f}", figure.rate.median), fmt::format("{:.1f}", 100 * figure.rate.noise),
          fmt::format("{:.2f}", figure.rate.best / one_thread(figures, figure))})
      cells.push_back(cell);
    table.add_row(std::move(cells));
  }
  return table.to_string();
}

std::string to_text(const peak::Peak& peak, int rounds) {
  const std::string model = cpu_model();
  std::string out =
      fmt::format("{}, {}, {} rounds\n\n", model.empty() ? "CPU" : model, simd_target(), rounds);
  out += to_text(peak.arithmetic, Table({{"registers", "", Align::left},
                                         {"instruction", "", Align::left},
                                         {"vector", "bits"},
                                         {"threads"},
                                         {"best", "10^9 op/s"},
                                         {"median", "10^9 op/s"},
                                         {"noise", "%"},
                                         {"scaling", "x"}}));
  out += "\n" + to_text(peak.memory, Table({{"memory", "", Align::left},
                                            {"threads"},
                                            {"best", "10^9 B/s"},
                                            {"median", "10^9 B/s"},
                                            {"noise", "%"},
                                            {"scaling", "x"}}));
  const std::int64_t cache = peak.last_level_cache_bytes;
  const auto as_bytes = [](std::int64_t bytes) { return human_bytes(static_cast<double>(bytes)); };
  out += fmt::format("\narrays of {}, last-level caches of {}\n", as_bytes(peak.array_bytes),
                     cache > 0 ? as_bytes(cache) : "a size that the system does not tell");
  if (cache > 0 && peak.array_bytes < 2 * cache)
    out += "the arrays fit into the caches in part: the rates are not those of memory alone\n";
  return out;
}

void run_peak(const BenchOptions& options) {
  if (!options.json_path.empty() && options.json_path != "-") check_writable(options.json_path);
  const std::int64_t memory_mib = peak::memory_bytes() / kMiB;
  if (memory_mib > 0 && 3 * options.array_mib > memory_mib) {
    throw InputError(fmt::format(
        "--array-mib: expected three arrays that fit into the {} MiB of memory, got 3 x {}",
        memory_mib, options.array_mib));
  }
  peak::Options wanted;
  wanted.threads = options.threads > 0
                       ? options.threads
                       : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  wanted.rounds = options.rounds;
  wanted.array_bytes = options.array_mib * kMiB;
  Progress progress(options.quiet);
  progress.begin("measuring", "round");
  const peak::Peak peak =
      peak::measure(wanted, [&](int done, int total) { progress.advance(done, total); });
  progress.clear();
  if (!options.json_path.empty())
    write_json(to_json(peak, wanted.threads, options.rounds), options.json_path);
  if (options.json_path != "-") print(to_text(peak, options.rounds));
}

}  // namespace

void add_bench_command(Command app) {
  Command bench = app.add_subcommand("bench", "Measure this machine");
  bench.require_subcommand();
  bench.footer("Examples:\n  gavotte bench peak");
  Command command = bench.add_subcommand(
      "peak", "The most multiply-adds a second from registers, and bytes to and from memory");
  auto options = std::make_shared<BenchOptions>();
  command
      .add_option("--threads", options->threads,
                  "Measure 1, 2, 4, ... and N threads; 0: as many as there are [0]")
      .type_name("N")
      .in_range(0, 1024);
  command.add_option("--rounds", options->rounds, "Measure each figure N times [25]")
      .type_name("N")
      .in_range(1, 10000);
  command
      .add_option("--array-mib", options->array_mib,
                  "MiB of each of the three arrays in memory; 0: four times the last-level "
                  "caches, from 64 to 1024 [0]")
      .type_name("N")
      .in_range(0, 1 << 20);
  command
      .add_option("--json", options->json_path,
                  "Write the same as JSON to FILE, - for standard output")
      .type_name("FILE");
  command.add_flag("-q,--quiet", options->quiet, "No progress line");
  command.footer(
      "A multiply-add is two operations. Bytes are those that the loop loads and stores:\n"
      "  read sums a; write a = s; copy a = b; triad a = b + s c\n"
      "Other work on the machine only lowers a rate: quote fractions of the best. The noise is "
      "the\n"
      "distance of the quartiles over the median; scaling is the best over that of one thread.\n"
      "\n"
      "Examples:\n"
      "  gavotte bench peak\n"
      "  gavotte bench peak --threads 1 --rounds 51 --json peak.json");
  command.callback([options] { run_peak(*options); });
}

}  // namespace gavotte::cli
