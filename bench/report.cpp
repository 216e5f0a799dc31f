#include "report.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "check.h"

namespace gavotte::bench {

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
                 "`ratio to` over the row's own; above 1 the row is the faster. Times in ms serve "
                 "only to judge whether a ratio is in the noise.\n\n",
                 report.command, report.commit, report.device, report.rounds);
  fmt::format_to(out, "| scene | voxels | matches a voxel |\n|---|---|---|\n");
  for (const SceneFacts& facts : report.scenes)
    fmt::format_to(out, "| {} | {} | {:.1f} |\n", facts.scene, facts.voxels,
                   facts.matches_per_voxel);
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
