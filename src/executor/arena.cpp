// Placement of buffers by liveness.
#include "executor/arena.h"

#include <algorithm>
#include <numeric>

#include "check.h"

namespace gavotte::internal {

std::int64_t place_buffers(std::span<ArenaBuffer> buffers, std::vector<int>& order) {
  constexpr std::int64_t kMost = std::int64_t{1} << 56;
  const auto buffer = [&](int i) -> ArenaBuffer& { return buffers[static_cast<std::size_t>(i)]; };
  order.resize(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return buffer(a).bytes != buffer(b).bytes ? buffer(a).bytes > buffer(b).bytes : a < b;
  });
  std::int64_t total = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    ArenaBuffer& placed = buffer(order[i]);
    GAVOTTE_CHECK_RUNTIME(placed.bytes <= kMost && total <= kMost,
                          "the features of this scan need more than 2^56 bytes");
    placed.offset = 0;
    // Moves up past each neighbour in time that it would overlap, until none is left.
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t j = 0; j < i; ++j) {
        const ArenaBuffer& other = buffer(order[j]);
        const bool together = placed.first <= other.last && other.first <= placed.last;
        if (!together || placed.offset + placed.bytes <= other.offset ||
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

void Arena::reserve(std::int64_t bytes) {
  if (memory_ && bytes <= capacity()) return;
  memory_ = Tensor();  // given back first, so that both are never held
  memory_ = Tensor(execution_, DType::uint8, Shape{std::max(bytes, kArenaAlignment)});
}

TensorView Arena::view(std::int64_t offset, DType dtype, Shape shape) {
  return {static_cast<std::byte*>(memory_.data()) + offset, dtype, shape, execution_.device};
}

}  // namespace gavotte::internal
