// Where the product of each pair is put. The products of an output row lie next to one another, in
// the order of the offsets: whoever sums them reads them in one stream and in that order, and a
// place follows from counts alone, so no atomic decides it.
#pragma once

#include <cstdint>

#include "cuda/device/kernel.h"
#include "cuda/memory.h"
#include "gavotte/kernel_map.h"

namespace gavotte::internal::cuda {

/// As kernels read it.
struct PartialRows {
  const std::int64_t* begin =
      nullptr;  ///< [M + 1]: products of row r are [begin[r], begin[r + 1]).
  const std::uint32_t* masks = nullptr;  ///< [M, words]: bit k % 32 of word k / 32 for offset k.
  std::int32_t words = 0;

  /// The place of the product of `row` at `offset`, which it has.
  GAVOTTE_DEVICE std::int64_t place(std::int64_t row, std::int32_t offset) const {
    const std::uint32_t* mask = masks + row * words;
    std::int64_t at = begin[row];
    for (std::int32_t word = 0; word < offset / 32; ++word) at += count_bits(mask[word]);
    return at + count_bits(mask[offset / 32] & ((1U << offset % 32) - 1));
  }
};

/// The memory of a PartialRows, filled on the stream of `execution`.
class PartialRowsOfMap {
 public:
  PartialRowsOfMap(const Execution& execution, const KernelMap& map);
  const PartialRows& view() const { return view_; }

 private:
  Scratch<std::int64_t> begin_;
  Scratch<std::uint32_t> masks_;
  PartialRows view_;
};

}  // namespace gavotte::internal::cuda
