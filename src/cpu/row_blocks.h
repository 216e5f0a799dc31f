// Rows cut into blocks, each a task for the threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "parallel.h"

namespace gavotte::internal::cpu {

inline constexpr std::int64_t kBlockRows = 1 << 12;  ///< They pay for handing a block to a thread.

/// Rows [begin, end), the index-th block of a call.
struct RowBlock {
  std::size_t index;
  std::int64_t begin, end;

  std::int64_t rows() const { return end - begin; }
};

inline std::int64_t blocks_of(std::int64_t rows, std::int64_t block_rows = kBlockRows) {
  return (rows + block_rows - 1) / block_rows;
}

/// Calls body(block) for each block of `rows` rows, as parallel_for() does.
template <class Body>
void for_row_blocks(const Execution& execution, std::int64_t rows, std::int64_t block_rows,
                    const Body& body) {
  parallel_for(execution, blocks_of(rows, block_rows), [&](std::int64_t block, int) {
    const std::int64_t begin = block * block_rows;
    body(RowBlock{static_cast<std::size_t>(block), begin, std::min(rows, begin + block_rows)});
  });
}

template <class Body>
void for_row_blocks(const Execution& execution, std::int64_t rows, const Body& body) {
  for_row_blocks(execution, rows, kBlockRows, body);
}

}  // namespace gavotte::internal::cpu
