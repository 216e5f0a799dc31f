// Tiles of output rows; an output takes its inputs in the order of the offsets, as from a list.
#include "cpu/pool_receivers.h"

#include "cpu/convolution_tile.h"
#include "cpu/pool_senders.h"
#include "cpu/simd/receive_rows.h"
#include "cpu/tile_indirect.h"
#include "function_ref.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

// Inputs from this size on, and those in no order, are fetched before they are needed; of others the CPU sees what comes next
// (Xeon with AMX, 2026-11-23, 2x2x2 on lidar_10, 16 channels of bfloat16: 1.1 of the rate).
constexpr std::int64_t kFetchedBytes = 16 << 20;

/// Calls body(a tile's rows) in parallel.
void for_each_tile(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                   const TensorView& y, const float* scales,
                   FunctionRef<void(const ReceiveRows&)> body) {
  const std::int64_t channels = x.shape[1];
  const MapPairs pairs(map, MapPairs::Order::key);
  if (pairs.out_rows == 0 || channels == 0) return;
  const bool fetch = pairs.scattered || x.bytes() >= kFetchedBytes;
  const WorkspaceLease workspaces(thread_count(execution));
  ConvConfig config;
  config.tile_rows = kPoolTileRows;
  for_each_tile(
      execution, config, pairs, {}, workspaces,
      [&](std::int64_t first, std::int64_t rows, Workspace& workspace) {
        auto* const runs = workspace.entries.as<ReceiveRun>(pairs.offsets);
        for (int k = 0; k < pairs.offsets; ++k) {
          const auto i = static_cast<std::size_t>(k);
          const std::int64_t begin = workspace.first[i];
          runs[k] = {pairs.in(k) + begin, pairs.out(k) + begin, workspace.counts[i],
                     pairs.begin[k + 1] - pairs.begin[k] - begin};
        }
        body({x.dtype, y.dtype, x.data, y.data, channels, first, rows, pairs.offsets, runs,
              pairs.out_order, pairs.out_rank, workspace.partial.as<std::byte>(kReceiverBytes),
              workspace.entry_begin.as<std::uint32_t>(rows), is_streamed(y), scales, fetch});
      });
}

}  // namespace

bool pools_by_receiving(const ConstTensorView& x) {
  // A line of a cache (EPYC, 2026-11-23, 2x2x2 / 2 on lidar_10, room_5, random_100000 and random_1000000: with 16 channels 1.2
  // to 1.6 of the rate of the lists, with 32 of bfloat16 1.0 to 1.2; beyond it each input's sums are read and written for
  // longer than its list takes: 1.0 to 1.1 with 32 of float32, 0.7 to 1.2 with 64).
  constexpr std::int64_t kNarrowRow = 64;
  return x.shape[1] * size_bytes(x.dtype) <= kNarrowRow;
}

void receive_average(const Execution& execution, const KernelMap& map, std::int64_t divisor,
                     const ConstTensorView& x, const TensorView& y, const float* scales) {
  for_each_tile(execution, map, x, y, scales,
                [&](const ReceiveRows& tile) { receive_average(tile, divisor); });
}

void receive_max(const Execution& execution, const KernelMap& map, const ConstTensorView& x,
                 const TensorView& y) {
  for_each_tile(execution, map, x, y, nullptr, [](const ReceiveRows& tile) { receive_max(tile); });
}

}  // namespace gavotte::internal::cpu
