// Options of `gavotte tune`, and the checks that need no file.
#include "tune_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "input_error.h"

namespace gavotte::cli {
namespace {

// All of `text` as a number.
template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void add_tune_options(Command command, TuneCommandOptions& options) {
  add_network_options(command, options.input.network);
  add_scan_options(command, options.input);
  command.option("NETWORK").required(false);
  command.option("SCAN").required(false);

  const std::string what = "What is tuned";
  command
      .add_flag(
          "--layers", options.layers,
          "In place of a network: a list of layers from 4 to 384 channels, on the SCANs or on "
          "the scenes lidar (0.1 m) and room (0.05 m)")
      .group(what);
  command
      .add_option("--direction", options.directions,
                  "forward, backward (dgrad and wgrad), or both: forward,backward [forward]")
      .type_name("LIST")
      .group(what);
  command
      .add_option("--dtype", options.input.dtype,
                  "Of features and weights: float16, bfloat16, float32, float64 [float32]")
      .one_of({"float16", "bfloat16", "float32", "float64"})
      .type_name("DTYPE")
      .group(what);
  command.add_flag("--no-maps", options.no_maps, "Layers alone, no kernel maps").group(what);

  const std::string how = "How it is tuned";
  command
      .add_option("--device", options.device,
                  "cpu, cuda or cuda:N [a GPU where there is one, else cpu]")
      .type_name("NAME")
      .group(how);
  add_threads_option(command, options.input, how);
  command
      .add_option("--budget", options.budget,
                  "Time for all: seconds, or with a unit: 90s, 5m, 1h [60s]")
      .type_name("TIME")
      .group(how);
  command.add_flag("--again", options.again, "Time what the file holds already anew").group(how);

  const std::string output = "Output";
  command
      .add_option("-o,--output", options.output,
                  "The file of the device's configs; what it holds is kept, and not timed again")
      .required()
      .type_name("FILE")
      .group(output);
  command
      .add_option("--report", options.report, "Write a page with charts of all candidates (HTML)")
      .type_name("FILE")
      .group(output);
  command
      .add_option("--json", options.input.json_path,
                  "Write the same as JSON to FILE, - for standard output alone")
      .type_name("FILE")
      .group(output);
  command.add_flag("-q,--quiet", options.input.quiet, "No progress line").group(output);
}

void settle_tune_options(Command command, TuneCommandOptions& options) {
  const auto refuse = [&](std::initializer_list<const char*> names, const char* why) {
    for (const char* option : names)
      if (command.given(option))
        throw InputError(std::string(option) + ": " + why + "; leave the option out");
  };
  std::string& network = options.input.network.name;
  std::vector<std::string>& scans = options.input.scans;
  if (options.layers) {
    if (!network.empty()) scans.insert(scans.begin(), network);
    network.clear();
    refuse({"--channels", "--classes", "--seed", "--features", "--reduce"},
           "expected with a network, not with --layers, which have no weights and features to "
           "speak of");
    if (scans.empty())
      refuse({"--voxel-size", "--crop"},
             "expected with scans, got --layers on scenes of their own");
    return;
  }
  if (network.empty())
    throw InputError("NETWORK: expected a network and scans, or --layers, got neither");
  if (scans.empty())
    throw InputError("SCAN: expected at least one scan to tune " + network + " on");
}

Device device_from_text(const std::string& text) {
  if (text.empty()) return Device::best();
  if (text == "cpu") return Device::cpu();
  const std::string_view prefix = "cuda";
  if (text.starts_with(prefix)) {
    const std::string_view rest = std::string_view(text).substr(prefix.size());
    const std::optional<int> index = rest.empty()          ? 0
                                     : rest.front() == ':' ? number<int>(rest.substr(1))
                                                           : std::nullopt;
    if (index && *index >= 0) {
      std::string why_none;
      const int devices = Device::cuda_count(&why_none);
      if (*index < devices) return {DeviceKind::cuda, *index};
      throw InputError("--device: expected a device of this machine, got " + text + "; it has " +
                       (devices > 0 ? std::to_string(devices) + " CUDA devices"
                                    : "no CUDA device: " + why_none));
    }
  }
  throw InputError("--device: expected cpu, cuda or cuda:N, got '" + text + "'");
}

std::vector<Direction> directions_from_text(const std::string& text) {
  std::vector<Direction> directions;
  const auto add = [&](Direction direction) {
    if (std::find(directions.begin(), directions.end(), direction) == directions.end())
      directions.push_back(direction);
  };
  for (const std::string& part : split_list(text)) {
    if (part == "forward") {
      add(Direction::forward);
    } else if (part == "backward") {
      add(Direction::dgrad);
      add(Direction::wgrad);
    } else {
      throw InputError("--direction: expected forward, backward or both with a comma, got '" +
                       part + "'");
    }
  }
  if (directions.empty())
    throw InputError("--direction: expected forward, backward or both with a comma, got none");
  return directions;
}

double seconds_from_text(const std::string& text) {
  double unit = 1;
  std::string_view digits = text;
  if (!text.empty()) {
    const char last = text.back();
    if (last == 's' || last == 'm' || last == 'h') {
      unit = last == 'h' ? 3600 : last == 'm' ? 60 : 1;
      digits.remove_suffix(1);
    }
  }
  constexpr double kMostSeconds = 7 * 24 * 3600;
  const std::optional<double> value = number<double>(digits);
  // Written so that NaN fails.
  if (!value || !(*value * unit > 0 && *value * unit <= kMostSeconds))
    throw InputError("--budget: expected a time above 0 and up to 168h, like 90s, 5m or 1h, got '" +
                     text + "'");
  return *value * unit;
}

}  // namespace gavotte::cli
