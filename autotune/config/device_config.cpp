// Entries sorted by kind and size bucket, and the look-up among them.
#include "gavotte/device_config.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <tuple>

#include "check.h"
#include "cost_model.h"

namespace gavotte {
namespace {

constexpr int kNearBuckets = 1;  // an entry twice as far away is no better than the default

template <class Kind>
struct Place {
  const Kind& kind;
  int bucket;
};

template <class Entry, class Kind>
bool before(const Entry& entry, const Place<Kind>& place) {
  const auto order = entry.kind <=> place.kind;
  return order != 0 ? order < 0 : size_bucket(entry.rows) < place.bucket;
}

template <class Entries, class Kind>
auto lower_bound(Entries& entries, const Kind& kind, int bucket) {
  return std::lower_bound(
      entries.begin(), entries.end(), Place<Kind>{kind, bucket},
      [](const auto& entry, const auto& place) { return before(entry, place); });
}

template <class Entries, class Kind>
const typename Entries::value_type* find_entry(const Entries& entries, const Kind& kind,
                                               int bucket) noexcept {
  const auto found = lower_bound(entries, kind, bucket);
  const bool is_it =
      found != entries.end() && found->kind == kind && size_bucket(found->rows) == bucket;
  return is_it ? &*found : nullptr;
}

template <class Entries>
void put_entry(Entries& entries, typename Entries::value_type entry) {
  const int bucket = size_bucket(entry.rows);
  const auto place = lower_bound(entries, entry.kind, bucket);
  if (place != entries.end() && place->kind == entry.kind && size_bucket(place->rows) == bucket) {
    *place = std::move(entry);
  } else {
    entries.insert(place, std::move(entry));
  }
}

// The entry of the next bucket, of that whose rows are nearer by ratio where there are two.
template <class Entries, class Kind>
const typename Entries::value_type* find_near(const Entries& entries, const Kind& kind,
                                              std::int64_t rows) noexcept {
  const auto* below = find_entry(entries, kind, size_bucket(rows) - kNearBuckets);
  const auto* above = find_entry(entries, kind, size_bucket(rows) + kNearBuckets);
  if (below == nullptr || above == nullptr) return below != nullptr ? below : above;
  const auto ratio = [rows](const auto& entry) {
    return std::abs(std::log(static_cast<double>(std::max<std::int64_t>(entry.rows, 1)) /
                             static_cast<double>(std::max<std::int64_t>(rows, 1))));
  };
  return ratio(*below) <= ratio(*above) ? below : above;
}

void check_measured(std::int64_t rows, std::int64_t pairs, const Measurement& measured) {
  GAVOTTE_CHECK(rows >= 0 && pairs >= 0,
                "a tuned entry expects rows and pairs of at least 0, got " + std::to_string(rows) +
                    " and " + std::to_string(pairs));
  // Written so that NaN fails.
  GAVOTTE_CHECK(measured.ms >= 0 && measured.default_ms >= 0 && measured.noise >= 0 &&
                    std::isfinite(measured.ms + measured.default_ms + measured.noise) &&
                    measured.samples >= 0,
                "a tuned entry expects finite times, noise and samples of at least 0");
}

void check_kind(const std::string& kernel, int threads) {
  GAVOTTE_CHECK(!kernel.empty(), "a tuned entry expects the name of a kernel, got none");
  GAVOTTE_CHECK(threads >= 1 && threads <= 1024,
                "a tuned entry expects threads in [1, 1024], got " + std::to_string(threads));
}

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view("unknown");
}

}  // namespace

std::string_view name(Direction direction) noexcept {
  return name_of<Direction, 3>({"forward", "dgrad", "wgrad"}, direction);
}

std::string_view name(ConfigSource source) noexcept {
  return name_of<ConfigSource, 4>({"exact", "nearest", "model", "default"}, source);
}

std::string kernel_name(const ConvSpec& spec, int dims) {
  const auto axes = [dims](const PerAxis& value) {
    std::string text = std::to_string(value[0]);
    for (int axis = 1; axis < dims; ++axis) text += "x" + std::to_string(value[axis]);
    return text;
  };
  const auto short_axes = [&](const PerAxis& value) {
    return value.all_equal(value[0], dims) ? std::to_string(value[0]) : axes(value);
  };
  std::string text = axes(spec.kernel_size) + " s" + short_axes(spec.stride);
  if (!spec.dilation.all_equal(1, dims)) text += " d" + short_axes(spec.dilation);
  return text + " " + std::string(name(spec.kind));
}

std::string LayerKind::to_string() const {
  return kernel + " " + std::to_string(in_channels) + "->" + std::to_string(out_channels) +
         (groups > 1 ? " groups " + std::to_string(groups) : "") + " " + std::string(name(dtype)) +
         " " + std::string(name(direction)) + " threads " + std::to_string(threads);
}

std::string MapKind::to_string() const { return kernel + " threads " + std::to_string(threads); }

int size_bucket(std::int64_t rows) noexcept {
  return rows <= 1 ? 0 : std::bit_width(static_cast<std::uint64_t>(rows)) - 1;
}

void DeviceConfig::put(TunedLayer layer) {
  const LayerKind& kind = layer.kind;
  check_kind(kind.kernel, kind.threads);
  GAVOTTE_CHECK(kind.in_channels >= 1 && kind.out_channels >= 1 && kind.groups >= 1,
                "a tuned layer expects channels and groups of at least 1, got " + kind.to_string());
  check_measured(layer.rows, layer.pairs, layer.measured);
  layer.config.validate();
  layer.config.allow_tf32 = false;  // a permission, which only a caller gives
  const Dataflow dataflow = layer.config.dataflow;
  const bool any_map = dataflow != Dataflow::dense_gemm && dataflow != Dataflow::minuet;
  const bool needs_cuda = dataflow == Dataflow::implicit_gemm || layer.config.gemm_columns > 0;
  const bool needs_cpu = dataflow == Dataflow::tile_indirect || layer.config.threads > 0 ||
                         !layer.config.matrix_tiles || layer.kind.dtype == DType::int8;
  const bool takes_bytes =
      layer.kind.dtype != DType::int8 ||
      (layer.kind.direction == Direction::forward && dataflow != Dataflow::gather_gemm_scatter);
  GAVOTTE_CHECK(
      any_map && takes_bytes && (device_.kind == DeviceKind::cpu ? !needs_cuda : !needs_cpu),
      "a tuned layer expects a config that runs it on " + device_.to_string() +
          " on any map, got " + layer.config.to_string() + " for " + kind.to_string());
  put_entry(layers_, std::move(layer));
}

void DeviceConfig::put(TunedMap map) {
  check_kind(map.kind.kernel, map.kind.threads);
  check_measured(map.rows, map.pairs, map.measured);
  map.config.validate();
  put_entry(maps_, std::move(map));
}

void DeviceConfig::put(CostFit fit) {
  for (const double ns : fit.ns)
    GAVOTTE_CHECK(ns >= 0 && std::isfinite(ns),
                  "a cost model expects constants of at least 0, got " + std::to_string(ns));
  GAVOTTE_CHECK(fit.error >= 0 && std::isfinite(fit.error) && fit.samples >= 0,
                "a cost model expects an error and samples of at least 0, got " +
                    std::to_string(fit.error) + " and " + std::to_string(fit.samples));
  const auto key = [](const CostFit& f) {
    return std::tie(f.dtype, f.direction, f.dataflow, f.threads);
  };
  const auto place =
      std::lower_bound(fits_.begin(), fits_.end(), fit,
                       [&](const CostFit& a, const CostFit& b) { return key(a) < key(b); });
  if (place != fits_.end() && key(*place) == key(fit)) {
    *place = std::move(fit);
  } else {
    fits_.insert(place, std::move(fit));
  }
}

void DeviceConfig::merge(const DeviceConfig& newer) {
  GAVOTTE_CHECK(device_.same_device(newer.device_),
                "configs of one device can be merged; got one of " + device_.to_string() +
                    " and one of " + newer.device_.to_string());
  DeviceConfig merged = *this;
  merged.device_ = newer.device_;
  for (const TunedLayer& layer : newer.layers_) merged.put(layer);
  for (const TunedMap& map : newer.maps_) merged.put(map);
  for (const CostFit& fit : newer.fits_) merged.put(fit);
  *this = std::move(merged);
}

const TunedLayer* DeviceConfig::entry(const LayerKind& kind, std::int64_t rows) const noexcept {
  return find_entry(layers_, kind, size_bucket(rows));
}

const TunedMap* DeviceConfig::entry(const MapKind& kind, std::int64_t rows) const noexcept {
  return find_entry(maps_, kind, size_bucket(rows));
}

namespace {

constexpr std::int64_t kTilesOfAThread = 4;  // beyond these nobody waits for the last one
constexpr std::int64_t kTileUnit = 64;       // rows

/// The entry's config for a map of so many rows: of tiles and pieces as many as there were where it was timed, up to a few
/// for each thread, since fewer would leave threads without work.
ConvConfig config_for(const TunedLayer& layer, std::int64_t rows) {
  ConvConfig config = layer.config;
  const int threads = config.threads > 0 ? config.threads : layer.kind.threads;
  if (threads == 1 || rows >= layer.rows) return config;
  const auto shared = [&](std::int32_t size) {
    if (size <= 0) return size;
    const std::int64_t tiles = std::min((layer.rows + size - 1) / size, kTilesOfAThread * threads);
    const std::int64_t share = (rows + tiles - 1) / std::max<std::int64_t>(tiles, 1);
    return static_cast<std::int32_t>(
        std::min<std::int64_t>(size, (share + kTileUnit - 1) / kTileUnit * kTileUnit));
  };
  config.tile_rows = shared(config.tile_rows);
  if (layer.kind.direction == Direction::wgrad)
    config.wgrad_chunk_pairs = shared(config.wgrad_chunk_pairs);
  return config;
}

}  // namespace

LayerChoice DeviceConfig::find(const LayerKind& kind, std::int64_t rows, std::int64_t pairs,
                               const ConvConfig& otherwise) const {
  LayerChoice choice{otherwise, ConfigSource::built_in};
  const auto take = [&](const TunedLayer& layer, ConfigSource source) {
    choice = {config_for(layer, rows), source};
    choice.config.allow_tf32 = otherwise.allow_tf32;
    return choice;
  };
  if (const TunedLayer* exact = entry(kind, rows)) return take(*exact, ConfigSource::exact);
  if (const TunedLayer* near = find_near(layers_, kind, rows))
    return take(*near, ConfigSource::nearest);
  const internal::LayerShape shape{kind, rows, pairs, internal::offsets_of(kind.kernel)};
  if (const auto guess = internal::choose_by_model(*this, shape, otherwise)) {
    choice = {*guess, ConfigSource::cost_model};
    choice.config.allow_tf32 = otherwise.allow_tf32;
  }
  return choice;
}

MapChoice DeviceConfig::find(const MapKind& kind, std::int64_t rows,
                             const MapConfig& otherwise) const {
  if (const TunedMap* exact = entry(kind, rows)) return {exact->config, ConfigSource::exact};
  if (const TunedMap* near = find_near(maps_, kind, rows))
    return {near->config, ConfigSource::nearest};
  return {otherwise, ConfigSource::built_in};
}

void DeviceConfig::check_device(const Device& device, OtherDevice other) const {
  const DeviceIdentity here = DeviceIdentity::of(device);
  GAVOTTE_CHECK(device_.kind == here.kind, "the config is for " + device_.to_string() +
                                               ", and this runs on " + here.to_string());
  GAVOTTE_CHECK(other == OtherDevice::accept || device_.same_device(here),
                "the config is for " + device_.to_string() + ", and this is " + here.to_string() +
                    ": tune this device, or accept a config of another one as a guess");
}

std::string DeviceConfig::to_string() const {
  return "DeviceConfig of " + device_.to_string() + ": " + std::to_string(layers_.size()) +
         " layers, " + std::to_string(maps_.size()) + " maps, cost model of " +
         std::to_string(fits_.size()) + " fits";
}

}  // namespace gavotte
