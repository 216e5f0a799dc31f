// Stable least-significant-digit radix sort of (key, row) over the key bits in use, in parallel.
//
// Each pass: a histogram for each fixed block of the input, prefix sums over (digit, block), then
// each block moves its items. The order is the stable one whatever the number of blocks, so it does
// not depend on the threads.
#pragma once

#include <algorithm>
#include <bit>
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

/// The more items, the more counters pay: 2 passes of 14 bits take 4.8 ns an item where 3 of 9 take
/// 5.8 (32 000 keys of 27 bits), or 8.2 instead of 9.4 (400 000 of 25 bits; EPYC, one thread, 2026-11).
inline constexpr int kMinDigitBits = 8, kMaxDigitBits = 14;
inline constexpr std::int64_t kSmallSort =
    512;  // below, a comparison sort beats clearing the counters
inline constexpr std::int64_t kMinSortBlock =
    1 << 13;  // items of a block: fewer do not pay for a thread

/// Keys as items: key i is of row i.
template <class Key>
struct KeysOfRows {
  const Key* keys;
  KeyRow<Key> operator[](std::int64_t i) const { return {static_cast<std::uint32_t>(i), keys[i]}; }
};

/// Counts the digits of items [begin, end) in counters [2^bits].
template <class Items>
void count_digits(const Items& items, std::int64_t begin, std::int64_t end, int shift, int bits,
                  std::uint32_t* counters) {
  std::fill_n(counters, std::size_t{1} << bits, 0U);
  for (std::int64_t i = begin; i < end; ++i) ++counters[key_digit(items[i].key, shift, bits)];
}

/// Moves items [begin, end) to the positions of their digits, which it counts up.
template <class Items, class Key>
void scatter_items(const Items& items, std::int64_t begin, std::int64_t end, int shift, int bits,
                   std::uint32_t* positions, KeyRow<Key>* to) {
  for (std::int64_t i = begin; i < end; ++i) {
    const KeyRow<Key> item = items[i];
    to[positions[key_digit(item.key, shift, bits)]++] = item;
  }
}

/// Sorts `count` items by key; equal keys keep their order. from: KeysOfRows, or KeyRow<Key>*. bits: keys are below 2^bits.
/// to, spare: as long; `spare` may be `from`. Returns where the sorted items are: in one of these two.
template <class Items, class Key>
KeyRow<Key>* radix_sort(const Execution& execution, const Items& from, KeyRow<Key>* to,
                        KeyRow<Key>* spare, std::int64_t count, int bits) {
  const auto key_less = [](const KeyRow<Key>& a, const KeyRow<Key>& b) { return a.key < b.key; };
  if (count < kSmallSort) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
    std::stable_sort(to, to + count, key_less);
    return to;
  }
  const std::int64_t blocks =
      std::clamp<std::int64_t>(count / kMinSortBlock, 1, thread_count(execution));
  // Of several blocks each digit has 16 items or more, two cache lines: threads would else write the
  // same lines. And one thread adds up the counters of all of them.
  const auto block_items = static_cast<std::uint64_t>(count / blocks);
  const int widest =
      std::clamp(static_cast<int>(std::bit_width(block_items)) - (blocks > 1 ? 5 : 1),
                 kMinDigitBits, kMaxDigitBits);
  const int passes = std::max(1, (bits + widest - 1) / widest);
  const int digit_bits = std::max(1, (bits + passes - 1) / passes);
  const auto buckets = std::int64_t{1} << digit_bits;
  const auto block_begin = [&](std::int64_t block) { return count * block / blocks; };

  std::vector<std::uint32_t> counters(static_cast<std::size_t>(blocks * buckets));
  const auto run_pass = [&](const auto& items, int shift) {
    parallel_for(execution, blocks, [&](std::int64_t block, int) {
      count_digits(items, block_begin(block), block_begin(block + 1), shift, digit_bits,
                   counters.data() + block * buckets);
    });
    std::uint32_t sum = 0;
    for (std::int64_t digit = 0; digit < buckets; ++digit) {
      for (std::int64_t block = 0; block < blocks; ++block) {
        std::uint32_t& counter = counters[static_cast<std::size_t>(block * buckets + digit)];
        sum += std::exchange(counter, sum);
      }
    }
    parallel_for(execution, blocks, [&](std::int64_t block, int) {
      scatter_items(items, block_begin(block), block_begin(block + 1), shift, digit_bits,
                    counters.data() + block * buckets, to);
    });
    std::swap(to, spare);
  };
  run_pass(from, 0);
  for (int pass = 1; pass < passes; ++pass) run_pass(spare, pass * digit_bits);
  return spare;
}

}  // namespace gavotte::internal::cpu
