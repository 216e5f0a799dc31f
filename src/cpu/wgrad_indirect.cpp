// Each offset's pairs are cut into equal shares. They are in key order, so that share i of every offset reads rows of the
// same part of space: those shares are a tile, whose rows stay in cache while the offsets take turns. Consecutive tiles
// are a range, which has sums of its own; the ranges' sums are added in order. How the pairs are cut follows from their
// number alone, so the bits do not depend on threads. A thread keeps to its ranges while it has some: where two of them took
// the offsets of a range in turn, the rows went through the caches of both (Xeon with AMX, 2026-11-23, lidar_10, two threads:
// 0.83 of the rate at 4 -> 16 channels, 0.92 at 16; bfloat16 0.85 at 16 and 32 channels, 0.9 at 64). Rows of 16 bits are
// staged: bfloat16 two at a time side by side where the CPU multiplies those, else as float32.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "cpu/scratch.h"
#include "cpu/simd/indirect_wgrad.h"
#include "cpu/simd/packed_wgrad.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/simd/wgrad_tiles.h"
#include "cpu/unit_queue.h"
#include "cpu/wgrad.h"
#include "cpu/wgrad_cut.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kStagedElements = 16 << 10;  // 16-bit rows converted at a time
constexpr std::int64_t kPairedElements = 4 << 10;   // rows of two, likewise
constexpr std::int64_t kGroupedPairs = 256;         // that pass all groups of channels at a time
constexpr std::int64_t kAddedElements = 1 << 12;    // of the sums that one task adds up

/// Elements of the sums of one offset.
std::int64_t sum_elements(const WeightGradient& task) {
  return task.products == WgradProducts::tiled
             ? task.plan.groups * tiled_elements(task.in_group(), task.out_group())
             : task.volume();
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
    } else if (task.products == WgradProducts::packed) {
      packed_memory_ = workspace.gathered.as<std::byte>(
          packed_wgrad()->bytes(task.in_group(), task.out_group()));
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
    if (packed_memory_ != nullptr) {
      packed_wgrad()->add(
          {dtype_, x, grad, in, out, in, out, waiting_.sums, out, pairs, next, first},
          packed_memory_);
      return;
    }
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
  std::byte *tile_memory_ = nullptr, *packed_memory_ = nullptr;
  Share waiting_;
};

/// Runs the units that the worker gets. Steps are tiles, lanes groups of offsets; sums_of(range) are those of all offsets.
template <class SumsOf>
void add_units(const MapPairs& pairs, const WgradCut& cut, UnitQueue::Worker worker, Adder adder,
               std::int64_t offset_bytes, const SumsOf& sums_of) {
  std::optional<Unit> waiting;  // whose last share the adder holds
  while (const std::optional<Unit> unit = worker.take()) {
    bool added = false;
    const int* const offsets = &cut.groups[static_cast<std::size_t>(unit->lane)];
    for (int k = offsets[0]; k < offsets[1]; ++k) {
      const PairRows rows = cut.share(pairs, k, unit->range, unit->step);
      std::byte* const sums = sums_of(unit->range) + k * offset_bytes;
      if (rows.count == 0) {
        if (unit->step == 0) std::memset(sums, 0, static_cast<std::size_t>(offset_bytes));
        continue;
      }
      adder.add({rows, sums, unit->step == 0});
      if (waiting) worker.end(*std::exchange(waiting, {}));
      added = true;
    }
    if (added) {
      waiting = unit;
    } else {
      worker.end(*unit);
    }
  }
  adder.finish();
  if (waiting) worker.end(*waiting);
}

/// grad_weights from tiles of sums, after those of the ranges are added up.
void finish_tiles(const Execution& execution, const WeightGradient& task, std::int64_t ranges,
                  float* sums, void* grad_weights) {
  const std::int64_t in = task.in_group(), out = task.out_group(), width = task.plan.out_channels;
  const std::int64_t elements = sum_elements(task), range_elements = task.pairs.offsets * elements;
  const std::int64_t strips = tiled_strips(in, out), group_strips = task.plan.groups * strips;
  const std::int64_t strip_elements = elements / group_strips;
  const WorkspaceLease workspaces(thread_count(execution));
  const auto finish_strip = [&](std::int64_t index, Workspace& workspace) {
    const std::int64_t k = index / group_strips, group = index % group_strips / strips;
    const WgradStrip strip = tiled_strip(in, out, index % strips);
    float* const of_strip = sums + index * strip_elements;
    for (std::int64_t range = 1; range < ranges; ++range)
      add_rows(DType::float32, of_strip + range * range_elements, 1, strip_elements, of_strip);
    const std::int64_t column = group * out + strip.column;
    auto* const ordered = workspace.gathered.as<float>(strip.rows * width);
    untile_strip(of_strip, in, out, strip, ordered + column, width);
    finish_rows({task.dtype, ordered, nullptr, nullptr, strip.rows, width, column, strip.columns,
                 RowEpilogue{},
                 static_cast<std::byte*>(grad_weights) +
                     (k * in + strip.row) * width * size_bytes(task.dtype)});
  };
  const std::int64_t all = task.pairs.offsets * group_strips;
  const std::int64_t together = std::max<std::int64_t>(kAddedElements / strip_elements, 1);
  parallel_for(execution, (all + together - 1) / together, [&](std::int64_t i, int worker) {
    const std::int64_t end = std::min((i + 1) * together, all);
    for (std::int64_t index = i * together; index < end; ++index)
      finish_strip(index, workspaces[worker]);
  });
}

}  // namespace

void wgrad_indirect(const Execution& execution, const WeightGradient& task, void* grad_weights) {
  const MapPairs& pairs = task.pairs;
  const DType dtype = accumulator_of(task.dtype);
  const std::int64_t size = size_bytes(dtype);
  const std::int64_t offset_bytes = sum_elements(task) * size, bytes = pairs.offsets * offset_bytes;
  const std::int64_t pair_bytes =
      (task.plan.in_channels + task.plan.out_channels) * size_bytes(task.dtype);
  const WgradCut cut(pairs, {pair_bytes, bytes}, task.plan.config.wgrad_chunk_pairs);
  // The first range sums in the result, where that holds accumulators.
  const bool in_place = dtype == task.dtype;
  const Scratch memory((cut.ranges - (in_place ? 1 : 0)) * bytes);
  const auto sums_of = [&](std::int64_t range) {
    if (in_place && range == 0) return static_cast<std::byte*>(grad_weights);
    return memory.as<std::byte>() + (range - (in_place ? 1 : 0)) * bytes;
  };
  const int workers = static_cast<int>(
      std::min<std::int64_t>(thread_count(execution), cut.ranges * cut.group_count()));
  UnitQueue queue({cut.ranges, cut.group_count(), cut.tiles});
  const WorkspaceLease workspaces(workers);
  parallel_for(execution, workers, [&](std::int64_t, int worker) {
    add_units(pairs, cut, UnitQueue::Worker(queue, worker, workers),
              Adder(task, workspaces[worker]), offset_bytes, sums_of);
  });
  if (task.products == WgradProducts::tiled)
    return finish_tiles(execution, task, cut.ranges, memory.as<float>(), grad_weights);
  if (in_place && cut.ranges == 1) return;
  const std::int64_t elements = pairs.offsets * task.volume();
  parallel_for(
      execution, (elements + kAddedElements - 1) / kAddedElements, [&](std::int64_t part, int) {
        const std::int64_t first = part * kAddedElements;
        const std::int64_t count = std::min(kAddedElements, elements - first);
        std::byte* sum = sums_of(0) + first * size;
        for (std::int64_t range = 1; range < cut.ranges; ++range)
          add_rows(dtype, sums_of(range) + first * size, 1, count, sum);
        if (!in_place)
          finish_rows({task.dtype, sum, nullptr, nullptr, 1, count, 0, count, RowEpilogue{},
                       static_cast<std::byte*>(grad_weights) + first * size_bytes(task.dtype)});
      });
}

}  // namespace gavotte::internal::cpu
