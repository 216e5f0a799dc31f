// gavotte config: what files of tuned configs hold, how they differ, one file made of several.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "command.h"
#include "config_text.h"
#include "gavotte/device_config.h"
#include "input_error.h"
#include "output.h"
#include "table.h"

namespace gavotte::cli {
namespace {

using Paths = std::vector<std::string>;

DeviceConfig load(const std::string& path) {
  check_readable(path);
  return with_input(path, [&] { return DeviceConfig::load(path); });
}

// Which library wrote the file: said for people, so the library keeps it in no value.
std::string written_by(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const Json json = Json::parse(file, nullptr, false);
  return json.is_object() ? json.value("gavotte", "") : "";
}

std::string device_text(const DeviceIdentity& device) {
  std::string text = printable(device.to_string());
  text += fmt::format(
      ": {} {}", device.units,
      device.kind == DeviceKind::cpu ? "cores that it was tuned on" : "multiprocessors");
  if (device.cache_bytes > 0)
    text += ", second-level cache " + human_bytes(static_cast<double>(device.cache_bytes));
  if (device.clock_mhz > 0) text += fmt::format(", up to {:.0f} MHz", device.clock_mhz);
  return text;
}

std::string counts_text(const DeviceConfig& config) {
  return fmt::format("layers {}, maps {}, cost model {}", config.layers().size(),
                     config.maps().size(), config.cost_model().size());
}

// Columns of what was measured, and its config.
void add_measured_columns(std::vector<Table::Column>& columns) {
  columns.insert(columns.end(), {{.head = "voxels"},
                                 {.head = "pairs"},
                                 {.head = "default", .unit = "ms"},
                                 {.head = "tuned", .unit = "ms"},
                                 {.head = "gain"},
                                 {.head = "noise", .unit = "%"},
                                 {.head = "config", .align = Align::left}});
}

template <class Entry>
void add_measured_cells(std::vector<std::string>& cells, const Entry& entry) {
  cells.insert(
      cells.end(),
      {with_commas(entry.rows), with_commas(entry.pairs), ms_text(entry.measured.default_ms),
       ms_text(entry.measured.ms), gain_text(entry.measured),
       fmt::format("{:.1f}", 100 * entry.measured.noise), config_text(entry.config)});
}

std::string layer_table(const DeviceConfig& config) {
  std::vector<Table::Column> columns = {{.head = "kernel", .align = Align::left},
                                        {.head = "channels"},
                                        {.head = "dtype", .align = Align::left},
                                        {.head = "direction", .align = Align::left},
                                        {.head = "threads"}};
  add_measured_columns(columns);
  Table table(columns);
  for (const TunedLayer& layer : config.layers()) {
    std::vector<std::string> cells = {printable(layer.kind.kernel), channels_text(layer.kind),
                                      std::string(name(layer.kind.dtype)),
                                      std::string(name(layer.kind.direction)),
                                      std::to_string(layer.kind.threads)};
    add_measured_cells(cells, layer);
    table.add_row(std::move(cells));
  }
  return "\nlayers\n" + table.to_string();
}

std::string map_table(const DeviceConfig& config) {
  std::vector<Table::Column> columns = {{.head = "kernel", .align = Align::left},
                                        {.head = "threads"}};
  add_measured_columns(columns);
  Table table(columns);
  for (const TunedMap& map : config.maps()) {
    std::vector<std::string> cells = {printable(map.kind.kernel), std::to_string(map.kind.threads)};
    add_measured_cells(cells, map);
    table.add_row(std::move(cells));
  }
  return "\nkernel maps\n" + table.to_string();
}

std::string cost_table(const DeviceConfig& config) {
  Table table({{.head = "dataflow", .align = Align::left},
               {.head = "dtype", .align = Align::left},
               {.head = "direction", .align = Align::left},
               {.head = "threads"},
               {.head = "error", .unit = "%"},
               {.head = "samples"},
               {.head = "constants", .unit = "ns a unit", .align = Align::left}});
  for (const CostFit& fit : config.cost_model()) {
    std::string constants;
    for (const double ns : fit.ns)
      constants += fmt::format("{}{:.3g}", constants.empty() ? "" : ", ", ns);
    table.add_row({std::string(name(fit.dataflow)), std::string(name(fit.dtype)),
                   std::string(name(fit.direction)), std::to_string(fit.threads),
                   fmt::format("{:.1f}", 100 * fit.error), std::to_string(fit.samples), constants});
  }
  return "\ncost model\n" + table.to_string();
}

void show(const Paths& paths) {
  std::string text;
  for (const std::string& path : paths) {
    const DeviceConfig config = load(path);
    text += fmt::format("{}{}: written by gavotte {}\n{}\n", text.empty() ? "" : "\n", path,
                        printable(written_by(path)), device_text(config.device()));
    if (!config.layers().empty()) text += layer_table(config);
    if (!config.maps().empty()) text += map_table(config);
    if (!config.cost_model().empty()) text += cost_table(config);
    if (config.empty()) text += "no entries\n";
  }
  print(text);
}

// Rows of one file's entries, beside those of the same kind and size in the other.
template <class Entry>
void add_differences(std::span<const Entry> entries, const DeviceConfig& other, bool first,
                     Table& table, int& count) {
  for (const Entry& entry : entries) {
    const Entry* match = other.entry(entry.kind, entry.rows);
    const std::string kind = printable(entry.kind.to_string());
    if (match == nullptr) {
      std::vector<std::string> cells = {kind, first ? "only in the first" : "only in the second"};
      if (!first) cells.insert(cells.end(), 3, "");
      cells.insert(cells.end(), {with_commas(entry.rows), ms_text(entry.measured.ms),
                                 config_text(entry.config)});
      table.add_row(std::move(cells));
      ++count;
    } else if (first && match->config != entry.config) {
      table.add_row({kind, "config differs", with_commas(entry.rows), ms_text(entry.measured.ms),
                     config_text(entry.config), with_commas(match->rows),
                     ms_text(match->measured.ms), config_text(match->config)});
      ++count;
    }
  }
}

void diff(const std::string& a, const std::string& b) {
  const DeviceConfig first = load(a);
  const DeviceConfig second = load(b);
  Table table({{.head = "entry", .align = Align::left},
               {.head = "what", .align = Align::left},
               {.head = "voxels", .unit = "first"},
               {.head = "ms", .unit = "first"},
               {.head = "config", .unit = "first", .align = Align::left},
               {.head = "voxels", .unit = "second"},
               {.head = "ms", .unit = "second"},
               {.head = "config", .unit = "second", .align = Align::left}});
  int count = 0;
  add_differences(first.layers(), second, true, table, count);
  add_differences(second.layers(), first, false, table, count);
  add_differences(first.maps(), second, true, table, count);
  add_differences(second.maps(), first, false, table, count);

  std::string text;
  if (!first.device().same_device(second.device()))
    text += fmt::format("devices differ: {} and {}\n", printable(first.device().to_string()),
                        printable(second.device().to_string()));
  if (!std::ranges::equal(first.cost_model(), second.cost_model())) text += "cost models differ\n";
  text += count == 0 ? fmt::format("no entry differs between {} and {}\n", a, b)
                     : fmt::format("first: {}\nsecond: {}\n\n", a, b) + table.to_string();
  print(text);
}

void merge(const Paths& paths, const std::string& output) {
  check_writable(output);
  DeviceConfig merged = load(paths.front());
  for (std::size_t i = 1; i < paths.size(); ++i) {
    const DeviceConfig newer = load(paths[i]);
    with_input(paths[i], [&] { merged.merge(newer); });
  }
  with_input(output, [&] { merged.save(output); });
  print(fmt::format("{}: {} of {} files\n", output, counts_text(merged), paths.size()));
}

void validate(const Paths& paths) {
  std::vector<std::string> problems;
  for (const std::string& path : paths) {
    try {
      const DeviceConfig config = load(path);
      print(fmt::format("{}: valid, {}, for {}\n", path, counts_text(config),
                        printable(config.device().to_string())));
    } catch (const InputError& error) {
      problems.emplace_back(error.what());
    }
  }
  if (problems.empty()) return;
  // One line each; the last of them ends the command.
  for (std::size_t i = 0; i + 1 < problems.size(); ++i) {
    const std::string line = error_line(problems[i]);
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  throw InputError(problems.back());
}

void add_paths(Command command, Paths& paths, int least, int most) {
  command.add_option("FILE", paths, "Files that gavotte tune wrote")
      .required()
      .expected(least, most)
      .type_name("");
}

}  // namespace

void add_config_command(Command app) {
  constexpr int kMostFiles = 10000;
  Command command =
      app.add_subcommand("config", "Show, compare, merge and check files of tuned configs");
  command.require_subcommand();
  auto paths = std::make_shared<Paths>();
  auto output = std::make_shared<std::string>();

  Command shown = command.add_subcommand("show", "Print what files hold");
  add_paths(shown, *paths, 1, kMostFiles);
  shown.footer(
      "Times are medians; 'gain' is the default's time over the tuned one's, 'noise' the spread of "
      "one sample.\n"
      "Of a config, the fields that are not the default's are shown.\n\n"
      "Example:\n  gavotte config show device.json");
  shown.callback([paths] { show(*paths); });

  Command differing = command.add_subcommand("diff", "Print which entries of two files differ");
  add_paths(differing, *paths, 2, 2);
  differing.footer("Example:\n  gavotte config diff before.json after.json");
  differing.callback([paths] { diff(paths->at(0), paths->at(1)); });

  Command merged =
      command.add_subcommand("merge", "Make one file of several of one device; later ones win");
  add_paths(merged, *paths, 2, kMostFiles);
  merged.add_option("-o,--output", *output, "File to write; it may be one of those that are read")
      .required()
      .type_name("FILE");
  merged.footer("Example:\n  gavotte config merge monday.json friday.json -o device.json");
  merged.callback([paths, output] { merge(*paths, *output); });

  Command valid = command.add_subcommand("validate", "Check files, each told in one line");
  add_paths(valid, *paths, 1, kMostFiles);
  valid.footer(
      "Example:\n  gavotte config validate *.json\n\n"
      "Exit codes: 0 all are valid; 1 internal error; 2 one is not.");
  valid.callback([paths] { validate(*paths); });

  command.footer(
      "Examples:\n"
      "  gavotte config show device.json\n"
      "  gavotte config diff before.json after.json\n"
      "  gavotte config merge monday.json friday.json -o device.json\n"
      "  gavotte config validate *.json\n"
      "\n"
      "Exit codes: 0 done; 1 internal error; 2 bad input or usage.");
}

}  // namespace gavotte::cli
