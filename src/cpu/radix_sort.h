// Stable least-significant-digit radix sort of (key, row) over the key bits in use, in parallel.
//
// Each pass: a histogram for each fixed block of the input, prefix sums over (digit, block), then
// each block moves its items. The order is the stable one whatever the number of blocks, so it does
// not depend on the threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "keys.h"
#include "parallel.h"

namespace gavotte::internal::cpu {

template <class Key>
struct KeyRow {
  std::uint32_t row;
  Key key;
};

inline constexpr int kMaxDigitBits = 12;  // 4096 counters: 16 KiB, half of a first-level cache
inline constexpr std::int64_t kSmallSort =
    512;  // below, a comparison sort beats clearing the counters
inline constexpr std::int64_t kMinSortBlock =
    1 << 14;  // items of a block: fewer do not pay for a thread

/// Sorts `count` items by key; equal keys keep their order. bits: keys are below 2^bits. scratch:
/// as long as items. Returns where the sorted items are: in one of the two.
template <class Key>
KeyRow<Key>* radix_sort(const Execution& execution, KeyRow<Key>* items, KeyRow<Key>* scratch,
                        std::int64_t count, int bits) {
  const auto key_less = [](const KeyRow<Key>& a, const KeyRow<Key>& b) { return a.key < b.key; };
  if (count < kSmallSort) {
    std::stable_sort(items, items + count, key_less);
    return items;
  }
  const int passes = std::max(1, (bits + kMaxDigitBits - 1) / kMaxDigitBits);
  const int digit_bits = std::max(1, (bits + passes - 1) / passes);
  const auto buckets = std::int64_t{1} << digit_bits;
  const std::int64_t blocks =
      std::clamp<std::int64_t>(count / kMinSortBlock, 1, thread_count(execution));
  const auto block_begin = [&](std::int64_t block) { return count * block / blocks; };

  std::vector<std::uint32_t> counters(static_cast<std::size_t>(blocks * buckets));
  for (int pass = 0; pass < passes; ++pass) {
    const int shift = pass * digit_bits;
    parallel_for(execution, blocks, [&](std::int64_t block, int) {
      std::uint32_t* counter = counters.data() + block * buckets;
      std::fill(counter, counter + buckets, 0U);
      for (std::int64_t i = block_begin(block); i < block_begin(block + 1); ++i) {
        ++counter[key_digit(items[i].key, shift, digit_bits)];
      }
    });
    std::uint32_t sum = 0;
    for (std::int64_t digit = 0; digit < buckets; ++digit) {
      for (std::int64_t block = 0; block < blocks; ++block) {
        std::uint32_t& counter = counters[static_cast<std::size_t>(block * buckets + digit)];
        sum += std::exchange(counter, sum);
      }
    }
    parallel_for(execution, blocks, [&](std::int64_t block, int) {
      std::uint32_t* position = counters.data() + block * buckets;
      const KeyRow<Key>* source = items;
      KeyRow<Key>* destination = scratch;
      for (std::int64_t i = block_begin(block); i < block_begin(block + 1); ++i) {
        destination[position[key_digit(source[i].key, shift, digit_bits)]++] = source[i];
      }
    });
    std::swap(items, scratch);
  }
  return items;
}

}  // namespace gavotte::internal::cpu
