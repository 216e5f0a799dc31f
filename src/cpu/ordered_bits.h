// A set of small numbers that gives them back in ascending order: a sort without a comparison. A bit for each number,
// and a bit for each word of these that says whether one is set, so that empty stretches cost 1/64 of their words.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>

#include "cpu/scratch.h"

namespace gavotte::internal::cpu {

class OrderedBits {
 public:
  OrderedBits() = default;
  /// Empty, of numbers below `size`.
  explicit OrderedBits(std::int64_t size)
      : word_count_(words_for(size)),
        used_count_(words_for(word_count_)),
        memory_((word_count_ + used_count_) * 8) {
    std::fill_n(words(), word_count_ + used_count_, 0U);
  }
  explicit operator bool() const { return word_count_ > 0; }

  void insert(std::span<const std::uint32_t> numbers) {
    std::uint64_t* const words = this->words();
    std::uint64_t* const used = this->used();
    for (const std::uint32_t number : numbers) {
      words[number / 64] |= std::uint64_t{1} << (number % 64);
      used[number / 4096] |= std::uint64_t{1} << (number / 64 % 64);
    }
  }

  /// Writes all numbers, ascending, and leaves the set empty; where they end. May write kSlack more behind them.
  std::uint32_t* take_all(std::uint32_t* numbers) {
    std::uint64_t* const words = this->words();
    for (std::int64_t group = 0; group < used_count_; ++group) {
      for (std::uint64_t in_use = std::exchange(used()[group], 0U); in_use != 0;
           in_use &= in_use - 1) {
        const auto word = static_cast<std::uint32_t>(group * 64 + std::countr_zero(in_use));
        numbers = take_word(std::exchange(words[word], 0U), word * 64, numbers);
      }
    }
    return numbers;
  }
  static constexpr std::int64_t kSlack = 4;

  /// Words that a take_all() of an empty set reads.
  static std::int64_t empty_words(std::int64_t size) { return words_for(words_for(size)); }

 private:
  /// Four at a time: most words have fewer, and a loop over each would end where the processor does not expect it.
  static std::uint32_t* take_word(std::uint64_t bits, std::uint32_t first, std::uint32_t* numbers) {
    std::uint32_t* end = numbers;
    for (; bits != 0; numbers += kSlack) {
      for (std::int64_t i = 0; i < kSlack; ++i, bits &= bits - 1) {
        numbers[i] = first + static_cast<std::uint32_t>(std::countr_zero(bits));
        end += bits != 0;
      }
    }
    return end;
  }
  static std::int64_t words_for(std::int64_t bits) { return (bits + 63) / 64; }
  std::uint64_t* words() const { return memory_.as<std::uint64_t>(); }
  std::uint64_t* used() const { return words() + word_count_; }

  std::int64_t word_count_ = 0, used_count_ = 0;
  Scratch memory_;
};

}  // namespace gavotte::internal::cpu
