// Tables and JSON of a TuneReport.
#include "tune_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "build_info.h"
#include "config_text.h"
#include "table.h"

namespace gavotte::cli {
namespace {

std::string name_text(const LayerTuning& layer) {
  return printable(short_layer_name(layer.name)) +
         (layer.layers > 1 ? fmt::format(" (x {})", layer.layers) : "");
}

double gain(const Measurement& measured) {
  return measured.ms > 0 && measured.default_ms > 0 ? measured.default_ms / measured.ms : 1;
}

std::string layer_table(const TuneReport& report) {
  Table table({{.head = "layer", .align = Align::left},
               {.head = "kernel", .align = Align::left},
               {.head = "channels"},
               {.head = "direction", .align = Align::left},
               {.head = "voxels"},
               {.head = "default", .unit = "ms"},
               {.head = "tuned", .unit = "ms"},
               {.head = "gain"},
               {.head = "padding"},
               {.head = "config", .align = Align::left}});
  for (const LayerTuning& layer : report.layers) {
    const TunedLayer& best = layer.best;
    table.add_row(
        {name_text(layer), printable(best.kind.kernel), channels_text(best.kind),
         std::string(name(best.kind.direction)), with_commas(best.rows),
         ms_text(best.measured.default_ms), ms_text(best.measured.ms), gain_text(best.measured),
         layer.padding > 0 ? fmt::format("{:.2f}", layer.padding) : "", config_text(best.config)});
  }
  return table.to_string();
}

std::string map_table(const TuneReport& report) {
  Table table({{.head = "kernel map", .align = Align::left},
               {.head = "voxels"},
               {.head = "default", .unit = "ms"},
               {.head = "tuned", .unit = "ms"},
               {.head = "gain"},
               {.head = "config", .align = Align::left}});
  for (const MapTuning& map : report.maps) {
    const TunedMap& best = map.best;
    table.add_row({printable(best.kind.kernel), with_commas(best.rows),
                   ms_text(best.measured.default_ms), ms_text(best.measured.ms),
                   gain_text(best.measured), config_text(best.config)});
  }
  return table.to_string();
}

template <class Candidate>
Json candidate_json(const Candidate& candidate, double predicted_ms) {
  return {{"config", config_text(candidate.config)},
          {"ms", candidate.ms},
          {"predicted_ms", predicted_ms},
          {"samples", candidate.samples},
          {"verdict", name(candidate.verdict)},
          {"default", candidate.is_default}};
}

// What layers and maps share.
template <class Entry>
void add_measured(Json& json, const Entry& best) {
  json["kernel"] = best.kind.kernel;
  json["threads"] = best.kind.threads;
  json["voxels"] = best.rows;
  json["pairs"] = best.pairs;
  json["default_ms"] = best.measured.default_ms;
  json["ms"] = best.measured.ms;
  json["gain"] = gain(best.measured);
  json["noise"] = best.measured.noise;
  json["samples"] = best.measured.samples;
  json["config"] = config_text(best.config);
}

Json layer_json(const LayerTuning& layer) {
  const LayerKind& kind = layer.best.kind;
  Json json = {
      {"name", layer.name},
      {"what", fmt::format("{}, {}, {}, {}, {} voxels", kind.kernel, channels_text(kind),
                           name(kind.dtype), name(kind.direction), with_commas(layer.best.rows))},
      {"layers", layer.layers},
      {"in_channels", kind.in_channels},
      {"out_channels", kind.out_channels},
      {"groups", kind.groups},
      {"dtype", name(kind.dtype)},
      {"direction", name(kind.direction)}};
  add_measured(json, layer.best);
  json["padding"] = layer.padding;
  json["from_file"] = layer.from_start;
  json["candidates"] = Json::array();
  for (const LayerCandidate& candidate : layer.candidates)
    json["candidates"].push_back(candidate_json(candidate, candidate.predicted_ms));
  return json;
}

Json map_json(const MapTuning& map) {
  Json json = {{"name", map.best.kind.kernel},
               {"what", fmt::format("kernel map, {} voxels", with_commas(map.best.rows))}};
  add_measured(json, map.best);
  json["from_file"] = map.from_start;
  json["candidates"] = Json::array();
  for (const MapCandidate& candidate : map.candidates)
    json["candidates"].push_back(candidate_json(candidate, 0));
  return json;
}

}  // namespace

std::vector<std::string> tune_notes(const TuneSetup& setup, const TuneReport& report) {
  std::vector<std::string> notes;
  const auto from_file = std::count_if(report.layers.begin(), report.layers.end(),
                                       [](const auto& layer) { return layer.from_start; }) +
                         std::count_if(report.maps.begin(), report.maps.end(),
                                       [](const auto& map) { return map.from_start; });
  if (from_file > 0)
    notes.push_back(fmt::format(
        "{} of these were in {} already and are not timed again; --again times all anew.",
        from_file, setup.output));
  if (setup.interrupted)
    notes.push_back(fmt::format(
        "Stopped by Ctrl-C: what was found is in {}; the same command goes on from there.",
        setup.output));
  else if (!report.finished)
    notes.push_back(fmt::format(
        "The budget of {:g} s was over before all was timed; the same command goes on from "
        "there, or give --budget more.",
        setup.budget_s));
  if (const std::string noise = report.noise_text(); report.noisy && !noise.empty())
    notes.push_back(noise);
  return notes;
}

std::string tune_text(const TuneSetup& setup, const TuneReport& report) {
  std::string text = fmt::format("{} on {}, {}, threads {}\n", printable(setup.title),
                                 printable(setup.device.to_string()), setup.dtype, setup.threads);
  if (!report.layers.empty()) text += "\n" + layer_table(report);
  if (!report.maps.empty()) text += "\n" + map_table(report);
  text +=
      fmt::format("\n{}: gain {:.2f}x over all layers, {} timed in {:.0f} s, noise {:.1f} %\n",
                  setup.output, report.gain(), report.timed, report.seconds, 100 * report.noise);
  for (const std::string& note : tune_notes(setup, report)) text += printable(note) + "\n";
  return text;
}

Json tune_json(const TuneSetup& setup, const TuneReport& report) {
  Json json = {{"title", setup.title},        {"version", build::kVersion},
               {"output", setup.output},      {"device", setup.device.to_string()},
               {"dtype", setup.dtype},        {"threads", setup.threads},
               {"scans", Json::array()},      {"budget_s", setup.budget_s},
               {"seconds", report.seconds},   {"timed", report.timed},
               {"noise", report.noise},       {"noisy", report.noisy},
               {"finished", report.finished}, {"interrupted", setup.interrupted},
               {"gain", report.gain()},       {"notes", tune_notes(setup, report)},
               {"layers", Json::array()},     {"maps", Json::array()}};
  for (const TuneSetup::Scan& scan : setup.scans)
    json["scans"].push_back({{"name", scan.name}, {"voxels", scan.voxels}});
  for (const LayerTuning& layer : report.layers) json["layers"].push_back(layer_json(layer));
  for (const MapTuning& map : report.maps) json["maps"].push_back(map_json(map));
  return json;
}

std::string progress_text(const TuneProgress& progress) {
  const double left = std::max(progress.budget_s - progress.elapsed_s, 0.0);
  const int seconds = static_cast<int>(std::ceil(left));
  constexpr int kCells = 24;
  const double part = progress.budget_s > 0 ? progress.elapsed_s / progress.budget_s : 1;
  const double done = progress.total > 0 ? static_cast<double>(progress.done) / progress.total : 1;
  const auto full = static_cast<std::size_t>(kCells * std::clamp(std::max(part, done), 0.0, 1.0));
  return fmt::format("[{}{}] {} of {}, at most {}:{:02} left, gain {:.2f}x, {}",
                     std::string(full, '#'), std::string(kCells - full, '.'), progress.done,
                     progress.total, seconds / 60, seconds % 60, progress.gain,
                     printable(progress.name));
}

}  // namespace gavotte::cli
