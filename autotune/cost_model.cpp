#include "cost_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "candidates.h"
#include "cpu/tile_rows.h"
#include "cpu/wgrad_cut.h"
#include "least_squares.h"
#include "timing.h"

namespace gavotte::internal {
namespace {

constexpr double kCacheBytes = 1 << 20;     // where the device does not tell
constexpr double kGatherTileRows = 2048;    // those of gather_gemm_scatter
constexpr double kGatheredChunkRows = 256;  // rows that a weight gradient gathers at a time
constexpr double kCudaTileRows = 64;        // outputs of a block of implicit_gemm
constexpr double kTileRate = 16;            // products of matrix tiles beside those of vectors
/// A fit that chooses without a measurement has seen this many times each of its constants.
constexpr int kSamplesOfAUnit = 3;

double tiles_of(double count, double tile) { return std::max(std::ceil(count / tile), 1.0); }

double tile_rows_of(const LayerShape& shape, const ConvConfig& config, Dataflow dataflow,
                    int threads, double cache) {
  if (config.tile_rows > 0) return config.tile_rows;
  if (dataflow == Dataflow::implicit_gemm) return kCudaTileRows;
  if (dataflow != Dataflow::tile_indirect) return kGatherTileRows;
  const std::int64_t row_bytes = shape.read_channels() * size_bytes(shape.kind.dtype) +
                                 shape.written_channels() * sum_bytes(shape.kind.dtype);
  return static_cast<double>(
      cpu::default_tile_rows(shape.rows, row_bytes, static_cast<std::int64_t>(cache), threads));
}

int threads_of(const LayerShape& shape, const ConvConfig& config) {
  return config.threads > 0 ? std::min(config.threads, shape.kind.threads) : shape.kind.threads;
}

double channel_tiles(std::int64_t channels, std::int32_t tile) {
  return tile > 0 ? tiles_of(static_cast<double>(channels), tile) : 1;
}

/// Of the sums of a weights' gradient by tile_indirect.
std::int64_t ranges_of(const LayerShape& shape, const ConvConfig& config) {
  const std::int64_t channels = shape.kind.in_channels + shape.kind.out_channels;
  return cpu::wgrad_ranges({shape.pairs, shape.pairs / shape.offsets, shape.offsets, shape.offsets},
                           {channels * size_bytes(shape.kind.dtype),
                            shape.offsets * shape.weight_elements() * sum_bytes(shape.kind.dtype)},
                           config.wgrad_chunk_pairs);
}

CostUnits units_of_wgrad(const LayerShape& shape, const ConvConfig& config, Dataflow dataflow) {
  const auto pairs = static_cast<double>(shape.pairs), offsets = static_cast<double>(shape.offsets);
  const auto size = static_cast<double>(size_bytes(shape.kind.dtype)),
             sum = static_cast<double>(sum_bytes(shape.kind.dtype));
  const auto channels = static_cast<double>(shape.kind.in_channels + shape.kind.out_channels);
  const bool gathers = dataflow == Dataflow::gather_gemm_scatter;
  const double chunks = dataflow == Dataflow::tile_indirect
                            ? static_cast<double>(ranges_of(shape, config))
                            : tiles_of(pairs / offsets, config.wgrad_chunk_pairs);
  CostUnits units;
  units.operations = shape.operations();
  units.pair_bytes = pairs * channels * (gathers ? size + 2 * sum : size);
  units.row_bytes = static_cast<double>(shape.rows) * channels * size;
  units.weight_bytes = chunks * offsets * static_cast<double>(shape.weight_elements()) * sum;
  units.blocks = chunks * offsets + (gathers ? pairs / kGatheredChunkRows : 0);
  return units;
}

CostUnits units_of_outputs(const LayerShape& shape, const ConvConfig& config, Dataflow dataflow,
                           double tile, double cache) {
  const auto pairs = static_cast<double>(shape.pairs), rows = static_cast<double>(shape.rows),
             offsets = static_cast<double>(shape.offsets);
  const auto read = static_cast<double>(shape.read_channels()),
             written = static_cast<double>(shape.written_channels());
  const auto size = static_cast<double>(size_bytes(shape.kind.dtype)),
             sum = static_cast<double>(sum_bytes(shape.kind.dtype));
  const double tiles = tiles_of(rows, tile);
  CostUnits units;
  units.operations = shape.operations();
  units.row_bytes = rows * (read * size + written * size);
  units.weight_bytes = tiles * offsets * static_cast<double>(shape.weight_elements()) * size;
  units.blocks = tiles * offsets;
  if (dataflow == Dataflow::gather_gemm_scatter) {
    units.pair_bytes = pairs * (read * (size + 2 * sum) + written * 2 * sum);
    units.blocks *= channel_tiles(shape.read_channels(), config.gather_channel_tile);
    units.blocks += tiles * channel_tiles(shape.written_channels(), config.scatter_channel_tile);
    if (tile * pairs / std::max(rows, 1.0) * (read + written) * sum > cache)
      units.spilled_bytes = pairs * (read + written) * sum;
  } else {
    units.pair_bytes = pairs * (read * size + written * sum);
    if (tile * (read * size + written * sum) > cache) units.spilled_bytes = pairs * written * sum;
  }
  return units;
}

/// All that threads share, as the busiest of them has it.
void share(CostUnits& units, double tasks, int threads) {
  const double part = tiles_of(tasks, threads) / tasks;
  for (double* unit : {&units.operations, &units.pair_bytes, &units.row_bytes, &units.weight_bytes,
                       &units.blocks, &units.spilled_bytes})
    *unit *= part;
}

}  // namespace

Dataflow resolved_dataflow(const LayerShape& shape, const ConvConfig& config, DeviceKind device) {
  const Dataflow dataflow = config.dataflow;
  if (dataflow != Dataflow::automatic) return dataflow;
  if (shape.kind.direction != Direction::wgrad && shape.identity()) return Dataflow::dense_gemm;
  return device == DeviceKind::cpu ? Dataflow::tile_indirect : Dataflow::gather_gemm_scatter;
}

std::optional<CostUnits> cost_units(const LayerShape& shape, const ConvConfig& config,
                                    const DeviceIdentity& device) {
  if (shape.depthwise() || shape.offsets < 1) return std::nullopt;
  const Dataflow dataflow = resolved_dataflow(shape, config, device.kind);
  const bool fills_tiles =
      dataflow != Dataflow::gather_gemm_scatter && fills_matrix_tiles(shape, device);
  if (fills_tiles && !config.matrix_tiles) return std::nullopt;  // of a rate that no fit is of
  const int threads = threads_of(shape, config);
  if (shape.kind.direction == Direction::wgrad) {
    CostUnits units = units_of_wgrad(shape, config, dataflow);
    if (fills_tiles) units.operations /= kTileRate;
    share(units, std::max<double>(units.blocks, shape.offsets), threads);
    return units;
  }
  const double cache =
      device.cache_bytes > 0 ? static_cast<double>(device.cache_bytes) : kCacheBytes;
  const double tile = tile_rows_of(shape, config, dataflow, threads, cache);
  CostUnits units = units_of_outputs(shape, config, dataflow, tile, cache);
  if (fills_tiles) units.operations /= kTileRate;
  share(units, tiles_of(static_cast<double>(shape.rows), tile), threads);
  return units;
}

CostFit fit_key(const LayerShape& shape, const ConvConfig& config, DeviceKind device) {
  CostFit key;
  key.dtype = shape.kind.dtype;
  key.direction = shape.kind.direction;
  key.dataflow = resolved_dataflow(shape, config, device);
  key.threads = threads_of(shape, config);
  return key;
}

bool same_key(const CostFit& a, const CostFit& b) noexcept {
  return a.dtype == b.dtype && a.direction == b.direction && a.dataflow == b.dataflow &&
         a.threads == b.threads;
}

CostFit fit_cost(CostFit key, std::span<const CostSample> samples) {
  key.samples = static_cast<int>(samples.size());
  key.ns.assign(kCostUnits, 0.0);
  key.error = 0;
  if (samples.empty()) return key;
  std::vector<std::vector<double>> units;
  std::vector<double> ms;
  for (const CostSample& sample : samples) {
    units.emplace_back(sample.units.begin(), sample.units.end());
    ms.push_back(sample.ms);
  }
  const std::vector<double> constants = fit_relative(units, ms);
  std::vector<double> errors;
  for (std::size_t i = 0; i < units.size(); ++i)
    errors.push_back(std::abs(
        std::inner_product(units[i].begin(), units[i].end(), constants.begin(), 0.0) / ms[i] - 1));
  key.error = median(errors);
  constexpr double kNsPerMs = 1e6;
  for (std::size_t c = 0; c < constants.size(); ++c) key.ns[c] = constants[c] * kNsPerMs;
  return key;
}

std::optional<Prediction> predict(std::span<const CostFit> fits, const LayerShape& shape,
                                  const ConvConfig& config, const DeviceIdentity& device) {
  const std::optional<CostUnits> units = cost_units(shape, config, device);
  if (!units) return std::nullopt;
  const CostFit key = fit_key(shape, config, device.kind);
  for (const CostFit& fit : fits) {
    if (!same_key(fit, key) || fit.samples < kLeastCostSamples || fit.ns.size() != kCostUnits)
      continue;
    Prediction prediction{0, fit.error, fit.samples};
    const auto values = units->values();
    for (std::size_t i = 0; i < values.size(); ++i) prediction.ms += values[i] * fit.ns[i] * 1e-6;
    if (prediction.ms > 0) return prediction;
  }
  return std::nullopt;
}

void OperationRange::add(const LayerShape& shape) noexcept {
  const double operations = shape.operations();
  least = least > 0 ? std::min(least, operations) : operations;
  greatest = std::max(greatest, operations);
}

bool OperationRange::covers(const LayerShape& shape) const noexcept {
  constexpr double kFar = 4;
  return greatest > 0 && shape.operations() * kFar >= least &&
         shape.operations() <= greatest * kFar;
}

std::optional<ConvConfig> choose_by_model(const DeviceConfig& config, const LayerShape& shape,
                                          const ConvConfig& otherwise) {
  const DeviceKind device = config.device().kind;
  if (config.cost_model().empty()) return std::nullopt;
  const auto seen = [&](const ConvConfig& candidate) {
    const CostFit key = fit_key(shape, candidate, device);
    OperationRange range;
    for (const TunedLayer& layer : config.layers()) {
      const LayerShape other{layer.kind, layer.rows, layer.pairs, offsets_of(layer.kind.kernel)};
      if (same_key(fit_key(other, layer.config, device), key)) range.add(other);
    }
    return range.covers(shape);
  };
  const auto surely = [&](const ConvConfig& candidate) {
    auto prediction = predict(config.cost_model(), shape, candidate, config.device());
    if (prediction && prediction->samples < kSamplesOfAUnit * kCostUnits) prediction.reset();
    return prediction;
  };
  const auto default_time = surely(otherwise);
  if (!default_time || !seen(otherwise)) return std::nullopt;
  std::optional<ConvConfig> best;
  double least = default_time->ms;
  for (const ConvConfig& candidate : layer_candidates(shape, config.device())) {
    const auto time = surely(candidate);
    if (!time || time->ms >= least ||
        1 - time->ms / default_time->ms <= 2 * (time->error + default_time->error) ||
        !seen(candidate))
      continue;
    best = candidate;
    least = time->ms;
  }
  return best;
}

}  // namespace gavotte::internal
