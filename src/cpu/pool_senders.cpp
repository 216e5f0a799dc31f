// Tiles of output rows: no two send to the same input.
#include "cpu/pool_senders.h"

#include <algorithm>
#include <cstdint>

#include "cpu/convolution_tile.h"
#include "cpu/simd/send_rows.h"
#include "cpu/tile_indirect.h"
#include "function_ref.h"
#include "map_data.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {

bool has_inputs_once(const KernelMap& map) {
  return map.is_transposed() ? map.data()->out_once : map.data()->in_once;
}

namespace {

// Of what a tile's rows send: in a fast cache, and each offset has a run of pairs (EPYC, 2026-11-22: 1.0 to 1.5 of the rate
// of 16 KiB, 128 KiB the same).
constexpr std::int64_t kTileBytes = 64 << 10;

/// Calls body(a tile's rows, its counts) in parallel. x: of the outputs; y: of the inputs.
void for_each_tile(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                   const TensorView& y, bool counted,
                   FunctionRef<void(const SendRows&, const std::uint32_t*)> body) {
  const std::int64_t channels = x.shape[1];
  const MapPairs pairs(map, MapPairs::Order::key);
  if (pairs.out_rows == 0 || channels == 0) return;
  const WorkspaceLease workspaces(thread_count(execution));
  ConvConfig config;
  const std::int64_t sent_bytes =
      std::min(channels * size_bytes(accumulator_of(x.dtype)), kSendColumnBytes);
  config.tile_rows = static_cast<std::int32_t>(kTileBytes / sent_bytes);
  for_each_tile(
      execution, config, pairs, {}, workspaces,
      [&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
        auto* const runs = workspace.entries.as<SendRun>(pairs.offsets);
        auto* const counts = counted ? workspace.entry_begin.as<std::uint32_t>(rows) : nullptr;
        if (counted) std::fill_n(counts, rows, 0U);
        for (int k = 0; k < pairs.offsets; ++k) {
          const auto i = static_cast<std::size_t>(k);
          SendRun& run = runs[k];
          run = {pairs.out(k) + workspace.first[i], pairs.in(k) + workspace.first[i],
                 workspace.counts[i]};
          for (std::int64_t j = 0; counted && j < run.count; ++j) {
            const std::int32_t row = run.from[j];
            ++counts[(pairs.out_rank != nullptr ? pairs.out_rank[row] : row) - first];
          }
        }
        body({x.dtype, x.data, y.data, channels, first, rows, pairs.offsets, runs, pairs.out_order,
              pairs.out_rank, workspace.partial.as<std::byte>((rows + 1) * kSendColumnBytes),
              is_streamed(y)},
             counts);
      });
}

}  // namespace

bool is_streamed(const TensorView& y) {
  // Results beyond this are not read before they are written (EPYC with 32 MiB of last-level cache, 2026-11-22: 1.4 to 1.6 of
  // the rate on room_5 and sphere_512, 64 channels of float32; below that 0.8 to 1.4, the least with two threads).
  constexpr std::int64_t kStreamBytes = 16 << 20;
  return y.bytes() >= kStreamBytes && reinterpret_cast<std::uintptr_t>(y.data) % 64 == 0;
}

bool unpools_by_sending(const KernelMap& map, const TensorView& y) {
  // Wide rows that stay in the caches are the faster in their order (EPYC, 2026-11-22, lidar_10, 64 channels of float32: 0.75
  // of that rate).
  constexpr std::int64_t kWideRow = 128;
  return has_inputs_once(map) && (is_streamed(y) || y.shape[1] * size_bytes(y.dtype) < kWideRow);
}

void send_quotients(const Execution& execution, const KernelMap& map, std::int64_t divisor,
                    const ConstTensorView& grad_y, const TensorView& grad_x) {
  for_each_tile(execution, map, grad_y, grad_x, divisor == 0,
                [&](const SendRows& tile, const std::uint32_t* counts) {
                  send_quotients(tile, counts, divisor);
                });
}

void send_to_first_equal(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                         const ConstTensorView& y, const ConstTensorView& grad_y,
                         const TensorView& grad_x) {
  for_each_tile(execution, map, grad_y, grad_x, false,
                [&](const SendRows& tile, const std::uint32_t*) {
                  send_to_first_equal(tile, x.data, y.data);
                });
}

}  // namespace gavotte::internal::cpu
