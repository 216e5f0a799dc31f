// Pairs are taken in pieces whose rows stay in the first-level cache while the blocks of the gradient go over them; the
// rows of the next piece are fetched meanwhile, each line beside the pairs of one block (EPYC with AVX-512, 2026-11-22,
// float32, beside bursts before each block: 1.18 of the rate at 32 channels on random_100000, 1.08 to 1.12 at 64, 1.01 at
// 128). Compiled once for each target.
#if defined(GAVOTTE_INDIRECT_WGRAD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GAVOTTE_INDIRECT_WGRAD_INL_H
#undef GAVOTTE_INDIRECT_WGRAD_INL_H
#else
#define GAVOTTE_INDIRECT_WGRAD_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include "cpu/simd/indirect_wgrad.h"
#include "cpu/simd/wgrad_blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// Pairs of a piece at least, and its rows on Intel's CPUs, where they share a first-level cache with those of the next.
constexpr std::int64_t kFewestPairs = 64, kPieceBytes = 16 << 10;
constexpr std::int64_t kFirstLevelBytes = 48 << 10;
// The same on AMD's, whose cores hide the way to the second-level cache: there longer pieces cost less, in blocks that begin
// and end (EPYC with AVX-512, 2026-11-24, float32, lidar_10, room_10, random_20000, beside 64 pairs: 1.07 to 1.11 of the rate at
// 32 channels, 1.02 to 1.07 at 64 to 128, 1.06 to 1.08 at 256, 1.03 to 1.09 at 512 with 128 pairs; 320 pairs 0.98 to 1.02 of
// that of 256).
constexpr std::int64_t kMostLongPairs = 256, kLongPieceBytes = 512 << 10;
// Pieces of rows that together have no more bytes may be a quarter longer (Xeon with AMX, 2026-11-23, 64 channels: 1.01 of
// the rate; 128 channels 0.99).
constexpr std::int64_t kMostJoinedBytes = 512;

constexpr std::int64_t parts_of(std::int64_t total, std::int64_t most) {
  return (total + most - 1) / most;
}

// Where part i of `parts` nearly equal ones begins.
constexpr std::int64_t part_begin(std::int64_t total, std::int64_t parts, std::int64_t i) {
  return total * i / parts;
}

// Calls body(first row, rows of each, blocks) for blocks of one height that follow each other: of `in` channels in nearly equal
// ones, as far as it goes.
template <class T, class Body>
void for_each_height(std::int64_t in, std::int64_t vectors, Body&& body) {
  // One vector: whole groups, then the channels that are left over.
  const std::int64_t unit = vectors == 1 ? kGroup<T> : 1, units = in / unit;
  const std::int64_t blocks = parts_of(units, kRows[static_cast<std::size_t>(vectors)] / unit);
  if (blocks > 0) {
    const std::int64_t size = units / blocks, higher = units % blocks;
    if (higher > 0) body(0, (size + 1) * unit, higher);
    body(higher * (size + 1) * unit, size * unit, blocks - higher);
  }
  if (units * unit < in) body(units * unit, in - units * unit, 1);
}

constexpr std::int64_t pairs_of_piece(std::int64_t pair_bytes, bool shuffle_ports) {
  if (!shuffle_ports) return std::max(kPieceBytes / pair_bytes, kFewestPairs);
  return std::clamp(kLongPieceBytes / pair_bytes, kFewestPairs, kMostLongPairs);
}

template <class P>
void add_products(const IndirectWgrad& args) {
  using T = typename P::Element;
  const std::int64_t width = lanes<T>(), vectors = parts_of(args.out, width);
  const std::int64_t panels = parts_of(vectors, kMostVectors);
  std::int64_t blocks = 0;
  for (std::int64_t p = 0; p < panels; ++p)
    for_each_height<T>(args.in, part_begin(vectors, panels, p + 1) - part_begin(vectors, panels, p),
                       [&](std::int64_t, std::int64_t, std::int64_t equal) { blocks += equal; });
  const std::int64_t pair_bytes = (args.in + args.out) * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t piece = blocks == 1 ? std::max<std::int64_t>(args.pairs.count, 1)
                                         : pairs_of_piece(pair_bytes, args.shuffle_ports);
  // Short rows in order come with each other's lines.
  const bool fetches_inputs = args.scattered || args.x_stride >= kLineElements<T>;
  const bool second_level = 2 * piece * pair_bytes >= kFirstLevelBytes;
  // A short rest joins the pieces before it.
  const std::int64_t rest = pair_bytes <= kMostJoinedBytes ? piece / 4 : 0;
  const std::int64_t pieces = std::max<std::int64_t>(parts_of(args.pairs.count - rest, piece), 1);
  for (std::int64_t i = 0; i < pieces; ++i) {
    const std::int64_t begin = part_begin(args.pairs.count, pieces, i);
    const std::int64_t count = part_begin(args.pairs.count, pieces, i + 1) - begin;
    PairRows next{args.pairs.x + begin + count, args.pairs.grad + begin + count,
                  args.pairs.count - begin - count};
    if (next.count == 0) next = args.next;
    NextLines<T> lines(args, next, blocks);
    for (std::int64_t p = 0; p < panels; ++p) {
      const std::int64_t vector = part_begin(vectors, panels, p);
      const std::int64_t panel_vectors = part_begin(vectors, panels, p + 1) - vector;
      const std::int64_t column = vector * width, last = column + (panel_vectors - 1) * width;
      const std::int64_t last_lanes = std::min(width, args.out - last);
      for_each_height<T>(
          args.in, panel_vectors, [&](std::int64_t row, std::int64_t rows, std::int64_t equal) {
            Block<T> block{static_cast<const T*>(args.x) + row,
                           static_cast<const T*>(args.grad) + column,
                           static_cast<T*>(args.sum) + row * args.sum_stride + column,
                           args.x_stride,
                           args.grad_stride,
                           args.sum_stride,
                           last_lanes,
                           args.pairs.x + begin,
                           args.pairs.grad + begin,
                           count,
                           args.first && begin == 0,
                           blocks == 1,
                           fetches_inputs,
                           second_level,
                           std::min(next.count, count)};
            const Kernel<P> add =
                kernel_of<P>(rows, panel_vectors, last_lanes == width, args.shuffle_ports);
            for (std::int64_t b = 0; b < equal; ++b) {
              if (!block.lone) lines.give(block);
              add(block);
              block.x += rows;
              block.sum += rows * args.sum_stride;
            }
          });
    }
  }
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
