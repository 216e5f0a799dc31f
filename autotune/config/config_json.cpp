// Written with one entry a line, so that two files can be compared line by line; read strictly.
#include "config/config_json.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "gavotte/device_config.h"
#include "gavotte/version.h"
#include "network/json.h"

namespace gavotte {
namespace {

using internal::check_keys;
using internal::Json;
using internal::member;
using internal::to_array;
using internal::to_bool;
using internal::to_integer;
using internal::to_number;
using internal::to_object;
using internal::to_text;

constexpr std::int64_t kMostRows = std::int64_t{1} << 40;
constexpr std::int64_t kMostChannels = std::int64_t{1} << 20;
constexpr std::size_t kMostEntries = 20'000;
constexpr std::size_t kMostTextBytes = 256;
constexpr std::size_t kMostUnits = 16;

// The value of an enum whose name the text is.
template <class Enum>
Enum named(const Json& value, Enum last, const std::string& where) {
  const std::string& text = to_text(value, where);
  std::string names;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto candidate = static_cast<Enum>(i);
    if (name(candidate) == text) return candidate;
    names += (i > 0 ? ", " : "") + std::string(name(candidate));
  }
  GAVOTTE_CHECK(false, where + ": expected one of " + names + ", got '" + text.substr(0, 40) + "'");
  return last;
}

std::string short_text(const Json& object, const char* key, const std::string& where) {
  const std::string& text = to_text(member(object, key, where), where + "." + key);
  GAVOTTE_CHECK(text.size() <= kMostTextBytes, where + "." + key + ": expected at most " +
                                                   std::to_string(kMostTextBytes) + " bytes, got " +
                                                   std::to_string(text.size()));
  return text;
}

std::int64_t integer(const Json& object, const char* key, std::int64_t lowest, std::int64_t highest,
                     const std::string& where) {
  return to_integer(member(object, key, where), lowest, highest, where + "." + key);
}
std::int32_t int32(const Json& object, const char* key, const std::string& where) {
  return static_cast<std::int32_t>(
      integer(object, key, 0, std::numeric_limits<std::int32_t>::max(), where));
}

double positive(const Json& object, const char* key, const std::string& where) {
  const double value = to_number(member(object, key, where), where + "." + key);
  GAVOTTE_CHECK(value >= 0 && std::isfinite(value), where + "." + key +
                                                        ": expected a number of at least 0, got " +
                                                        member(object, key, where).dump());
  return value;
}

DType dtype_of(const Json& object, const std::string& where) {
  const std::string text = short_text(object, "dtype", where);
  for (const DType dtype :
       {DType::float16, DType::bfloat16, DType::float32, DType::float64, DType::int8})
    if (name(dtype) == text) return dtype;
  GAVOTTE_CHECK(false, where +
                           ".dtype: expected float16, bfloat16, float32, float64 or int8, got '" +
                           text.substr(0, 40) + "'");
  return {};
}

int threads_of(const Json& object, const std::string& where) {
  return static_cast<int>(integer(object, "threads", 1, 1024, where));
}

Json json_of(const ConvConfig& config) {
  Json json = {{"dataflow", name(config.dataflow)},
               {"tile_rows", config.tile_rows},
               {"gather_channel_tile", config.gather_channel_tile},
               {"scatter_channel_tile", config.scatter_channel_tile},
               {"grouping", name(config.grouping)},
               {"padding_threshold", config.padding_threshold},
               {"launch_cost_rows", config.launch_cost_rows},
               {"wgrad_chunk_pairs", config.wgrad_chunk_pairs},
               {"gemm_columns", config.gemm_columns},
               {"threads", config.threads}};
  // Left out where true: what does not need it is read by libraries that do not know it.
  if (!config.matrix_tiles) json["matrix_tiles"] = false;
  return json;
}

ConvConfig conv_config_of(const Json& json, const std::string& where) {
  check_keys(to_object(json, where),
             {"dataflow", "tile_rows", "gather_channel_tile", "scatter_channel_tile", "grouping",
              "padding_threshold", "launch_cost_rows", "wgrad_chunk_pairs", "gemm_columns",
              "threads", "matrix_tiles"},
             where);
  ConvConfig config;
  config.dataflow =
      named(member(json, "dataflow", where), Dataflow::tile_indirect, where + ".dataflow");
  config.tile_rows = int32(json, "tile_rows", where);
  config.gather_channel_tile = int32(json, "gather_channel_tile", where);
  config.scatter_channel_tile = int32(json, "scatter_channel_tile", where);
  config.grouping =
      named(member(json, "grouping", where), GroupingPolicy::none, where + ".grouping");
  config.padding_threshold = static_cast<float>(positive(json, "padding_threshold", where));
  config.launch_cost_rows = static_cast<float>(positive(json, "launch_cost_rows", where));
  config.wgrad_chunk_pairs = int32(json, "wgrad_chunk_pairs", where);
  config.gemm_columns = int32(json, "gemm_columns", where);
  config.threads = int32(json, "threads", where);
  if (json.contains("matrix_tiles"))
    config.matrix_tiles = to_bool(json["matrix_tiles"], where + ".matrix_tiles");
  return config;
}

Json json_of(const MapConfig& config) {
  return {{"builder", name(config.builder)},
          {"symmetric", config.symmetric},
          {"block_size", config.block_size},
          {"query_tile", config.query_tile},
          {"threads", config.threads}};
}

MapConfig map_config_of(const Json& json, const std::string& where) {
  check_keys(to_object(json, where),
             {"builder", "symmetric", "block_size", "query_tile", "threads"}, where);
  MapConfig config;
  config.builder =
      named(member(json, "builder", where), MapBuilder::column_walk, where + ".builder");
  config.symmetric = to_bool(member(json, "symmetric", where), where + ".symmetric");
  config.block_size = int32(json, "block_size", where);
  config.query_tile = int32(json, "query_tile", where);
  config.threads = int32(json, "threads", where);
  return config;
}

// The members that layers and maps share.
template <class Entry>
void write_measured(const Entry& entry, Json& json) {
  json["kernel"] = entry.kind.kernel;
  json["threads"] = entry.kind.threads;
  json["rows"] = entry.rows;
  json["pairs"] = entry.pairs;
  json["config"] = json_of(entry.config);
  json["ms"] = entry.measured.ms;
  json["default_ms"] = entry.measured.default_ms;
  json["noise"] = entry.measured.noise;
  json["samples"] = entry.measured.samples;
}

template <class Entry>
void read_measured(const Json& json, const std::string& where, Entry& entry) {
  entry.kind.kernel = short_text(json, "kernel", where);
  entry.kind.threads = threads_of(json, where);
  entry.rows = integer(json, "rows", 0, kMostRows, where);
  entry.pairs = integer(json, "pairs", 0, kMostRows * 4096, where);
  entry.measured = {positive(json, "ms", where), positive(json, "default_ms", where),
                    positive(json, "noise", where),
                    static_cast<int>(integer(json, "samples", 0, 1'000'000'000, where))};
}

Json json_of(const TunedLayer& layer) {
  Json json = {{"in_channels", layer.kind.in_channels},
               {"out_channels", layer.kind.out_channels},
               {"groups", layer.kind.groups},
               {"dtype", name(layer.kind.dtype)},
               {"direction", name(layer.kind.direction)}};
  write_measured(layer, json);
  return json;
}

TunedLayer layer_of(const Json& json, const std::string& where) {
  check_keys(to_object(json, where),
             {"kernel", "in_channels", "out_channels", "groups", "dtype", "direction", "threads",
              "rows", "pairs", "config", "ms", "default_ms", "noise", "samples"},
             where);
  TunedLayer layer;
  read_measured(json, where, layer);
  layer.kind.in_channels = integer(json, "in_channels", 1, kMostChannels, where);
  layer.kind.out_channels = integer(json, "out_channels", 1, kMostChannels, where);
  layer.kind.groups = static_cast<int>(integer(json, "groups", 1, kMostChannels, where));
  layer.kind.dtype = dtype_of(json, where);
  layer.kind.direction =
      named(member(json, "direction", where), Direction::wgrad, where + ".direction");
  layer.config = conv_config_of(member(json, "config", where), where + ".config");
  return layer;
}

Json json_of(const TunedMap& map) {
  Json json = Json::object();
  write_measured(map, json);
  return json;
}

TunedMap map_of(const Json& json, const std::string& where) {
  check_keys(
      to_object(json, where),
      {"kernel", "threads", "rows", "pairs", "config", "ms", "default_ms", "noise", "samples"},
      where);
  TunedMap map;
  read_measured(json, where, map);
  map.config = map_config_of(member(json, "config", where), where + ".config");
  return map;
}

Json json_of(const CostFit& fit) {
  return {{"dtype", name(fit.dtype)},
          {"direction", name(fit.direction)},
          {"dataflow", name(fit.dataflow)},
          {"threads", fit.threads},
          {"ns", fit.ns},
          {"error", fit.error},
          {"samples", fit.samples}};
}

CostFit fit_of(const Json& json, const std::string& where) {
  check_keys(to_object(json, where),
             {"dtype", "direction", "dataflow", "threads", "ns", "error", "samples"}, where);
  CostFit fit;
  fit.dtype = dtype_of(json, where);
  fit.direction = named(member(json, "direction", where), Direction::wgrad, where + ".direction");
  fit.dataflow =
      named(member(json, "dataflow", where), Dataflow::tile_indirect, where + ".dataflow");
  fit.threads = threads_of(json, where);
  for (const Json& value : to_array(member(json, "ns", where), kMostUnits, where + ".ns")) {
    fit.ns.push_back(to_number(value, where + ".ns"));
    GAVOTTE_CHECK(std::isfinite(fit.ns.back()) && fit.ns.back() >= 0,
                  where + ".ns: expected numbers of at least 0, got " + value.dump());
  }
  fit.error = positive(json, "error", where);
  fit.samples = static_cast<int>(integer(json, "samples", 0, 1'000'000'000, where));
  return fit;
}

Json json_of(const DeviceIdentity& device) {
  Json json = {{"kind", device.kind == DeviceKind::cpu ? "cpu" : "cuda"},
               {"name", device.name},
               {"units", device.units},
               {"cache_bytes", device.cache_bytes},
               {"clock_mhz", device.clock_mhz}};
  if (device.kind == DeviceKind::cpu) {
    json["target"] = device.target;
  } else {
    json["compute_capability"] = device.compute_capability;
  }
  return json;
}

DeviceIdentity device_of(const Json& json, const std::string& where) {
  to_object(json, where);
  DeviceIdentity device;
  const std::string kind = short_text(json, "kind", where);
  GAVOTTE_CHECK(kind == "cpu" || kind == "cuda",
                where + ".kind: expected cpu or cuda, got '" + kind.substr(0, 40) + "'");
  device.kind = kind == "cpu" ? DeviceKind::cpu : DeviceKind::cuda;
  const char* own = kind == "cpu" ? "target" : "compute_capability";
  check_keys(json, {"kind", "name", "units", "cache_bytes", "clock_mhz", own}, where);
  device.name = short_text(json, "name", where);
  device.units = int32(json, "units", where);
  device.cache_bytes = integer(json, "cache_bytes", 0, kMostRows, where);
  device.clock_mhz = positive(json, "clock_mhz", where);
  if (kind == "cpu") {
    device.target = short_text(json, "target", where);
    return device;
  }
  const std::string what = where + ".compute_capability";
  const Json& capability = to_array(member(json, own, where), 2, what);
  GAVOTTE_CHECK(capability.size() == 2, what + ": expected [major, minor], got " +
                                            std::to_string(capability.size()) + " numbers");
  for (std::size_t i = 0; i < 2; ++i)
    device.compute_capability[i] = static_cast<int>(to_integer(capability[i], 0, 1000, what));
  return device;
}

// [ entry, entry ], each on a line of its own.
template <class Entry>
std::string lines(std::span<const Entry> entries) {
  std::string text = "[";
  for (const Entry& entry : entries)
    text += (&entry == entries.data() ? "\n    " : ",\n    ") +
            internal::dump_json(json_of(entry), "device config");
  return text + (entries.empty() ? "]" : "\n  ]");
}

// Puts the entries of an array into the config; each of them once.
template <class Entry>
void read_entries(const Json& json, const char* key, const std::string& what,
                  Entry (*read)(const Json&, const std::string&), DeviceConfig& config) {
  const std::string array = what + ": " + key;
  const auto entries = [&config] {
    return config.layers().size() + config.maps().size() + config.cost_model().size();
  };
  std::size_t index = 0;
  for (const Json& element : to_array(member(json, key, what), kMostEntries, array)) {
    const std::string where = array + "[" + std::to_string(index++) + "]";
    const Entry entry = read(element, where);
    const std::size_t before = entries();
    try {
      config.put(entry);
    } catch (const Error& error) {
      GAVOTTE_CHECK(false, where + ": " + error.what());
    }
    GAVOTTE_CHECK(entries() > before, where + ": expected one entry of a kind and size, got two");
  }
}

}  // namespace

std::string DeviceConfig::to_json() const {
  return "{\n  \"format\": " + std::to_string(internal::kConfigFormat) +
         ",\n  \"kernels\": " + std::to_string(internal::kKernelsRevision) +
         ",\n  \"gavotte\": \"" + std::string(version()) +
         "\",\n  \"device\": " + internal::dump_json(json_of(device_), "device config") +
         ",\n  \"layers\": " + lines(layers()) + ",\n  \"maps\": " + lines(maps()) +
         ",\n  \"cost_model\": " + lines(cost_model()) + "\n}\n";
}

DeviceConfig DeviceConfig::from_json(std::string_view text, const std::string& what) {
  const Json json = internal::parse_json(text, what);
  to_object(json, what);
  // First of all, so that a file of another version is not called wrong for what is new in it.
  const std::int64_t format = integer(json, "format", 1, 1'000'000, what);
  GAVOTTE_CHECK(format == internal::kConfigFormat,
                what + ": format " + std::to_string(format) + " is of a newer library; this one, " +
                    std::string(version()) + ", reads format " +
                    std::to_string(internal::kConfigFormat) + ": update it, or tune anew");
  const std::int64_t kernels = integer(json, "kernels", 0, 1'000'000, what);
  GAVOTTE_CHECK(kernels == internal::kKernelsRevision,
                what + ": it was tuned for kernels of revision " + std::to_string(kernels) +
                    ", this library has revision " + std::to_string(internal::kKernelsRevision) +
                    ": tune anew into another file");
  check_keys(json, {"format", "kernels", "gavotte", "device", "layers", "maps", "cost_model"},
             what);
  short_text(json, "gavotte", what);
  DeviceConfig config(device_of(member(json, "device", what), what + ": device"));
  read_entries(json, "layers", what, &layer_of, config);
  read_entries(json, "maps", what, &map_of, config);
  read_entries(json, "cost_model", what, &fit_of, config);
  return config;
}

}  // namespace gavotte
