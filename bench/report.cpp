#include "report.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "check.h"

namespace gavotte::bench {
namespace {

double held_over_needed(const MemoryRow& row) {
  return static_cast<double>(row.held_bytes) / static_cast<double>(row.needed_bytes);
}

std::int64_t map_bytes(const MemoryRow& row) {
  return row.needed_bytes - row.input_bytes - row.feature_bytes - row.weight_bytes;
}

std::string memory_table(const std::vector<MemoryRow>& rows) {
  std::string text =
      "\nMemory of a steady run, in 10^6 bytes. held: the most of operator new, scan, Executor and "
      "kept blocks; "
      "beyond: what of it is not needed.\n\n"
      "| scene | network | dtype | input | features | weights | maps, sets | needed | beyond | "
      "held | held / needed |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n";
  const auto mega = [](std::int64_t bytes) {
    return fmt::format("{:.2f}", static_cast<double>(bytes) * 1e-6);
  };
  for (const MemoryRow& row : rows)
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.2f} |\n", row.scene,
                        row.network, row.dtype, mega(row.input_bytes), mega(row.feature_bytes),
                        mega(row.weight_bytes), mega(map_bytes(row)), mega(row.needed_bytes),
                        mega(row.held_bytes - row.needed_bytes), mega(row.held_bytes),
                        held_over_needed(row));
  return text;
}

std::string sharing_table(const std::vector<SharingRow>& rows) {
  std::string text =
      "\nSharing. Latency from an urgent job's arrival, over its median alone; in time: by its "
      "deadline, twice that median. It arrives every four times that median. Throughput of the "
      "best-effort job, and the time from asking it to stop until it has, over its own alone.\n\n"
      "| scene | threads | urgent job | arrivals | p50 | p99 | in time | throughput | stop p50 | "
      "stop p99 |\n|---|---|---|---|---|---|---|---|---|---|\n";
  const auto shown = [](double value, const char* format) {
    return value > 0 ? fmt::format(fmt::runtime(format), value) : std::string("-");
  };
  for (const SharingRow& row : rows)
    text += fmt::format("| {} | {} | {} | {} | {:.2f} | {:.2f} | {:.0f} % | {} | {} | {} |\n",
                        row.scene, row.threads, row.way, row.arrivals, row.p50, row.p99,
                        100 * row.hits, shown(row.throughput, "{:.2f}"),
                        shown(row.stop_p50, "{:.4f}"), shown(row.stop_p99, "{:.4f}"));
  return text;
}

}  // namespace

std::vector<Row> rows_of(const Row& like, const std::vector<Contender>& contenders,
                         const Comparison& times) {
  std::vector<Row> rows(contenders.size(), like);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].library = contenders[i].name;
    rows[i].median_ms = times.median_ms(i);
    rows[i].ratio = times.ratio(i);
    rows[i].ratio_to = contenders[0].name;
  }
  return rows;
}

void write_json(const Report& report, const std::filesystem::path& path) {
  std::string text = "[";
  for (const Row& row : report.rows) {
    nlohmann::ordered_json json = {
        {"scene", row.scene},         {"operation", row.operation}, {"layer", row.layer},
        {"dtype", row.dtype},         {"threads", row.threads},     {"library", row.library},
        {"median_ms", row.median_ms}, {"ratio", row.ratio},         {"ratio_to", row.ratio_to}};
    if (row.padding > 0) json["padding"] = row.padding;
    text += (text.size() > 1 ? ",\n " : "\n ") + json.dump();
  }
  for (const MemoryRow& row : report.memory) {
    const nlohmann::ordered_json json = {{"scene", row.scene},
                                         {"operation", "memory"},
                                         {"network", row.network},
                                         {"dtype", row.dtype},
                                         {"held_bytes", row.held_bytes},
                                         {"needed_bytes", row.needed_bytes},
                                         {"input_bytes", row.input_bytes},
                                         {"feature_bytes", row.feature_bytes},
                                         {"weight_bytes", row.weight_bytes},
                                         {"map_bytes", map_bytes(row)},
                                         {"ratio", held_over_needed(row)}};
    text += (text.size() > 1 ? ",\n " : "\n ") + json.dump();
  }
  for (const SharingRow& row : report.sharing) {
    const nlohmann::ordered_json json = {
        {"scene", row.scene},       {"operation", "sharing"},   {"threads", row.threads},
        {"way", row.way},           {"arrivals", row.arrivals}, {"p50", row.p50},
        {"p99", row.p99},           {"hits", row.hits},         {"throughput", row.throughput},
        {"stop_p50", row.stop_p50}, {"stop_p99", row.stop_p99}};
    text += (text.size() > 1 ? ",\n " : "\n ") + json.dump();
  }
  text += "\n]\n";
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  GAVOTTE_CHECK_RUNTIME(file.good(), "cannot write " + path.string());
}

std::string to_markdown(const Report& report) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "# Benchmark\n\n- command: `{}`\n- commit: {}\n- device: {}\n- medians of {} "
                 "rounds; what is compared ran interleaved, in one process\n- ratio: time of "
                 "`ratio to` over the row's own in one round, the median over the rounds; above 1 "
                 "the row is the faster. Times in ms serve only to judge whether a ratio is in the "
                 "noise.\n\n",
                 report.command, report.commit, report.device, report.rounds);
  fmt::format_to(out, "| scene | voxels | matches a voxel |\n|---|---|---|\n");
  for (const SceneFacts& facts : report.scenes)
    fmt::format_to(out, "| {} | {} | {:.1f} |\n", facts.scene, facts.voxels,
                   facts.matches_per_voxel);
  if (!report.memory.empty()) text += memory_table(report.memory);
  if (!report.sharing.empty()) text += sharing_table(report.sharing);
  if (report.rows.empty()) return text;
  if (!report.notes.empty()) text += '\n';
  for (const std::string& note : report.notes) fmt::format_to(out, "- {}\n", note);
  fmt::format_to(out,
                 "\n| scene | operation | layer | dtype | threads | library | median ms | ratio | "
                 "ratio to | padding |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const Row& row : report.rows) {
    fmt::format_to(out, "| {} | {} | {} | {} | {} | {} | {:.2f} | {:.2f} | {} | {} |\n", row.scene,
                   row.operation, row.layer, row.dtype, row.threads, row.library, row.median_ms,
                   row.ratio, row.ratio_to,
                   row.padding > 0 ? fmt::format("{:.3f}", row.padding) : std::string("-"));
  }
  return text;
}

}  // namespace gavotte::bench
