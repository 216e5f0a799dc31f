// A tile in four steps: find its pairs by binary search, gather each group's inputs, multiply group
// by group, sum the products of each output row in the order of the offsets. That order, and the
// tile's borders, do not depend on threads; so neither do the bits of the result.
#include "cpu/convolution_tile.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "cpu/gemm.h"
#include "cpu/row_rank.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/tile_entries.h"
#include "map_data.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kMostPairs = std::int64_t{1} << 26;
constexpr std::int64_t kDefaultTileRows = 2048;  // whose gathered inputs and products are in cache

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

const void* row_of(const void* data, std::int64_t row, std::int64_t channels, DType dtype) {
  return static_cast<const std::byte*>(data) + row * channels * size_bytes(dtype);
}
void* row_of(void* data, std::int64_t row, std::int64_t channels, DType dtype) {
  return static_cast<std::byte*>(data) + row * channels * size_bytes(dtype);
}

// Calls body(first channel, count) for each tile of channels; tile 0 = all.
template <class Body>
void for_channel_tiles(std::int64_t channels, std::int32_t tile, Body&& body) {
  const std::int64_t step = tile > 0 ? tile : std::max<std::int64_t>(channels, 1);
  for (std::int64_t c = 0; c < channels; c += step) body(c, std::min(step, channels - c));
}

// rows [rows, Cin] times offset k's weights into `to` [rows, Cout], group by group of the channels.
template <class T>
void multiply(const ForwardTask& task, int k, const T* rows, std::int64_t count, T* to) {
  const std::int64_t in_group = task.in_channels / task.groups,
                     out_group = task.out_channels / task.groups;
  const T* weights = static_cast<const T*>(task.weights) + k * in_group * task.out_channels;
  for (int group = 0; group < task.groups; ++group)
    gemm(count, out_group, in_group, rows + group * in_group, task.in_channels,
         weights + group * out_group, task.out_channels, to + group * out_group, task.out_channels,
         false);
}

// Where each output row's entries begin: workspace.entry_begin [rows + 1]. Returns it as a cursor
// that stands one place ahead: entry_begin[r + 1] is where row r's next entry goes, so that filling
// turns it into the final form.
std::uint32_t* count_entries(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                             Workspace& workspace) {
  std::uint32_t* begin = workspace.entry_begin.as<std::uint32_t>(rows + 2);
  std::memset(begin, 0, index(rows + 2) * sizeof(std::uint32_t));
  for (int k = 0; k < pairs.offsets; ++k) {
    const std::int32_t* out = pairs.out(k) + workspace.first[index(k)];
    const std::int64_t count = workspace.counts[index(k)];
    for (std::int64_t j = 0; j < count; ++j) ++begin[out[j] - first_row + 2];
  }
  for (std::int64_t row = 1; row < rows + 2; ++row) begin[row] += begin[row - 1];
  return begin;
}

std::int64_t total_pairs(const Workspace& workspace) {
  std::int64_t total = 0;
  for (const std::int64_t count : workspace.counts) total += count;
  return total;
}

// Gathers the inputs of one group, [member][padded row][Cin], zeros in the padding, and multiplies
// them.
template <class T>
void multiply_group(const ForwardTask& task, const OffsetGroup& group, Workspace& workspace,
                    T* partial) {
  T* gathered = workspace.gathered.as<T>(group.count * group.rows * task.in_channels);
  for (std::int32_t member = 0; member < group.count; ++member) {
    const std::int32_t k = workspace.grouping.order[index(group.first + member)];
    const std::int64_t count = workspace.counts[index(k)];
    T* to = gathered + member * group.rows * task.in_channels;
    for_channel_tiles(
        task.in_channels, task.config.gather_channel_tile,
        [&](std::int64_t c, std::int64_t channels) {
          gather_rows({task.dtype, task.x, task.pairs.in(k) + workspace.first[index(k)], count,
                       task.in_channels, c, channels, to});
        });
    std::fill(to + count * task.in_channels, to + group.rows * task.in_channels, T{0});
  }
  for (std::int32_t member = 0; member < group.count; ++member) {
    const std::int32_t k = workspace.grouping.order[index(group.first + member)];
    multiply(task, k, gathered + member * group.rows * task.in_channels, group.rows,
             partial + workspace.base_rows[index(k)] * task.out_channels);
  }
}

// Rows [first_row, + rows) of x as accumulators: x itself where it holds them.
template <class T>
const T* accumulator_rows(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                          Workspace& workspace) {
  const void* from = row_of(task.x, first_row, task.in_channels, task.dtype);
  if (is_accumulator(task.dtype)) return static_cast<const T*>(from);
  T* to = workspace.gathered.as<T>(rows * task.in_channels);
  gather_rows({task.dtype, from, nullptr, rows, task.in_channels, 0, task.in_channels, to});
  return to;
}

void finish_tile(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                 const void* partial, const std::uint32_t* entry_begin,
                 const std::uint32_t* entries) {
  RowEpilogue epilogue = task.epilogue;
  if (epilogue.residual != nullptr)
    epilogue.residual = row_of(epilogue.residual, first_row, task.out_channels, task.dtype);
  void* y = row_of(task.y, first_row, task.out_channels, task.dtype);
  for_channel_tiles(task.out_channels, task.config.scatter_channel_tile,
                    [&](std::int64_t c, std::int64_t channels) {
                      finish_rows({task.dtype, partial, entry_begin, entries, rows,
                                   task.out_channels, c, channels, epilogue, y});
                    });
}

// Gives each offset its rows of the partial products: workspace.base_rows. Returns how many there
// are.
std::int64_t place_partials(const MapPairs& pairs, std::int64_t rows, Workspace& workspace) {
  workspace.base_rows.assign(index(pairs.offsets), 0);
  std::int64_t next = 0;
  for (const OffsetGroup& group : workspace.grouping.groups) {
    for (std::int32_t member = 0; member < group.count; ++member, next += group.rows)
      workspace.base_rows[index(workspace.grouping.order[index(group.first + member)])] = next;
  }
  if (pairs.identity >= 0) {
    workspace.base_rows[index(pairs.identity)] = next;
    next += rows;
  }
  return next;
}

template <class T>
void convolve(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
              Workspace& workspace) {
  const MapPairs& pairs = task.pairs;
  find_pairs(pairs, first_row, rows, workspace);
  group_tile(pairs, task.config, workspace);
  T* partial = workspace.partial.as<T>(place_partials(pairs, rows, workspace) * task.out_channels);
  for (const OffsetGroup& group : workspace.grouping.groups)
    multiply_group(task, group, workspace, partial);
  if (pairs.identity >= 0)
    multiply(task, pairs.identity, accumulator_rows<T>(task, first_row, rows, workspace), rows,
             partial + workspace.base_rows[index(pairs.identity)] * task.out_channels);

  std::uint32_t* begin = count_entries(pairs, first_row, rows, workspace);
  auto* entries = workspace.entries.as<std::uint32_t>(total_pairs(workspace));
  for (int k = 0; k < pairs.offsets; ++k) {
    const std::int32_t* out = pairs.out(k) + workspace.first[index(k)];
    const auto base = static_cast<std::uint32_t>(workspace.base_rows[index(k)]);
    const std::int64_t count = workspace.counts[index(k)];
    for (std::int64_t j = 0; j < count; ++j)
      entries[begin[out[j] - first_row + 1]++] = base + static_cast<std::uint32_t>(j);
  }
  finish_tile(task, first_row, rows, partial, begin, entries);
}

template <class T>
void convolve_depthwise(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                        Workspace& workspace) {
  const MapPairs& pairs = task.pairs;
  find_pairs(pairs, first_row, rows, workspace);
  T* const sums = workspace.partial.as<T>(rows * task.out_channels);
  T* const input = workspace.gathered.as<T>(task.in_channels);
  const auto* weights = static_cast<const T*>(task.weights);
  const std::int64_t multiplier = task.out_channels / task.groups;
  if (multiplier > 1) std::fill(sums, sums + rows * task.out_channels, T{0});
  const std::int64_t row_bytes = task.in_channels * size_bytes(task.dtype);
  const EntryLists lists{.offsets = true, .fetched = task.x, .row_bytes = row_bytes};
  for_each_block(pairs, lists, first_row, rows, workspace, [&](const RowEntries& entries) {
    T* sum = sums + (entries.first - first_row) * task.out_channels;
    if (multiplier == 1)
      return depthwise_rows({task.dtype, weights, entries.counts, task.x, entries.inputs,
                             entries.offsets, entries.stride, entries.rows, task.out_channels,
                             sum});
    for (std::int64_t row = 0; row < entries.rows; ++row, sum += task.out_channels) {
      const std::int64_t end = row + entries.counts[row] * entries.stride;
      for (std::int64_t e = row; e < end; e += entries.stride) {
        const T* weight = weights + entries.offsets[e] * task.out_channels;
        gather_rows({task.dtype, task.x, entries.inputs + e, 1, task.in_channels, 0,
                     task.in_channels, input});
        for (std::int64_t c = 0; c < task.in_channels; ++c)
          for (std::int64_t m = c * multiplier; m < (c + 1) * multiplier; ++m)
            sum[m] += input[c] * weight[m];
      }
    }
  });
  finish_tile(task, first_row, rows, sums, nullptr, nullptr);
}

template <class T>
void convolve_dense(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                    Workspace& workspace) {
  const T* inputs = accumulator_rows<T>(task, first_row, rows, workspace);
  // Accumulators go straight into y; the epilogue then runs over them in place.
  T* products = is_accumulator(task.dtype)
                    ? static_cast<T*>(row_of(task.y, first_row, task.out_channels, task.dtype))
                    : workspace.partial.as<T>(rows * task.out_channels);
  multiply(task, 0, inputs, rows, products);
  if (!is_accumulator(task.dtype) || !task.epilogue.empty())
    finish_tile(task, first_row, rows, products, nullptr, nullptr);
}

}  // namespace

MapPairs::MapPairs(const KernelMap& map, Order order)
    : offsets(map.offsets()),
      identity(map.identity_offset()),
      in_rows(map.in_rows()),
      out_rows(map.out_rows()),
      begin(map.pair_begin().span<std::int64_t>().data()) {
  const auto values = [](const ConstTensorView& view) {
    return view ? view.span<std::int32_t>().data() : nullptr;
  };
  const MapData& data = *map.data();
  // Where the output's rows are in key order, the two orders are one.
  const Tensor& places = map.is_transposed() ? data.in_order : data.out_order;
  if (data.in_key_order.empty() || (order == Order::output_row && places)) {
    in_ = values(map.pair_in());
    out_ = values(map.pair_out());
    return;
  }
  in_key_order_ = data.in_key_order.data();
  transposed_ = map.is_transposed();
  out_order = values((map.is_transposed() ? data.in_order : data.out_order).view());
  if (const auto& rank = map.is_transposed() ? data.in_rank : data.out_rank; rank != nullptr)
    out_rank = rank->get(data.execution);
  scattered = static_cast<bool>(map.is_transposed() ? data.out_order : data.in_order);
}

std::int64_t rows_per_tile(const ConvConfig& config, int offsets) noexcept {
  const std::int64_t rows = config.tile_rows > 0 ? config.tile_rows : kDefaultTileRows;
  return std::min(rows, std::max<std::int64_t>(kMostPairs / std::max(offsets, 1), 1));
}

namespace {

// Of [low, high) the first that is not before(it), where all that are come first. It is looked for around `guess`, at
// distances that double.
template <class Before>
std::int64_t first_not(std::int64_t low, std::int64_t high, std::int64_t guess, Before&& before) {
  constexpr std::int64_t kNear = 16;
  if (guess < high && before(guess)) {
    low = guess + 1;
    for (std::int64_t step = kNear; low + step < high; low += step + 1, step *= 2) {
      if (before(low + step)) continue;
      high = low + step;
      break;
    }
  } else {
    high = std::min(guess, high);
    for (std::int64_t step = kNear; high - step > low; high -= step, step *= 2) {
      if (!before(high - step)) continue;
      low = high - step + 1;
      break;
    }
  }
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    before(middle) ? low = middle + 1 : high = middle;
  }
  return low;
}

// Of the pairs [low, high) of offset k, the first whose output row is not before place `border`; it is about at `guess`.
std::int64_t pairs_before(const MapPairs& pairs, int k, std::int64_t border, std::int64_t low,
                          std::int64_t high, std::int64_t guess) {
  if (k == pairs.identity) return std::min(border, high);  // the pair of each place
  const std::int32_t* const out = pairs.out(k);
  const std::int32_t* const rank = pairs.out_rank;
  if (rank == nullptr)
    return first_not(low, high, guess, [=](std::int64_t j) { return out[j] < border; });
  return first_not(low, high, guess, [=](std::int64_t j) { return rank[out[j]] < border; });
}

}  // namespace

void seek_pairs(const MapPairs& pairs, std::int64_t first_row, Workspace& workspace) {
  workspace.first.resize(index(pairs.offsets));
  workspace.counts.assign(index(pairs.offsets), 0);
  for (int k = 0; k < pairs.offsets; ++k) {
    const std::int64_t count = pairs.begin[k + 1] - pairs.begin[k];
    // As if the pairs were spread evenly.
    const std::int64_t guess = count * first_row / std::max<std::int64_t>(pairs.out_rows, 1);
    workspace.first[index(k)] = pairs_before(pairs, k, first_row, 0, count, guess);
  }
}

void next_pairs(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                Workspace& workspace) {
  for (int k = 0; k < pairs.offsets; ++k) {
    std::int64_t& first = workspace.first[index(k)];
    std::int64_t& count = workspace.counts[index(k)];
    first += count;
    // No row has two pairs of one offset.
    const std::int64_t end = std::min(first + rows, pairs.begin[k + 1] - pairs.begin[k]);
    // Tiles beside each other are alike.
    count = pairs_before(pairs, k, first_row + rows, first, end, first + count) - first;
  }
}

void find_pairs(const MapPairs& pairs, std::int64_t first_row, std::int64_t rows,
                Workspace& workspace) {
  seek_pairs(pairs, first_row, workspace);
  next_pairs(pairs, first_row, rows, workspace);
}

TileSums tile_sums(const MapPairs& pairs, int k, std::int64_t first_row, void* sums,
                   std::int64_t row_bytes, const Workspace& workspace, Buffer& places) {
  const std::int32_t* const rows = pairs.out(k) + workspace.first[index(k)];
  if (pairs.out_rank == nullptr) {
    // As an integer, since row 0 may lie outside the memory.
    const auto row_0 = reinterpret_cast<std::uintptr_t>(sums) - index(first_row * row_bytes);
    return {reinterpret_cast<std::byte*>(row_0), rows};  // NOLINT(performance-no-int-to-ptr)
  }
  const std::int64_t count = workspace.counts[index(k)];
  auto* const to = places.as<std::int32_t>(count);
  const auto first = static_cast<std::int32_t>(first_row);
  for (std::int64_t j = 0; j < count; ++j) to[j] = pairs.out_rank[rows[j]] - first;
  return {static_cast<std::byte*>(sums), to};
}

void group_tile(const MapPairs& pairs, const ConvConfig& config, Workspace& workspace) {
  std::int64_t identity_rows = 0;
  if (pairs.identity >= 0) std::swap(identity_rows, workspace.counts[index(pairs.identity)]);
  group_offsets(workspace.counts, GroupingOptions::from(config), workspace.grouping);
  if (pairs.identity >= 0) std::swap(identity_rows, workspace.counts[index(pairs.identity)]);
}

void convolve_tile(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                   Workspace& workspace) {
  if (task.dtype == DType::float64) return convolve<double>(task, first_row, rows, workspace);
  convolve<float>(task, first_row, rows, workspace);
}

void convolve_depthwise_tile(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                             Workspace& workspace) {
  if (task.dtype == DType::float64)
    return convolve_depthwise<double>(task, first_row, rows, workspace);
  convolve_depthwise<float>(task, first_row, rows, workspace);
}

void convolve_dense_tile(const ForwardTask& task, std::int64_t first_row, std::int64_t rows,
                         Workspace& workspace) {
  if (task.dtype == DType::float64) return convolve_dense<double>(task, first_row, rows, workspace);
  convolve_dense<float>(task, first_row, rows, workspace);
}

}  // namespace gavotte::internal::cpu
