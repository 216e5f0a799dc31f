// Placement of buffers by liveness.
#include "executor/arena.h"

#include <algorithm>
#include <numeric>

#include "check.h"

namespace gavotte::internal {

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 56;

bool together(const ArenaBuffer& a, const ArenaBuffer& b) {
  return a.first <= b.last && b.first <= a.last;
}

/// Sets every `breadth`; returns the largest.
std::int64_t measure_breadth(std::span<ArenaBuffer> buffers) {
  std::int64_t most = 0;
  for (ArenaBuffer& buffer : buffers) buffer.breadth = 0;
  // What is needed at once grows only at the step where some buffer begins.
  for (const ArenaBuffer& begun : buffers) {
    std::int64_t bytes = 0;
    const auto needed = [&](const ArenaBuffer& other) {
      return other.first <= begun.first && begun.first <= other.last;
    };
    for (const ArenaBuffer& other : buffers)
      if (needed(other)) bytes = std::min(bytes + std::min(other.bytes, kMost), kMost + 1);
    for (ArenaBuffer& other : buffers)
      if (needed(other)) other.breadth = std::max(other.breadth, bytes);
    most = std::max(most, bytes);
  }
  return most;
}

/// Places the buffers in that order; returns the bytes of the arena.
std::int64_t place_in_order(std::span<ArenaBuffer> buffers, const std::vector<int>& order) {
  const auto buffer = [&](std::size_t i) -> ArenaBuffer& {
    return buffers[static_cast<std::size_t>(order[i])];
  };
  std::int64_t total = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    ArenaBuffer& placed = buffer(i);
    GAVOTTE_CHECK_RUNTIME(placed.bytes <= kMost && total <= kMost,
                          "the features of this scan need more than 2^56 bytes");
    placed.offset = 0;
    // Moves up past each neighbour in time that it would overlap, until none is left.
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t j = 0; j < i; ++j) {
        const ArenaBuffer& other = buffer(j);
        if (!together(placed, other) || placed.offset + placed.bytes <= other.offset ||
            other.offset + other.bytes <= placed.offset)
          continue;
        placed.offset =
            (other.offset + other.bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
        moved = true;
      }
    }
    total = std::max(total, placed.offset + placed.bytes);
  }
  return total;
}

}  // namespace

std::int64_t place_buffers(std::span<ArenaBuffer> buffers, std::vector<int>& order) {
  const auto buffer = [&](int i) -> ArenaBuffer& { return buffers[static_cast<std::size_t>(i)]; };
  const auto by_size = [&](int a, int b) {
    return buffer(a).bytes != buffer(b).bytes ? buffer(a).bytes > buffer(b).bytes : a < b;
  };
  const auto by_breadth = [&](int a, int b, bool early) {
    if (buffer(a).breadth != buffer(b).breadth) return buffer(a).breadth > buffer(b).breadth;
    if (buffer(a).bytes != buffer(b).bytes) return buffer(a).bytes > buffer(b).bytes;
    return early ? a < b : a > b;
  };
  order.resize(buffers.size());
  const auto place = [&](int rule) {
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int a, int b) {
      return rule == 0 ? by_size(a, b) : by_breadth(a, b, rule == 1);
    });
    return place_in_order(buffers, order);
  };
  constexpr int kRules = 3;
  const std::int64_t least = measure_breadth(buffers);
  int best = 0;
  std::int64_t fewest = place(best), placed = fewest;
  for (int rule = 1; rule < kRules && fewest > least; ++rule) {
    placed = place(rule);
    if (placed < fewest) {
      best = rule;
      fewest = placed;
    }
  }
  return placed == fewest ? fewest : place(best);
}

void Arena::release() { memory_ = Tensor(); }

void Arena::reserve(std::int64_t bytes) {
  if (memory_ && bytes <= capacity()) return;
  release();  // given back first, so that both are never held
  memory_ = Tensor(execution_, DType::uint8, Shape{std::max(bytes, kArenaAlignment)});
}

std::span<std::byte> Arena::memory() {
  return {static_cast<std::byte*>(memory_.data()), static_cast<std::size_t>(capacity())};
}

TensorView Arena::view(std::int64_t offset, DType dtype, Shape shape) {
  return {static_cast<std::byte*>(memory_.data()) + offset, dtype, shape, execution_.device};
}

}  // namespace gavotte::internal
