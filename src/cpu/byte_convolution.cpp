// A tile's sums are int32 in a worker's own memory. Bytes of either sign stand 128 above their
// values, so the sum of each pair begins with -128 times the column sums of its offset's
// weights to make up for it. With a scale for each row, the products of a block of pairs are summed over the
// channels as integers, then scaled into float sums. Where rows share their offsets matrix tiles hold the sums of groups of
// rows (row_groups.h, simd/group_tiles.h).
#include "cpu/byte_convolution.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "cpu/convolution_tile.h"
#include "cpu/panels.h"
#include "cpu/row_groups.h"
#include "cpu/scratch.h"
#include "cpu/simd/byte_rows.h"
#include "cpu/simd/group_tiles.h"
#include "cpu/simd/indirect_gemm.h"
#include "cpu/tile_indirect.h"
#include "cpu/tile_rows.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kRowsOfATask = 4096;   // that are made bytes
constexpr std::int64_t kPairsOfABlock = 256;  // whose products wait for their rows' scales

struct BytePanels final : PackedWeights {
  BytePanels(const Execution& execution, const ConvPlan& plan, const ConstTensorView& weights)
      : kept(execution,
             {static_cast<int>(weights.shape[0]), plan.groups, plan.in_channels, plan.out_channels},
             {DType::uint8, weights.data, weights.shape[1] * plan.out_channels,
              plan.out_channels / plan.groups, plan.out_channels, 1}),
        corrections(static_cast<std::size_t>(weights.shape[0] * plan.out_channels)) {
    const auto* weight = static_cast<const std::int8_t*>(weights.data);
    for (std::int64_t k = 0; k < weights.shape[0]; ++k)
      for (std::int64_t i = 0; i < weights.shape[1]; ++i)
        for (std::int64_t c = 0; c < plan.out_channels; ++c, ++weight)
          corrections[static_cast<std::size_t>(k * plan.out_channels + c)] -= 128 * *weight;
  }
  std::int64_t bytes() const noexcept override {
    return kept.bytes() + static_cast<std::int64_t>(corrections.size() * sizeof(std::int32_t));
  }
  KeptPanels kept;
  std::vector<std::int32_t> corrections;  ///< [K, Cout]: of a pair, where bytes' zero is 128.
};

// The input as bytes: itself, or made in memory of its own.
struct Bytes {
  const std::uint8_t* rows = nullptr;
  ByteScale scale;
  const float* row_scales = nullptr;  // [N], or null: the scale's
  Scratch row_memory, scale_memory;
};

template <class Body>
void for_each_block(const Execution& execution, std::int64_t rows, Body&& body) {
  parallel_for(execution, (rows + kRowsOfATask - 1) / kRowsOfATask, [&](std::int64_t task, int) {
    body(task, task * kRowsOfATask, std::min(kRowsOfATask, rows - task * kRowsOfATask));
  });
}

// Any scale does for features that are all 0.
float scale_of(float largest, std::uint8_t zero) {
  return largest > 0 ? largest / byte_range(zero) : 1.0F;
}

float scale_of_all(const Execution& execution, const ConstTensorView& x, std::uint8_t zero) {
  const std::int64_t row_bytes = x.shape[1] * size_bytes(x.dtype);
  std::vector<float> largest(
      static_cast<std::size_t>((x.rows() + kRowsOfATask - 1) / kRowsOfATask));
  for_each_block(execution, x.rows(), [&](std::int64_t task, std::int64_t first, auto count) {
    largest[static_cast<std::size_t>(task)] =
        largest_magnitude(x.dtype, static_cast<const std::byte*>(x.data) + first * row_bytes,
                          count * x.shape[1], zero);
  });
  return scale_of(largest.empty() ? 0.0F : *std::max_element(largest.begin(), largest.end()), zero);
}

Bytes bytes_of(const Execution& execution, const ByteInput& input) {
  const ConstTensorView& x = input.x;
  Bytes bytes;
  bytes.scale = input.scale;
  if (x.dtype == DType::uint8) {
    bytes.rows = static_cast<const std::uint8_t*>(x.data);
    return bytes;
  }
  const std::int64_t channels = x.shape[1], row_bytes = channels * size_bytes(x.dtype);
  bytes.row_memory = Scratch(x.rows() * channels);
  auto* to = bytes.row_memory.as<std::uint8_t>();
  bytes.rows = to;
  if (input.scales != ActivationScales::dynamic_row) {
    if (input.scales == ActivationScales::dynamic_tensor)
      bytes.scale.scale = scale_of_all(execution, x, input.scale.zero);
    quantize(execution, x, bytes.scale, 0, {to, DType::uint8, x.shape});
    return bytes;
  }
  bytes.scale_memory = Scratch(x.rows() * 4);
  auto* scales = bytes.scale_memory.as<float>();
  bytes.row_scales = scales;
  for_each_block(execution, x.rows(), [&](std::int64_t, std::int64_t first, std::int64_t count) {
    for (std::int64_t row = first; row < first + count; ++row) {
      const auto* from = static_cast<const std::byte*>(x.data) + row * row_bytes;
      const std::uint8_t zero = input.scale.zero;
      scales[row] = scale_of(largest_magnitude(x.dtype, from, channels, zero), zero);
      quantize_rows(
          {x.dtype, from, 1, channels, {scales[row], zero}, to + row * channels, channels});
    }
  });
  return bytes;
}

// One call's tiles.
class Tiles {
 public:
  Tiles(const ConvPlan& plan, const MapPairs& pairs, const Bytes& x, const Epilogue& epilogue,
        const ByteOutput& output)
      : plan_(plan),
        packed_(*static_cast<const BytePanels*>(plan.packed)),
        pairs_(pairs),
        x_(x),
        epilogue_(epilogue),
        output_(output),
        only_identity_(plan.map.is_identity()) {}

  void run(std::int64_t first, std::int64_t rows, Workspace& workspace) const {
    const std::int64_t elements = rows * plan_.out_channels;
    auto* sums = workspace.partial.as<std::int32_t>(elements);
    const bool starts = pairs_.identity >= 0 && x_.row_scales == nullptr;
    if (!starts) std::memset(sums, 0, static_cast<std::size_t>(elements) * sizeof(*sums));
    if (pairs_.identity >= 0) add(pairs_.identity, starts, first, sums, workspace);
    for (int k = 0; k < pairs_.offsets; ++k)
      if (k != pairs_.identity) add(k, false, first, sums, workspace);
    finish(first, rows, sums, pairs_.out_order == nullptr ? nullptr : pairs_.out_order + first);
  }

  // By groups of rows, where their offsets are about the same; else does nothing and returns false.
  bool run_groups(const Execution& execution, const WorkspaceLease& workspaces) const {
    if (!may_fill_groups()) return false;
    const auto groups = row_groups(execution, plan_.map, pairs_);
    if (!fills(*groups)) return false;
    constexpr std::int64_t kMostRows = 512;  // of a task, whose sums stay in cache
    const std::int64_t most = plan_.config.tile_rows > 0 ? plan_.config.tile_rows : kMostRows;
    const std::int64_t even = even_tile_rows(groups->rows(), most, thread_count(execution));
    const std::int64_t share = (even + kGroupRows - 1) / kGroupRows;
    parallel_for(execution, (groups->groups() + share - 1) / share,
                 [&](std::int64_t task, int worker) {
                   const std::int64_t first = task * share;
                   multiply_groups_from(*groups, first, std::min(share, groups->groups() - first),
                                        workspaces[worker]);
                 });
    return true;
  }

 private:
  bool narrow() const { return plan_.in_channels < 64 || plan_.out_channels < 64; }

  // Whether rows are likely to share their offsets: where each has one pair, or many of those that it could have.
  bool may_fill_groups() const {
    const double fewest = narrow() ? 0.4 : 0.15;
    const auto pairs = static_cast<double>(plan_.map.pairs());
    const auto rows = static_cast<double>(plan_.map.out_rows());
    return plan_.groups == 1 && x_.row_scales == nullptr && pairs_.offsets <= kMostGroupOffsets &&
           (pairs <= rows || pairs >= fewest * rows * pairs_.offsets) &&
           takes_groups(plan_.in_channels, plan_.out_channels, plan_.config.matrix_tiles);
  }

  // Narrow layers lose less by going pair by pair (Xeon with AMX, 2026-11-23, two threads, the rate of groups: lidar_10 with
  // 1.5 rows multiplied a pair 96 -> 96 1.1 to 1.15, 128 -> 96 1.1, 32 -> 32 0.6; room_10 with 1.12 96 -> 96 1.3).
  bool fills(const RowGroups& groups) const {
    const double most = narrow() ? 1.3 : 1.6;
    return groups.worth_while() &&
           static_cast<double>(groups.products()) <= most * static_cast<double>(plan_.map.pairs());
  }

  void multiply_groups_from(const RowGroups& groups, std::int64_t first, std::int64_t count,
                            Workspace& workspace) const {
    const void* panels[kMostGroupOffsets];
    const std::int32_t* added[kMostGroupOffsets];
    for (int k = 0; k < pairs_.offsets; ++k) {
      panels[k] = packed_.kept.panels.of(k, 0);
      added[k] = packed_.corrections.data() + k * plan_.out_channels;
    }
    auto* const sums = workspace.partial.as<std::int32_t>(count * kGroupRows * plan_.out_channels);
    multiply_groups({x_.rows, plan_.in_channels, plan_.in_channels, x_.scale.zero, panels,
                     x_.scale.zero != 0 ? added : nullptr, plan_.out_channels, count,
                     groups.some() + first, groups.inputs(first), sums});
    const std::int64_t row = first * kGroupRows;
    finish(0, std::min(count * kGroupRows, groups.rows() - row), sums, groups.y_rows() + row);
  }

  // The pairs of offset k: rows of x, and places in the tile.
  void add(int k, bool starts, std::int64_t first, std::int32_t* sums, Workspace& workspace) const {
    const auto at_k = static_cast<std::size_t>(k);
    const std::int64_t count = workspace.counts[at_k];
    if (count == 0) return;
    if (only_identity_) {
      auto* const places = workspace.entries.as<std::int32_t>(2 * count);
      std::iota(places, places + count, 0);
      std::iota(places + count, places + 2 * count, static_cast<std::int32_t>(first));
      const std::int32_t* const rows =
          pairs_.out_order != nullptr ? pairs_.out_order + first : places + count;
      return add(k, starts, rows, {reinterpret_cast<std::byte*>(sums), places}, count, workspace);
    }
    add(k, starts, pairs_.in(k) + workspace.first[at_k],
        tile_sums(pairs_, k, first, sums, plan_.out_channels * size_bytes(DType::int32), workspace,
                  workspace.entries),
        count, workspace);
  }

  void add(int k, bool starts, const std::int32_t* x_rows, const TileSums& y, std::int64_t count,
           Workspace& workspace) const {
    if (x_.row_scales != nullptr)
      return add_scaled(k, x_rows, y.rows, count, reinterpret_cast<float*>(y.sums), workspace);
    multiply(k, x_rows, y.rows, count, starts, reinterpret_cast<std::int32_t*>(y.sums));
  }

  void multiply(int k, const std::int32_t* x_rows, const std::int32_t* y_rows, std::int64_t count,
                bool starts, std::int32_t* sums) const {
    const std::int64_t in = plan_.in_channels / plan_.groups,
                       out = plan_.out_channels / plan_.groups;
    const std::int32_t* correction =
        x_.scale.zero != 0 ? packed_.corrections.data() + k * plan_.out_channels : nullptr;
    for (int group = 0; group < plan_.groups; ++group)
      indirect_gemm({DType::uint8, x_.rows + group * in, plan_.in_channels,
                     packed_.kept.panels.of(k, group), in, out, sums + group * out,
                     plan_.out_channels, x_rows, y_rows, count, starts, pairs_.scattered,
                     correction != nullptr ? correction + group * out : nullptr,
                     plan_.config.matrix_tiles});
  }

  void add_scaled(int k, const std::int32_t* x_rows, const std::int32_t* y_rows, std::int64_t count,
                  float* y, Workspace& workspace) const {
    auto* block = workspace.gathered.as<std::int32_t>(kPairsOfABlock * plan_.out_channels);
    std::int32_t own[kPairsOfABlock];
    std::iota(own, own + kPairsOfABlock, 0);
    for (std::int64_t j = 0; j < count; j += kPairsOfABlock) {
      const std::int64_t pairs = std::min(kPairsOfABlock, count - j);
      multiply(k, x_rows + j, own, pairs, true, block);
      add_scaled_rows({block, x_.row_scales, x_rows + j, y_rows + j, pairs, plan_.out_channels, y});
    }
  }

  // y_rows: of the output, or of those from `first` on where that is in the pairs' order; null: the rows themselves.
  void finish(std::int64_t first, std::int64_t rows, const std::int32_t* sums,
              const std::int32_t* y_rows) const {
    FinishSums args{output_.y.dtype,
                    sums,
                    x_.row_scales != nullptr,
                    x_.scale.scale,
                    rows,
                    plan_.out_channels,
                    RowEpilogue::from(epilogue_),
                    y_rows,
                    output_.y.data,
                    static_cast<std::uint8_t*>(output_.bytes.data),
                    output_.scale};
    if (pairs_.out_order == nullptr) {
      const std::int64_t skip = first * plan_.out_channels;
      const std::int64_t bytes = skip * size_bytes(args.dtype);
      if (args.y != nullptr) args.y = static_cast<std::byte*>(args.y) + bytes;
      if (args.bytes != nullptr) args.bytes += skip;
      if (args.epilogue.residual != nullptr)
        args.epilogue.residual = static_cast<const std::byte*>(args.epilogue.residual) + bytes;
    }
    finish_sums(args);
  }

  const ConvPlan& plan_;
  const BytePanels& packed_;
  const MapPairs& pairs_;
  const Bytes& x_;
  const Epilogue& epilogue_;
  const ByteOutput& output_;
  const bool only_identity_;  ///< Row i is paired with row i; there may be no lists.
};

}  // namespace

std::unique_ptr<const PackedWeights> pack_byte_weights(const Execution& execution,
                                                       const ConvPlan& plan,
                                                       ConstTensorView weights) {
  return std::make_unique<const BytePanels>(execution, plan, weights);
}

void byte_convolution(const Execution& execution, const ConvPlan& plan, const ByteInput& input,
                      const Epilogue& epilogue, const ByteOutput& output) {
  const MapPairs pairs(plan.map, MapPairs::Order::key);
  if (pairs.out_rows == 0 || plan.out_channels == 0) return;
  const WorkspaceLease workspaces(thread_count(execution));
  const Bytes x = bytes_of(execution, input);
  const Tiles tiles(plan, pairs, x, epilogue, output);
  const std::int64_t row_bytes = plan.in_channels + plan.out_channels * size_bytes(DType::int32);
  if (tiles.run_groups(execution, workspaces)) return;
  for_each_tile(execution, plan.config, pairs, row_bytes, workspaces,
                [&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
                  tiles.run(first, rows, workspace);
                });
}

void quantize(const Execution& execution, ConstTensorView x, const ByteScale& scale,
              std::int64_t column, TensorView y) {
  const std::int64_t channels = x.shape[1], stride = y.shape[1];
  for_each_block(execution, x.rows(), [&](std::int64_t, std::int64_t first, std::int64_t count) {
    quantize_rows({x.dtype,
                   static_cast<const std::byte*>(x.data) + first * channels * size_bytes(x.dtype),
                   count, channels, scale,
                   static_cast<std::uint8_t*>(y.data) + first * stride + column, stride});
  });
}

}  // namespace gavotte::internal::cpu
