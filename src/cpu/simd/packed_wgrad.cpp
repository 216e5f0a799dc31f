// A block of the gradient stays in registers while a piece of the pairs goes by, as in wgrad_blocks-inl.h. But where rows are
// wide, those of a piece are more than the first-level cache holds, and the same channels of many rows meet in few of its
// sets. So they are copied: gradients in panels [pair][columns of a block], each copied where the one before was and read by
// all blocks of its columns while the first-level cache has it, inputs in blocks [pair][rows of a block]. The rows of the next
// piece are fetched meanwhile, a line beside every few products: a line beside each pair of some blocks takes more than the
// CPU's buffers for lines that are under way, where rows come from the third-level cache.
#include "cpu/simd/packed_wgrad.h"

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/packed_wgrad.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cpu/simd/partial_vector-inl.h"
#include "cpu/simd/shuffle_ports.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3

constexpr std::int64_t kVectorLanes = 16;  // as many elements as a cache line
constexpr std::int64_t kPanelVectors = 4;
// Most rows of a block by the vectors of the widest panel, so that sums fit into registers; fewest of all blocks.
constexpr std::array<int, kPanelVectors + 1> kBlockRows = {0, 0, 0, 8, 6};
constexpr int kFewestRows = 4;
// Of a piece (Xeon with AMX, 2026-11-23, random_20000, 256 channels, beside 128 of them: 1.00 to 1.04 of the rate).
constexpr std::int64_t kPackedPairs = 96;
constexpr std::int64_t kCopiedInputs = 8;    // of a row at a time: as many as a block may have
constexpr std::int64_t kPairsTogether = 16;  // whose inputs are copied block by block
constexpr int kSecondLevel = 2;              // of cache, to __builtin_prefetch

// So many things in nearly equal parts, the first ones larger by one. Parts are found without divisions.
class EqualParts {
 public:
  EqualParts(std::int64_t total, std::int64_t most)
      : count_((total + most - 1) / most), size_(total / count_), larger_(total % count_) {}
  std::int64_t count() const { return count_; }
  std::int64_t begin(std::int64_t i) const { return i * size_ + std::min(i, larger_); }
  std::int64_t size(std::int64_t i) const { return size_ + (i < larger_ ? 1 : 0); }

 private:
  std::int64_t count_, size_, larger_;
};

// The lines of the rows of some pairs, pair after pair.
class PairLines {
 public:
  PairLines(const IndirectWgrad& args, const PairRows& pairs)
      : x_(static_cast<const float*>(args.x)),
        grad_(static_cast<const float*>(args.grad)),
        x_stride_(args.x_stride),
        grad_stride_(args.grad_stride),
        x_lines_((args.in + kVectorLanes - 1) / kVectorLanes),
        lines_(x_lines_ + (args.out + kVectorLanes - 1) / kVectorLanes),
        pairs_(pairs),
        left_(pairs.count * lines_) {}
  std::int64_t left() const { return left_; }
  HWY_INLINE void fetch_one() {
    __builtin_prefetch(line_ < x_lines_ ? x_ + pairs_.x[pair_] * x_stride_ + line_ * kVectorLanes
                                        : grad_ + pairs_.grad[pair_] * grad_stride_ +
                                              (line_ - x_lines_) * kVectorLanes,
                       0, kSecondLevel);
    --left_;
    if (++line_ < lines_) return;
    line_ = 0;
    ++pair_;
  }

 private:
  const float *x_, *grad_;
  std::int64_t x_stride_, grad_stride_, x_lines_, lines_;
  PairRows pairs_;
  std::int64_t left_, pair_ = 0, line_ = 0;
};

struct PackedBlock {
  const float *x, *grad;  // copies: [pairs][rows], [pairs][vectors]
  float* sum;
  const float* next_sum;  // of the block after this one
  std::int64_t sum_stride, last_lanes, pairs;
  bool first;
  std::int64_t fetches;  // of lines, beside the products
};

template <int rows, int vectors>
HWY_NOINLINE void add_packed_block(const PackedBlock& args, PairLines& lines) {
  const PackedBlock block = args;  // a copy whose address no call takes
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  V sums[rows][vectors];
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    const float* from = block.sum + r * block.sum_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      sums[r][v] = hn::Zero(d);
      if (!block.first)
        sums[r][v] = load_some(d, from + v * kVectorLanes,
                               v + 1 < vectors ? kVectorLanes : block.last_lanes);
    }
  }
  const float *x = block.x, *grad = block.grad;
  const auto add_pair = [&]() HWY_ATTR __attribute__((always_inline)) {
    V gradient[vectors];
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) gradient[v] = hn::Load(d, grad + v * kVectorLanes);
    GAVOTTE_UNROLL
    for (int r = 0; r < rows; ++r) {
      const V input = hn::Set(d, x[r]);
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(input, gradient[v], sums[r][v]);
    }
    x += rows;
    grad += vectors * kVectorLanes;
  };
  std::int64_t j = 0;
  const float* next = block.next_sum;
  for (int r = 0; r < rows && j + vectors <= block.pairs;
       ++r, j += vectors, next += block.sum_stride) {
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v) {
      hwy::Prefetch(next + v * kVectorLanes);
      add_pair();
    }
  }
  if (block.fetches > 0) {
    const std::int64_t step = std::max<std::int64_t>((block.pairs - j) / block.fetches, 1);
    for (std::int64_t i = 0; i < block.fetches && j + step <= block.pairs; ++i) {
      lines.fetch_one();
      for (const std::int64_t end = j + step; j < end; ++j) add_pair();
    }
  }
#pragma GCC unroll 2
  for (; j < block.pairs; ++j) add_pair();
  GAVOTTE_UNROLL
  for (int r = 0; r < rows; ++r) {
    float* to = block.sum + r * block.sum_stride;
    GAVOTTE_UNROLL
    for (int v = 0; v < vectors; ++v)
      store_some(d, sums[r][v], to + v * kVectorLanes,
                 v + 1 < vectors ? kVectorLanes : block.last_lanes);
  }
}

using PackedKernel = void (*)(const PackedBlock&, PairLines&);

template <int vectors, int... more>
PackedKernel packed_kernel(std::int64_t rows, std::integer_sequence<int, more...>) {
  static constexpr PackedKernel kernels[] = {&add_packed_block<kFewestRows + more, vectors>...};
  return kernels[rows - kFewestRows];
}

PackedKernel packed_kernel(std::int64_t rows, std::int64_t vectors) {
  using Rows4 = std::make_integer_sequence<int, kBlockRows[4] - kFewestRows + 1>;
  using Rows3 = std::make_integer_sequence<int, kBlockRows[3] - kFewestRows + 1>;
  if (vectors == 4) return packed_kernel<4>(rows, Rows4());
  return vectors == 3 ? packed_kernel<3>(rows, Rows3()) : packed_kernel<2>(rows, Rows3());
}

// How a gradient is cut into blocks.
struct PackedCut {
  EqualParts panels;  // of vectors of columns
  EqualParts blocks;  // of inputs
  PackedCut(std::int64_t in, std::int64_t out)
      : panels((out + kVectorLanes - 1) / kVectorLanes, kPanelVectors),
        blocks(in, kBlockRows[static_cast<std::size_t>(panels.size(0))]) {}
  // Where the copies of a block's inputs lie. Behind them is room for what is copied too far.
  std::int64_t inputs_begin(std::int64_t block, std::int64_t pairs) const {
    return blocks.begin(block) * pairs + block * kCopiedInputs;
  }
  // Whole lines.
  std::int64_t input_elements() const {
    return (inputs_begin(blocks.count(), kPackedPairs) + kVectorLanes - 1) / kVectorLanes *
           kVectorLanes;
  }
};

void copy_inputs(const IndirectWgrad& args, const PackedCut& cut, const PairRows& pairs,
                 float* to) {
  const hn::CappedTag<float, kCopiedInputs> d;
  const std::int64_t last = cut.blocks.count() - 1;
  for (std::int64_t first = 0; first < pairs.count; first += kPairsTogether) {
    const std::int64_t count = std::min(kPairsTogether, pairs.count - first);
    const float* from[kPairsTogether];
    for (std::int64_t j = 0; j < count; ++j)
      from[j] = static_cast<const float*>(args.x) + pairs.x[first + j] * args.x_stride;
    for (std::int64_t b = 0; b <= last; ++b) {
      const std::int64_t begin = cut.blocks.begin(b), rows = cut.blocks.size(b);
      float* block = to + cut.inputs_begin(b, pairs.count) + first * rows;
      for (std::int64_t j = 0; j < count; ++j, block += rows) {
        if (b < last) {
          hn::StoreU(hn::LoadU(d, from[j] + begin), d, block);
        } else {
          std::copy_n(from[j] + begin, rows, block);
        }
      }
    }
  }
}

void copy_gradients(const IndirectWgrad& args, const PairRows& pairs, std::int64_t column,
                    std::int64_t vectors, std::int64_t last_lanes, float* to) {
  const hn::ScalableTag<float> d;
  for (std::int64_t j = 0; j < pairs.count; ++j) {
    const float* from =
        static_cast<const float*>(args.grad) + pairs.grad[j] * args.grad_stride + column;
    for (std::int64_t v = 0; v < vectors; ++v, to += kVectorLanes)
      hn::Store(load_some(d, from + v * kVectorLanes, v + 1 < vectors ? kVectorLanes : last_lanes),
                d, to);
  }
}

// The products of a piece. next: of which as many lines are fetched.
void add_piece(const IndirectWgrad& args, const PackedCut& cut, const PairRows& pairs,
               const PairRows& next, bool first, float* memory) {
  float* const inputs = memory;
  float* const panel = memory + cut.input_elements();
  PairLines lines(args, next);
  const std::int64_t blocks = cut.blocks.count(), all = blocks * cut.panels.count();
  const std::int64_t fetches = (lines.left() + all - 1) / all;
  copy_inputs(args, cut, pairs, inputs);
  for (std::int64_t p = 0; p < cut.panels.count(); ++p) {
    const std::int64_t column = cut.panels.begin(p) * kVectorLanes, vectors = cut.panels.size(p);
    const std::int64_t last_column = column + (vectors - 1) * kVectorLanes;
    const std::int64_t last_lanes = std::min(kVectorLanes, args.out - last_column);
    copy_gradients(args, pairs, column, vectors, last_lanes, panel);
    auto* const sums = static_cast<float*>(args.sum);
    const bool last_panel = p + 1 == cut.panels.count();
    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::int64_t rows = cut.blocks.size(b);
      float* const sum = sums + cut.blocks.begin(b) * args.sum_stride + column;
      const float* const next_panel = last_panel ? sums : sums + column + vectors * kVectorLanes;
      packed_kernel(rows, vectors)(
          {inputs + cut.inputs_begin(b, pairs.count), panel, sum,
           b + 1 < blocks ? sum + rows * args.sum_stride : next_panel, args.sum_stride, last_lanes,
           pairs.count, first, std::min(fetches, lines.left())},
          lines);
    }
  }
}

void add_packed(const IndirectWgrad& args, void* memory) {
  const PackedCut cut(args.in, args.out);
  const EqualParts pieces(std::max<std::int64_t>(args.pairs.count, 1), kPackedPairs);
  for (std::int64_t i = 0; i < pieces.count(); ++i) {
    const std::int64_t begin = pieces.begin(i);
    const std::int64_t end = std::min(begin + pieces.size(i), args.pairs.count);
    PairRows next{args.pairs.x + end, args.pairs.grad + end, args.pairs.count - end};
    if (next.count == 0) next = args.next;
    next.count = std::min(next.count, kPackedPairs);
    add_piece(args, cut, {args.pairs.x + begin, args.pairs.grad + begin, end - begin}, next,
              args.first && i == 0, static_cast<float*>(memory));
  }
}

std::int64_t packed_bytes(std::int64_t in, std::int64_t out) {
  const std::int64_t panel = kPanelVectors * kVectorLanes * kPackedPairs;
  return (PackedCut(in, out).input_elements() + panel) * static_cast<std::int64_t>(sizeof(float));
}

const PackedWgrad* packed_kernels() {
  static constexpr PackedWgrad kernels = {&add_packed, &packed_bytes};
  return &kernels;
}

#else

const PackedWgrad* packed_kernels() { return nullptr; }

#endif

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(packed_kernels);

const PackedWgrad* packed_wgrad() { return HWY_DYNAMIC_DISPATCH(packed_kernels)(); }

// Xeon with AMX, 2026-11-23, beside indirect_wgrad: 256 channels 1.11 (room_10) to 1.28 (lidar_10), 128 -> 256 1.06 to 1.1,
// 192 0.95 to 1.07, 128 0.9 to 1.14; beside a GEMM 512 channels 1.2. On AMD's, whose pieces are long, 0.96 to 0.97 at 256 channels,
// less below (EPYC with AVX-512, 2026-11-24, lidar_10 and room_10).
bool packs_wgrad(std::int64_t in, std::int64_t out) {
  return !has_shuffle_ports() && std::min(in, out) >= 128 && std::max(in, out) >= 256 &&
         packed_wgrad() != nullptr;
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
