// Gradients of weights, by gathering pairs and multiplying them (gather_gemm_scatter) or channel by channel (depthwise),
// and of the bias: sums over rows. The rows are cut into pieces whose borders follow from the input alone; each piece is
// summed in order, then the pieces are added in order. So the bits do not depend on threads.
#include <algorithm>
#include <vector>

#include "cpu/convolution.h"
#include "cpu/convolution_tile.h"
#include "cpu/gemm.h"
#include "cpu/simd/indirect_wgrad.h"
#include "cpu/simd/packed_wgrad.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/simd/wgrad_tiles.h"
#include "cpu/wgrad.h"
#include "cpu/workspace.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kMostPieces =
    64;  // beyond one for each offset: bounds the memory of partial sums
constexpr std::int64_t kStagedRows = 256;   // pairs gathered at a time
constexpr std::int64_t kColumnRows = 4096;  // rows of one partial column sum, at least
/// A group's gradient of so many elements is faster by GEMM than by indirect_wgrad (libxsmm; Xeon with AMX, 2026-11-23,
/// lidar_10 and lidar_40: 512 x 512 by up to 5 %, where 384 x 256 is slower by 2 to 5 %, 256 x 256 by 9 to 11 %; EPYC with
/// AVX-512, 2026-11-24, lidar_10, room_10, random_20000: 512 x 512 slower by 1 to 3 %, 384 x 256 by 7 to 9 %, 256 x 256 by 11 to 15 %).
constexpr std::int64_t kGemmVolume = std::int64_t{1} << 18;

/// Pairs [begin, end) of offset k.
struct Piece {
  int k;
  std::int64_t begin, end;
};

// Chunks of `chunk_pairs`, or of the least multiple of it that keeps the pieces bounded.
std::vector<Piece> cut(const MapPairs& pairs, std::int64_t chunk_pairs) {
  const std::int64_t total = pairs.begin[pairs.offsets];
  const std::int64_t chunks = (total + chunk_pairs - 1) / chunk_pairs;
  const std::int64_t length =
      chunk_pairs * std::max<std::int64_t>((chunks + kMostPieces - 1) / kMostPieces, 1);
  std::vector<Piece> pieces;
  for (int k = 0; k < pairs.offsets; ++k)
    for (std::int64_t begin = 0, count = pairs.begin[k + 1] - pairs.begin[k]; begin < count;
         begin += length)
      pieces.push_back({k, begin, std::min(begin + length, count)});
  return pieces;
}

// sum [Cin / groups, Cout] = x rows transposed * grad_y rows of the piece.
template <class T>
void sum_piece(const WeightGradient& task, const Piece& piece, Workspace& workspace, T* sum) {
  const std::int64_t in_channels = task.plan.in_channels, out_channels = task.plan.out_channels;
  const std::int64_t in_group = task.in_group(), out_group = task.out_group();
  std::fill(sum, sum + in_group * out_channels, T{0});
  if (in_group == 1 && out_group == 1) {
    multiply_add_rows({task.dtype, task.x, task.grad_y, task.pairs.in(piece.k) + piece.begin,
                       task.pairs.out(piece.k) + piece.begin, piece.end - piece.begin, out_channels,
                       sum});
    return;
  }
  T* inputs = workspace.gathered.as<T>(kStagedRows * in_channels);
  T* grads = workspace.partial.as<T>(kStagedRows * out_channels);
  for (std::int64_t first = piece.begin; first < piece.end; first += kStagedRows) {
    const std::int64_t count = std::min(kStagedRows, piece.end - first);
    gather_rows({task.dtype, task.x, task.pairs.in(piece.k) + first, count, in_channels, 0,
                 in_channels, inputs});
    gather_rows({task.dtype, task.grad_y, task.pairs.out(piece.k) + first, count, out_channels, 0,
                 out_channels, grads});
    for (int group = 0; group < task.plan.groups; ++group)
      gemm_transposed(in_group, out_group, count, inputs + group * in_group, in_channels,
                      grads + group * out_group, out_channels, sum + group * out_group,
                      out_channels, true);
  }
}

// to [channels] of dtype = sum of `count` rows of partial, in order; the first row is the running
// sum.
void reduce(DType dtype, void* partial, std::int64_t count, std::int64_t channels, void* to) {
  const DType accumulator = accumulator_of(dtype);
  auto* rows = static_cast<std::byte*>(partial);
  add_rows(accumulator, rows + channels * size_bytes(accumulator), count - 1, channels, rows);
  finish_rows({dtype, rows, nullptr, nullptr, 1, channels, 0, channels, RowEpilogue{}, to});
}

bool gathers(const WeightGradient& task) {
  const bool depthwise = task.in_group() == 1 && task.out_group() == 1;
  const bool wide = task.in_group() * task.out_group() >= kGemmVolume;
  return depthwise || (wide && task.products == WgradProducts::accumulators) ||
         task.plan.config.dataflow == Dataflow::gather_gemm_scatter;
}

WgradProducts products_of(const ConvPlan& plan, DType dtype) {
  if (dtype == DType::float32 && plan.groups == 1 &&
      packs_wgrad(plan.in_channels, plan.out_channels))
    return WgradProducts::packed;
  if (dtype != DType::bfloat16 || paired_wgrad() == nullptr) return WgradProducts::accumulators;
  return takes_wgrad_tiles(plan.in_channels / plan.groups, plan.out_channels / plan.groups,
                           plan.groups, plan.config.matrix_tiles)
             ? WgradProducts::tiled
             : WgradProducts::paired;
}

template <class T>
void sum_weights(const Execution& execution, const WeightGradient& task, void* grad_weights) {
  const std::int64_t volume = task.volume();
  const int offsets = task.pairs.offsets;
  const std::vector<Piece> pieces = cut(task.pairs, task.plan.config.wgrad_chunk_pairs);
  const auto piece_count = static_cast<std::int64_t>(pieces.size());
  const WorkspaceLease workspaces(thread_count(execution));
  T* sums = workspaces[0].weights.template as<T>(piece_count * volume);
  parallel_for(execution, piece_count, [&](std::int64_t i, int worker) {
    sum_piece(task, pieces[static_cast<std::size_t>(i)], workspaces[worker], sums + i * volume);
  });
  const std::int64_t bytes = volume * size_bytes(task.dtype);
  parallel_for(execution, offsets, [&](std::int64_t k, int) {
    const auto first =
        std::lower_bound(pieces.begin(), pieces.end(), k,
                         [](const Piece& piece, std::int64_t offset) { return piece.k < offset; });
    const auto last =
        std::upper_bound(first, pieces.end(), k,
                         [](std::int64_t offset, const Piece& piece) { return offset < piece.k; });
    std::byte* to = static_cast<std::byte*>(grad_weights) + k * bytes;
    if (first == last) {
      std::fill(to, to + bytes, std::byte{0});
    } else {
      reduce(task.dtype, sums + (first - pieces.begin()) * volume, last - first, volume, to);
    }
  });
}

template <class T>
void sum_columns(const Execution& execution, const ConstTensorView& x, void* sums) {
  const std::int64_t rows = x.shape[0], channels = x.shape[1];
  const std::int64_t block = std::max(kColumnRows, (rows + kMostPieces - 1) / kMostPieces);
  const std::int64_t blocks = (rows + block - 1) / block;
  const WorkspaceLease workspaces(1);
  T* partial = workspaces[0].partial.template as<T>(std::max<std::int64_t>(blocks, 1) * channels);
  std::fill(partial, partial + std::max<std::int64_t>(blocks, 1) * channels, T{0});
  parallel_for(execution, blocks, [&](std::int64_t i, int) {
    const std::int64_t first = i * block;
    add_rows(x.dtype,
             static_cast<const std::byte*>(x.data) + first * channels * size_bytes(x.dtype),
             std::min(block, rows - first), channels, partial + i * channels);
  });
  reduce(x.dtype, partial, std::max<std::int64_t>(blocks, 1), channels, sums);
}

}  // namespace

void convolution_wgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                       ConstTensorView grad_y, TensorView grad_weights) {
  const MapPairs pairs(plan.map, MapPairs::Order::key);
  const WeightGradient task{plan, pairs, x.dtype, x.data, grad_y.data, products_of(plan, x.dtype)};
  if (task.volume() == 0 || pairs.offsets == 0) return;
  if (!gathers(task)) return wgrad_indirect(execution, task, grad_weights.data);
  if (x.dtype == DType::float64) return sum_weights<double>(execution, task, grad_weights.data);
  sum_weights<float>(execution, task, grad_weights.data);
}

void column_sum(const Execution& execution, ConstTensorView x, TensorView sums) {
  if (x.dtype == DType::float64) return sum_columns<double>(execution, x, sums.data);
  sum_columns<float>(execution, x, sums.data);
}

}  // namespace gavotte::internal::cpu
