#include "row_rank.h"

#include "row_blocks.h"

namespace gavotte::internal::cpu {

namespace {

constexpr std::int64_t kRankRows = 1 << 14;  // of a task

}  // namespace

const std::int32_t* RowRank::get(const Execution& execution) const {
  const std::lock_guard lock(mutex_);
  if (!rank_) {
    const auto order = order_.span<std::int32_t>();
    const auto rows = static_cast<std::int64_t>(order.size());
    Tensor made(DType::int32, {rows});
    std::int32_t* const rank = made.span<std::int32_t>().data();
    for_row_blocks(execution, rows, kRankRows, [&](const RowBlock& block) {
      for (std::int64_t i = block.begin; i < block.end; ++i)
        rank[order[static_cast<std::size_t>(i)]] = static_cast<std::int32_t>(i);
    });
    rank_ = std::move(made);
  }
  return std::as_const(rank_).span<std::int32_t>().data();
}

std::int64_t RowRank::bytes() const {
  const std::lock_guard lock(mutex_);
  return rank_ ? std::as_const(rank_).view().bytes() : 0;
}

}  // namespace gavotte::internal::cpu
