#include "candidates.h"

#include <algorithm>
#include <array>

namespace gavotte::internal {
namespace {

constexpr std::int64_t kCacheBytes = 1 << 20;    // of a core, where the device does not tell
constexpr std::int64_t kSharedBytes = 48 << 10;  // of a CUDA block
constexpr std::int64_t kVectorBytes = 16;        // that a CUDA thread copies at a time
constexpr std::int64_t kLineBytes = 64;          // of a CPU's cache
constexpr std::int64_t kFewestTileRows = 64, kMostTileRows = 8192;
/// A tile may fill this many times the second-level cache: what it reads is used once or twice, its sums many times.
constexpr std::int64_t kOverfull = 2;
constexpr double kThreadOperations = 3e7;  // a thread with more of its own is never given up
constexpr std::int64_t kPartialBytes = 64 << 20;
constexpr std::int64_t kWideChannels = 64;  // from which gathering can pay on a CPU

/// Candidates, none twice.
class Candidates {
 public:
  Candidates() { add({}); }
  void add(const ConvConfig& config) {
    if (std::find(all.begin(), all.end(), config) == all.end()) all.push_back(config);
  }
  std::vector<ConvConfig> all;
};

std::int64_t cache_of(const DeviceIdentity& device) {
  return device.cache_bytes > 0 ? device.cache_bytes : kCacheBytes;
}

/// Powers of two whose tile of inputs and sums lies in the cache; of those that hold all rows the least.
std::vector<std::int32_t> tile_rows(const LayerShape& shape, const DeviceIdentity& device) {
  const std::int64_t row_bytes = shape.read_channels() * size_bytes(shape.kind.dtype) +
                                 shape.written_channels() * sum_bytes(shape.kind.dtype);
  std::vector<std::int32_t> rows;
  for (std::int64_t tile = kFewestTileRows; tile <= kMostTileRows; tile *= 2) {
    if (tile > kFewestTileRows && tile * row_bytes > kOverfull * cache_of(device)) break;
    rows.push_back(static_cast<std::int32_t>(tile));
    if (tile >= shape.rows) break;
  }
  return rows;
}

/// Budgets below the call's that a small layer may be faster with.
std::vector<std::int32_t> fewer_threads(const LayerShape& shape) {
  std::vector<std::int32_t> threads;
  for (std::int32_t count = 1; count < shape.kind.threads; count *= 2)
    if (shape.operations() / count <= kThreadOperations) threads.push_back(count);
  return threads;
}

/// 0, and divisors of the channels down to a quarter that are whole vectors of `unit` bytes.
std::vector<std::int32_t> channel_tiles(std::int64_t channels, std::int64_t element_bytes,
                                        std::int64_t unit) {
  std::vector<std::int32_t> tiles = {0};
  for (const std::int64_t parts : {2, 4})
    if (channels % parts == 0 && channels / parts * element_bytes % unit == 0)
      tiles.push_back(static_cast<std::int32_t>(channels / parts));
  return tiles;
}

std::vector<std::int32_t> chunks(const LayerShape& shape) {
  std::vector<std::int32_t> pairs;
  const std::int64_t sums = shape.offsets * shape.weight_elements() * sum_bytes(shape.kind.dtype);
  for (const std::int32_t chunk : {2048, 4096, 8192, 16384, 32768, 65536, 262144}) {
    const std::int64_t ranges = shape.rows / chunk + 1;
    if (ranges > 1 && ranges * sums > kPartialBytes) continue;
    pairs.push_back(chunk);
    if (chunk >= shape.rows) break;  // one piece an offset
  }
  return pairs;
}

void add_wgrad(const LayerShape& shape, bool on_cuda, Candidates& candidates) {
  const bool gathers = !on_cuda && !shape.depthwise();
  for (const Dataflow dataflow : {Dataflow::automatic, Dataflow::gather_gemm_scatter}) {
    if (dataflow != Dataflow::automatic && !gathers) continue;
    for (const std::int32_t chunk : chunks(shape)) {
      ConvConfig config;
      config.dataflow = dataflow;
      config.wgrad_chunk_pairs = chunk;
      candidates.add(config);
    }
  }
}

void add_gathered_on_cpu(const LayerShape& shape, Candidates& candidates) {
  ConvConfig config;
  config.dataflow = Dataflow::gather_gemm_scatter;
  candidates.add(config);
  if (std::max(shape.kind.in_channels, shape.kind.out_channels) < kWideChannels) return;
  for (const std::int32_t rows : {512, 8192}) {
    config.tile_rows = rows;
    if (rows < 2 * shape.rows) candidates.add(config);
  }
  config.tile_rows = 0;
  const std::int64_t element = size_bytes(shape.kind.dtype);
  for (const std::int32_t tile : channel_tiles(shape.read_channels(), element, kLineBytes)) {
    config.gather_channel_tile = tile;
    candidates.add(config);
  }
  config.gather_channel_tile = 0;
  for (const std::int32_t tile : channel_tiles(shape.written_channels(), element, kLineBytes)) {
    config.scatter_channel_tile = tile;
    candidates.add(config);
  }
  config.scatter_channel_tile = 0;
  config.grouping = GroupingPolicy::none;  // a CPU's products are one GEMM an offset in any case
  candidates.add(config);
}

void add_on_cpu(const LayerShape& shape, const DeviceIdentity& device, Candidates& candidates) {
  const std::vector<std::int32_t> fewer = fewer_threads(shape);
  ConvConfig config;
  if (shape.kind.direction == Direction::wgrad) {
    add_wgrad(shape, false, candidates);
    if (fills_matrix_tiles(shape, device)) {
      config.matrix_tiles = false;
      candidates.add(config);
      config = {};
    }
    for (const std::int32_t threads : fewer) {
      config.threads = threads;
      candidates.add(config);
    }
    return;
  }
  // The tiles of a default differ with the threads.
  for (const std::int32_t rows : tile_rows(shape, device)) {
    config.tile_rows = rows;
    candidates.add(config);
  }
  if (fills_matrix_tiles(shape, device)) {
    config = {};
    config.matrix_tiles = false;
    candidates.add(config);
  }
  for (const std::int32_t threads : fewer) {
    config = {};
    config.threads = threads;
    candidates.add(config);
    for (const std::int32_t rows : {512, 2048}) {
      config.tile_rows = rows;
      if (rows < 2 * shape.rows) candidates.add(config);
    }
  }
  if (!shape.identity() && !shape.depthwise() && shape.kind.dtype != DType::int8)
    add_gathered_on_cpu(shape, candidates);
}

struct Groups {
  GroupingPolicy policy;
  float threshold, launch_cost_rows;
};

void add_on_cuda(const LayerShape& shape, Candidates& candidates) {
  if (shape.depthwise() || shape.identity()) return;
  if (shape.kind.direction == Direction::wgrad) return add_wgrad(shape, true, candidates);
  const ConvConfig standard;
  constexpr std::array<Groups, 6> kGroups = {{{GroupingPolicy::exact, 0.25F, 16.0F},
                                              {GroupingPolicy::exact, 0.5F, 16.0F},
                                              {GroupingPolicy::exact, 0.25F, 128.0F},
                                              {GroupingPolicy::exact, 1.0F, 128.0F},
                                              {GroupingPolicy::greedy, 0.25F, 16.0F},
                                              {GroupingPolicy::none, 0.25F, 16.0F}}};
  ConvConfig config;
  config.dataflow = Dataflow::implicit_gemm;
  candidates.add(config);
  // A narrower tile than that of the channels: more blocks, each with less to reuse.
  for (const Dataflow dataflow : {Dataflow::implicit_gemm, Dataflow::automatic})
    for (const std::int32_t columns : {16, 32, 64}) {
      const bool gathers = dataflow == Dataflow::automatic;
      const std::int32_t narrowest = gathers ? 32 : 16, widest = gathers ? 128 : 64;
      if (columns < narrowest || columns >= widest) continue;
      if (columns >= shape.written_channels() / shape.kind.groups) continue;
      config = {};
      config.dataflow = dataflow;
      config.gemm_columns = columns;
      candidates.add(config);
    }
  config = {};
  const std::int64_t element = size_bytes(shape.kind.dtype);
  std::vector<ConvConfig> product;
  for (const Groups& groups : kGroups)
    for (const std::int32_t gather : channel_tiles(shape.read_channels(), element, kVectorBytes))
      for (const std::int32_t scatter :
           channel_tiles(shape.written_channels(), element, kVectorBytes)) {
        config.grouping = groups.policy;
        config.padding_threshold = groups.threshold;
        config.launch_cost_rows = groups.launch_cost_rows;
        config.gather_channel_tile = gather;
        config.scatter_channel_tile = scatter;
        product.push_back(config);
      }
  const auto differences = [&](const ConvConfig& one) {
    const bool grouped = one.grouping != standard.grouping ||
                         one.padding_threshold != standard.padding_threshold ||
                         one.launch_cost_rows != standard.launch_cost_rows;
    return (grouped ? 1 : 0) + (one.gather_channel_tile > 0 ? 1 : 0) +
           (one.scatter_channel_tile > 0 ? 1 : 0);
  };
  std::stable_sort(product.begin(), product.end(), [&](const ConvConfig& a, const ConvConfig& b) {
    return differences(a) < differences(b);
  });
  for (const ConvConfig& one : product) candidates.add(one);
}

}  // namespace

std::vector<ConvConfig> layer_candidates(const LayerShape& shape, const DeviceIdentity& device) {
  Candidates candidates;
  if (device.kind == DeviceKind::cpu) {
    add_on_cpu(shape, device, candidates);
  } else {
    add_on_cuda(shape, candidates);
  }
  return candidates.all;
}

std::vector<MapConfig> map_candidates(const MapKind& kind, std::int64_t rows, bool symmetric,
                                      const DeviceIdentity& device) {
  std::vector<MapConfig> all = {MapConfig{}};
  const auto add = [&](const MapConfig& config) {
    if (std::find(all.begin(), all.end(), config) == all.end()) all.push_back(config);
  };
  const bool on_cpu = device.kind == DeviceKind::cpu;
  MapConfig config;
  if (on_cpu) {
    // A column walk has a range of queries a thread; the tile bounds how short one may be.
    for (const std::int32_t tile : {512, 2048, 16384, 65536}) {
      config.query_tile = tile;
      if (kind.threads > 1 && rows > tile) add(config);
    }
  } else {
    for (const std::int32_t threads : {128, 256, 512})
      for (const std::int32_t tile : {1024, 2048, 4096, 8192}) {
        config.query_tile = tile;
        config.threads = threads;
        add(config);
      }
  }
  config = {};
  config.symmetric = false;
  if (symmetric) add(config);
  config = {};
  config.builder = MapBuilder::double_traversal;
  constexpr std::int64_t kKeyBytes = 8;
  for (const std::int32_t block : {128, 256, 512, 1024}) {
    if (!on_cpu && block * kKeyBytes > kSharedBytes) continue;
    for (const std::int32_t tile : {1024, 4096}) {
      config.block_size = block;
      config.query_tile = tile;
      if (block < 2 * rows) add(config);
    }
  }
  return all;
}

}  // namespace gavotte::internal
