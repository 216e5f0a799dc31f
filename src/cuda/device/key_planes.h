// Keys in device memory: one array for each word of a key, lowest word first, so that a radix sort
// can take them word by word.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/device/kernel.h"
#include "keys.h"

namespace gavotte::internal::cuda {

template <class Key>
struct KeyPlanes {
  using Word = std::conditional_t<std::is_same_v<Key, Key32>, std::uint32_t, std::uint64_t>;
  static constexpr int kWords = sizeof(Key) / sizeof(Word);

  Word* words = nullptr;  ///< [kWords, count]
  std::int64_t count = 0;

  GAVOTTE_DEVICE Key load(std::int64_t i) const {
    if constexpr (std::is_same_v<Key, Key192>) {
      Key192 key;
      for (int w = 0; w < kWords; ++w)
        key.words[static_cast<std::size_t>(w)] = words[w * count + i];
      return key;
    } else if constexpr (std::is_same_v<Key, Key128>) {
      return static_cast<Key128>(words[count + i]) << 64 | words[i];
    } else {
      return words[i];
    }
  }
  GAVOTTE_DEVICE void store(std::int64_t i, const Key& key) const {
    if constexpr (std::is_same_v<Key, Key192>) {
      for (int w = 0; w < kWords; ++w)
        words[w * count + i] = key.words[static_cast<std::size_t>(w)];
    } else if constexpr (std::is_same_v<Key, Key128>) {
      words[i] = static_cast<Word>(key);
      words[count + i] = static_cast<Word>(key >> 64);
    } else {
      words[i] = key;
    }
  }
};

}  // namespace gavotte::internal::cuda
