// The table of a run and its JSON.
#include "run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "config_text.h"
#include "joined.h"
#include "table.h"

namespace gavotte::cli {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

struct Totals {
  double gflop = 0;
  std::int64_t bytes = 0;
};

Totals totals(const RunStats& stats) {
  Totals sum;
  for (const LayerStats& layer : stats.layers) {
    sum.gflop += layer.gflop;
    sum.bytes += layer.bytes;
  }
  return sum;
}

double gflop_per_s(double gflop, double ms) { return ms > 0 ? gflop / (ms * 1e-3) : 0; }

// Layers that multiply no weights have no rate.
std::string rate_text(double gflop, double ms) {
  return gflop > 0 && ms > 0 ? fmt::format("{:.1f}", gflop_per_s(gflop, ms)) : "";
}

std::string ms_or_blank(double ms) { return ms > 0 ? fmt::format("{:.2f}", ms) : ""; }

// Where a layer's config came from, and what it is; nothing for layers that multiply no weights.
std::string source_text(const LayerStats& layer) {
  if (layer.gflop <= 0) return {};
  return fmt::format("{}: {}", name(layer.config_source), config_text(layer.config));
}

Table layer_table(const RunStats& stats, bool tuned) {
  std::vector<Table::Column> columns = {{.head = "layer", .align = Align::left},
                                        {.head = "kernel", .align = Align::left},
                                        {.head = "channels"},
                                        {.head = "voxels"},
                                        {.head = "matches", .unit = "a voxel"},
                                        {.head = "map", .unit = "ms"},
                                        {.head = "compute", .unit = "ms"},
                                        {.head = "rate", .unit = "GFLOP/s"},
                                        {.head = "moved", .unit = "MB"}};
  if (tuned) columns.push_back({.head = "config", .align = Align::left});
  Table table(columns);
  for (const LayerStats& layer : stats.layers) {
    std::vector<std::string> cells = {
        short_layer_name(layer.name),
        layer.kernel.empty() ? layer.op : layer.kernel,
        fmt::format("{} -> {}", layer.in_channels, layer.out_channels),
        with_commas(layer.out_voxels),
        layer.pairs > 0 ? fmt::format("{:.2f}", layer.matches_per_output) : "",
        ms_or_blank(layer.map_ms),
        fmt::format("{:.2f}", layer.compute_ms),
        rate_text(layer.gflop, layer.compute_ms),
        fmt::format("{:.2f}", static_cast<double>(layer.bytes) * 1e-6)};
    if (tuned) cells.push_back(source_text(layer));
    table.add_row(std::move(cells));
  }
  const Totals sum = totals(stats);
  table.add_rule();
  table.add_row({fmt::format("total, {} steps", stats.layers.size()), "", "", "", "",
                 fmt::format("{:.2f}", stats.map_ms), fmt::format("{:.2f}", stats.compute_ms),
                 rate_text(sum.gflop, stats.compute_ms),
                 fmt::format("{:.2f}", static_cast<double>(sum.bytes) * 1e-6)});
  return table;
}

std::string size_text(const std::array<double, 3>& size) {
  if (size[0] == size[1] && size[1] == size[2]) return fmt::format("{:g} m", size[0]);
  return fmt::format("{:g} x {:g} x {:g} m", size[0], size[1], size[2]);
}

std::string row(std::string_view name, std::string_view text) {
  return fmt::format("  {:<9}{}\n", name, text);
}

std::string input_text(const ScanReport& scan) {
  std::string out =
      row("scan", fmt::format("{} points -> {} voxels of {}", with_commas(scan.points),
                              with_commas(scan.voxels), size_text(scan.voxel_size_m)));
  std::string dropped;
  const auto drop = [&](std::int64_t count, std::string_view why) {
    if (count > 0)
      dropped += fmt::format("{}{} {}", dropped.empty() ? "" : ", ", with_commas(count), why);
  };
  drop(scan.dropped_nonfinite, "points NaN or infinite");
  drop(scan.cropped, "points outside --crop");
  drop(scan.dropped_out_of_int32, "points too far for int32 voxels");
  if (!dropped.empty()) out += row("dropped", dropped);
  std::string features = joined(scan.features);
  if (scan.replaced_features > 0) {
    features += fmt::format(" ({} values NaN or infinite, taken as 0)",
                            with_commas(scan.replaced_features));
  }
  return out + row("features", features);
}

// The five most frequent classes, or the five best scores.
std::string classes_text(const ScanReport& scan) {
  const bool pooled = !scan.scores.empty();
  std::vector<std::size_t> order(scan.classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return pooled ? scan.scores[a] > scan.scores[b] : scan.class_points[a] > scan.class_points[b];
  });
  const std::int64_t labelled =
      std::accumulate(scan.class_points.begin(), scan.class_points.end(), std::int64_t{0});
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(5, order.size()); ++i) {
    const std::size_t c = order[i];
    if (!pooled && scan.class_points[c] == 0) break;
    text += text.empty() ? "" : ", ";
    text += pooled ? fmt::format("{} {:.3g}", scan.classes[c], scan.scores[c])
                   : fmt::format("{} {:.1f} %", scan.classes[c],
                                 100.0 * static_cast<double>(scan.class_points[c]) /
                                     static_cast<double>(labelled));
  }
  return text.empty() ? "none" : text;
}

// Scratch of a call is not in it (RunStats).
std::string memory_text(const RunStats& stats) {
  const auto peak = static_cast<double>(stats.peak_bytes + stats.weight_bytes);
  std::string text = fmt::format("peak {}", human_bytes(peak));
  if (stats.needed_bytes > 0)
    text += fmt::format(", {:.2f} times what its inputs, outputs, weights and maps need",
                        peak / static_cast<double>(stats.needed_bytes));
  return text + fmt::format("; features {}, weights {}",
                            human_bytes(static_cast<double>(stats.arena_bytes)),
                            human_bytes(static_cast<double>(stats.weight_bytes)));
}

// mIoU 71.2 %: road 95.1, car 80.3
std::string score_text(const ScanReport& scan) {
  std::string text;
  for (std::size_t c = 0; c < scan.classes.size(); ++c) {
    if (std::isnan(scan.score->iou[c])) continue;
    text += fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ", scan.classes[c],
                        100 * scan.score->iou[c]);
  }
  return fmt::format("mIoU {:.1f} %: {}", 100 * scan.score->mean_iou, text);
}

Json score_json(const Score& score) {
  Json iou = Json::array();
  for (const double value : score.iou)
    iou.push_back(std::isnan(value) ? Json(nullptr) : Json(value));
  return {{"mean_iou", score.mean_iou}, {"points", score.points}, {"iou", std::move(iou)}};
}

Json layer_json(const LayerStats& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"kernel", layer.kernel},
          {"in_channels", layer.in_channels},
          {"out_channels", layer.out_channels},
          {"in_voxels", layer.in_voxels},
          {"voxels", layer.out_voxels},
          {"pairs", layer.pairs},
          {"matches_per_voxel", layer.matches_per_output},
          {"map_ms", layer.map_ms},
          {"compute_ms", layer.compute_ms},
          {"gflop", layer.gflop},
          {"gflop_per_s", gflop_per_s(layer.gflop, layer.compute_ms)},
          {"bytes", layer.bytes},
          {"padding", layer.padding},
          {"config", config_text(layer.config)},
          {"config_source", name(layer.config_source)}};
}

Json scan_json(const ScanReport& scan) {
  const Totals sum = totals(scan.stats);
  Json json = {{"file", scan.path},
               {"points", scan.points},
               {"voxels", scan.voxels},
               {"voxel_size_m", scan.voxel_size_m},
               {"dropped",
                {{"nonfinite", scan.dropped_nonfinite},
                 {"cropped", scan.cropped},
                 {"out_of_int32", scan.dropped_out_of_int32}}},
               {"features", scan.features},
               {"replaced_features", scan.replaced_features},
               {"rounds", scan.rounds},
               {"warmup", scan.warmup},
               {"read_ms", scan.read_ms},
               {"voxelize_ms", scan.voxelize_ms},
               {"map_ms", scan.stats.map_ms},
               {"compute_ms", scan.stats.compute_ms},
               {"total_ms", scan.stats.total_ms},
               {"gflop", sum.gflop},
               {"gflop_per_s", gflop_per_s(sum.gflop, scan.stats.compute_ms)},
               {"bytes", sum.bytes},
               {"arena_bytes", scan.stats.arena_bytes},
               {"peak_bytes", scan.stats.peak_bytes},
               {"weight_bytes", scan.stats.weight_bytes},
               {"needed_bytes", scan.stats.needed_bytes},
               {"classes", scan.classes}};
  if (scan.scores.empty()) {
    json["class_points"] = scan.class_points;
  } else {
    json["scores"] = scan.scores;
  }
  if (scan.score) json["score"] = score_json(*scan.score);
  json["labels_file"] = scan.labels_path.empty() ? Json(nullptr) : Json(scan.labels_path);
  json["picture_file"] = scan.picture_path.empty() ? Json(nullptr) : Json(scan.picture_path);
  json["layers"] = Json::array();
  for (const LayerStats& layer : scan.stats.layers) json["layers"].push_back(layer_json(layer));
  return json;
}

}  // namespace

RunStats median_stats(const std::vector<RunStats>& rounds) {
  RunStats stats = rounds.back();
  const auto middle = [&](auto&& time) {
    std::vector<double> times;
    times.reserve(rounds.size());
    for (const RunStats& round : rounds) times.push_back(time(round));
    return median(std::move(times));
  };
  stats.map_ms = middle([](const RunStats& round) { return round.map_ms; });
  stats.compute_ms = middle([](const RunStats& round) { return round.compute_ms; });
  stats.total_ms = middle([](const RunStats& round) { return round.total_ms; });
  for (std::size_t i = 0; i < stats.layers.size(); ++i) {
    stats.layers[i].map_ms = middle([i](const RunStats& round) { return round.layers[i].map_ms; });
    stats.layers[i].compute_ms =
        middle([i](const RunStats& round) { return round.layers[i].compute_ms; });
  }
  return stats;
}

std::string report_text(const RunSetup& setup, const ScanReport& scan) {
  const RunStats& stats = scan.stats;
  std::string out = fmt::format("{} on {}\n", setup.network, scan.path);
  out += input_text(scan);
  out +=
      row("run",
          fmt::format(
              "{}, {}, {} thread{}; {}", setup.device, setup.dtype, setup.threads,
              setup.threads == 1 ? "" : "s",
              scan.rounds > 1
                  ? fmt::format("median of {} rounds after {} to warm up", scan.rounds, scan.warmup)
                  : fmt::format("1 round after {} to warm up{}", scan.warmup,
                                scan.warmup == 0 ? ": memory is allocated within its time" : "")));
  out += "\n" + layer_table(stats, !setup.config.empty()).to_string() + "\n";
  out +=
      row("time",
          fmt::format(
              "read {:.1f} ms, voxelize {:.1f} ms, network {:.1f} ms (maps {:.1f}, compute {:.1f})",
              scan.read_ms, scan.voxelize_ms, stats.total_ms, stats.map_ms, stats.compute_ms));
  out += row("memory", memory_text(stats));
  out += row("classes", classes_text(scan));
  if (scan.score) out += row("score", score_text(scan));
  if (!setup.trained) {
    out += row("note", "the weights are seeded, not trained: these labels mean nothing");
  }
  std::string files = scan.labels_path;
  if (!scan.picture_path.empty()) files += (files.empty() ? "" : ", ") + scan.picture_path;
  if (!files.empty()) out += row("wrote", files);
  return out;
}

Json report_json(const RunSetup& setup, const std::vector<ScanReport>& scans) {
  Json json = {{"network", setup.network},
               {"trained", setup.trained},
               {"device", setup.device},
               {"dtype", setup.dtype},
               {"threads", setup.threads}};
  json["config"] = setup.config.empty() ? Json(nullptr) : Json(setup.config);
  json["scans"] = Json::array();
  for (const ScanReport& scan : scans) json["scans"].push_back(scan_json(scan));
  return json;
}

}  // namespace gavotte::cli
