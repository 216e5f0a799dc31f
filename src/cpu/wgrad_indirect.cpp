// Each offset's pairs are cut into equal shares. They are in key order, so that share i of every offset reads rows of the
// same part of space: those shares are a tile, whose rows stay in cache while the offsets take turns. Consecutive tiles
// are a range, which has sums of its own; the ranges' sums are added in order. How the pairs are cut follows from their
// number alone, so the bits do not depend on threads. Rows of 16 bits are staged: bfloat16 two at a time side by side where
// the CPU multiplies those, else as float32.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "cpu/scratch.h"
#include "cpu/simd/indirect_wgrad.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/simd/wgrad_tiles.h"
#include "cpu/wgrad.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kTilePairs = 1024;  // of an offset, on average
constexpr std::int64_t kMostRanges = 64;
constexpr std::int64_t kPartialBytes = 64 << 20;    // of the ranges' sums
constexpr std::int64_t kTasks = 32;                 // at least, where there are offsets for it
constexpr std::int64_t kStagedElements = 16 << 10;  // 16-bit rows converted at a time
constexpr std::int64_t kPairedElements = 4 << 10;   // rows of two, likewise
constexpr std::int64_t kGroupedPairs = 256;         // that pass all groups of channels at a time
constexpr std::int64_t kAddedElements = 1 << 15;    // of the sums that one task adds up

/// Elements of the sums of one offset.
std::int64_t sum_elements(const WeightGradient& task) {
  return task.products == WgradProducts::tiled
             ? task.plan.groups * tiled_elements(task.in_group(), task.out_group())
             : task.volume();
}

/// How the pairs are cut: ranges of tiles, and groups of consecutive offsets with about as many pairs.
struct Cut {
  std::int64_t ranges, tiles, groups;
};

Cut cut(const WeightGradient& task) {
  const MapPairs& pairs = task.pairs;
  const std::int64_t total = pairs.begin[pairs.offsets], offsets = pairs.offsets;
  std::int64_t most = 0;
  for (int k = 0; k < pairs.offsets; ++k)
    most = std::max(most, pairs.begin[k + 1] - pairs.begin[k]);
  const std::int64_t chunk = task.plan.config.wgrad_chunk_pairs;
  const std::int64_t bytes = offsets * sum_elements(task) * accumulator_bytes(task.dtype);
  Cut cut{};
  cut.ranges =
      std::clamp<std::int64_t>((most + chunk - 1) / chunk, 1,
                               std::clamp<std::int64_t>(kPartialBytes / bytes, 1, kMostRanges));
  cut.tiles = std::max<std::int64_t>(total / (offsets * kTilePairs * cut.ranges), 1);
  cut.groups = std::min((kTasks + cut.ranges - 1) / cut.ranges, offsets);
  return cut;
}

/// The group whose part of all pairs holds the middle one of offset k.
std::int64_t group_of(const MapPairs& pairs, const Cut& cut, int k) {
  const std::int64_t total = std::max<std::int64_t>(pairs.begin[pairs.offsets], 1);
  const std::int64_t middle = (pairs.begin[k] + pairs.begin[k + 1]) / 2;
  return std::min(middle * cut.groups / total, cut.groups - 1);
}

/// Pairs of offset k in tile `tile` of all.
PairRows share(const MapPairs& pairs, const Cut& cut, int k, std::int64_t tile) {
  const std::int64_t count = pairs.begin[k + 1] - pairs.begin[k], tiles = cut.ranges * cut.tiles;
  const std::int64_t first = count * tile / tiles, last = count * (tile + 1) / tiles;
  return {pairs.in(k) + first, pairs.out(k) + first, last - first};
}

/// A share and the sums that it is added to: [Cin / groups, Cout], or tiles of them.
struct Share {
  PairRows pairs;
  std::byte* sums = nullptr;
  bool first = false;
};

/// Adds shares, each when the one after it is known.
class Adder {
 public:
  Adder(const WeightGradient& task, Workspace& workspace)
      : task_(task),
        workspace_(workspace),
        direct_(is_accumulator(task.dtype)),
        paired_(task.products == WgradProducts::paired ? paired_wgrad() : nullptr),
        dtype_(accumulator_of(task.dtype)) {
    const std::int64_t channels = task.plan.in_channels + task.plan.out_channels;
    if (task.products == WgradProducts::tiled) {
      tile_memory_ =
          workspace.gathered.as<std::byte>(tiled_wgrad_bytes(task.in_group(), task.out_group()));
    } else if (!direct_) {
      staged_ = std::max((paired_ != nullptr ? kPairedElements : kStagedElements) / channels,
                         std::int64_t{32});
      chunk_ = paired_ != nullptr ? 2 * staged_ : staged_;
      staged_rows_ = workspace.entries.as<std::int32_t>(staged_);
      std::iota(staged_rows_, staged_rows_ + staged_, 0);
    } else if (task.plan.groups > 1) {
      chunk_ = kGroupedPairs;
    }
  }

  void add(const Share& share) {
    run(share.pairs);
    waiting_ = share;
  }
  void finish() { run({}); }

 private:
  void run(const PairRows& next) {
    const PairRows& all = waiting_.pairs;
    if (task_.products == WgradProducts::tiled && all.count > 0)
      return tiled_wgrad({task_.x, task_.grad_y, task_.in_group(), task_.out_group(),
                          task_.plan.groups, reinterpret_cast<float*>(waiting_.sums), all,
                          waiting_.first, tile_memory_});
    for (std::int64_t begin = 0; begin < all.count; begin += chunk_) {
      PairRows rest{all.x + begin, all.grad + begin, all.count - begin};
      PairRows pairs = rest;
      pairs.count = std::min(chunk_, rest.count);
      rest = {rest.x + pairs.count, rest.grad + pairs.count, rest.count - pairs.count};
      multiply(pairs, rest.count > 0 ? rest : next, waiting_.first && begin == 0);
    }
  }

  void multiply(PairRows pairs, PairRows next, bool first) {
    const std::int64_t in = task_.plan.in_channels, out = task_.plan.out_channels;
    const auto* x = static_cast<const std::byte*>(task_.x);
    const auto* grad = static_cast<const std::byte*>(task_.grad_y);
    if (!direct_) {
      const bool continued = next.x == pairs.x + pairs.count;
      const std::int64_t known = pairs.count + (continued ? next.count : 0);
      x = stage(x, pairs.x, pairs.count, known, in, workspace_.gathered);
      grad = stage(grad, pairs.grad, pairs.count, known, out, workspace_.partial);
      pairs.x = pairs.grad = staged_rows_;
      if (paired_ != nullptr) pairs.count = (pairs.count + 1) / 2;
      next = {};
    }
    const std::int64_t in_group = task_.in_group(), out_group = task_.out_group();
    const std::int64_t size = size_bytes(dtype_);
    const auto wgrad = paired_ != nullptr ? paired_->indirect_wgrad : &indirect_wgrad;
    for (int group = 0; group < task_.plan.groups; ++group)
      wgrad({dtype_, x + group * in_group * size, grad + group * out_group * size, in, out,
             in_group, out_group, waiting_.sums + group * out_group * size, out, pairs, next, first,
             direct_ && task_.pairs.scattered});
  }

  // The rows one after another: as accumulators, or paired.
  const std::byte* stage(const std::byte* from, const std::int32_t* rows, std::int64_t count,
                         std::int64_t known, std::int64_t channels, Buffer& memory) const {
    auto* const to = memory.as<std::byte>(staged_ * channels * 4);
    if (paired_ != nullptr) {
      paired_->pair_rows({from, rows, count, known, channels, to});
    } else {
      gather_rows({task_.dtype, from, rows, count, channels, 0, channels, to});
    }
    return to;
  }

  const WeightGradient& task_;
  Workspace& workspace_;
  bool direct_;                // rows are read where they are
  const PairedWgrad* paired_;  // or null: other dtypes, other CPUs
  DType dtype_;
  std::int64_t chunk_ = std::int64_t{1} << 40;  // pairs at a time
  std::int64_t staged_ = 0;                     // rows at a time, of 4 bytes an element
  std::int32_t* staged_rows_ = nullptr;
  std::byte* tile_memory_ = nullptr;
  Share waiting_;
};

/// grad_weights from tiles of sums, after those of the ranges are added up.
void finish_tiles(const Execution& execution, const WeightGradient& task, std::int64_t ranges,
                  float* sums, void* grad_weights) {
  constexpr std::int64_t most_rows = 16;
  const std::int64_t in = task.in_group(), out = task.out_group(), width = task.plan.out_channels;
  const std::int64_t elements = sum_elements(task), group_elements = tiled_elements(in, out);
  const std::int64_t parts = (in + most_rows - 1) / most_rows,
                     part_elements = group_elements / parts;
  const WorkspaceLease workspaces(thread_count(execution));
  parallel_for(execution, task.pairs.offsets * parts, [&](std::int64_t index, int worker) {
    const std::int64_t k = index / parts, first = index % parts * most_rows;
    const std::int64_t rows = std::min(most_rows, in - first);
    auto* const ordered = workspaces[worker].gathered.as<float>(rows * width);
    for (int group = 0; group < task.plan.groups; ++group) {
      float* const of_group = sums + k * elements + group * group_elements;
      for (std::int64_t range = 1; range < ranges; ++range)
        add_rows(DType::float32,
                 of_group + range * task.pairs.offsets * elements + index % parts * part_elements,
                 1, part_elements, of_group + index % parts * part_elements);
      untile_sums(of_group, out, first, rows, ordered + group * out, width);
    }
    finish_rows({task.dtype, ordered, nullptr, nullptr, 1, rows * width, 0, rows * width,
                 RowEpilogue{},
                 static_cast<std::byte*>(grad_weights) +
                     (k * in + first) * width * size_bytes(task.dtype)});
  });
}

}  // namespace

void wgrad_indirect(const Execution& execution, const WeightGradient& task, void* grad_weights) {
  const MapPairs& pairs = task.pairs;
  const Cut parts = cut(task);
  const DType dtype = accumulator_of(task.dtype);
  const std::int64_t size = size_bytes(dtype);
  const std::int64_t offset_bytes = sum_elements(task) * size, bytes = pairs.offsets * offset_bytes;
  // The first range sums in the result, where that holds accumulators.
  const bool in_place = dtype == task.dtype;
  const Scratch memory((parts.ranges - (in_place ? 1 : 0)) * bytes);
  const auto sums_of = [&](std::int64_t range) {
    if (in_place && range == 0) return static_cast<std::byte*>(grad_weights);
    return memory.as<std::byte>() + (range - (in_place ? 1 : 0)) * bytes;
  };
  const WorkspaceLease workspaces(thread_count(execution));
  parallel_for(execution, parts.ranges * parts.groups, [&](std::int64_t index, int worker) {
    const std::int64_t range = index / parts.groups, group = index % parts.groups;
    Adder adder(task, workspaces[worker]);
    for (std::int64_t tile = 0; tile < parts.tiles; ++tile) {
      for (int k = 0; k < pairs.offsets; ++k) {
        if (group_of(pairs, parts, k) != group) continue;
        const PairRows rows = share(pairs, parts, k, range * parts.tiles + tile);
        std::byte* sums = sums_of(range) + k * offset_bytes;
        if (rows.count > 0) {
          adder.add({rows, sums, tile == 0});
        } else if (tile == 0) {
          std::memset(sums, 0, static_cast<std::size_t>(offset_bytes));
        }
      }
    }
    adder.finish();
  });
  if (task.products == WgradProducts::tiled)
    return finish_tiles(execution, task, parts.ranges, memory.as<float>(), grad_weights);
  if (in_place && parts.ranges == 1) return;
  const std::int64_t elements = pairs.offsets * task.volume();
  parallel_for(
      execution, (elements + kAddedElements - 1) / kAddedElements, [&](std::int64_t part, int) {
        const std::int64_t first = part * kAddedElements;
        const std::int64_t count = std::min(kAddedElements, elements - first);
        std::byte* sum = sums_of(0) + first * size;
        for (std::int64_t range = 1; range < parts.ranges; ++range)
          add_rows(dtype, sums_of(range) + first * size, 1, count, sum);
        if (!in_place)
          finish_rows({task.dtype, sum, nullptr, nullptr, 1, count, 0, count, RowEpilogue{},
                       static_cast<std::byte*>(grad_weights) + first * size_bytes(task.dtype)});
      });
}

}  // namespace gavotte::internal::cpu
