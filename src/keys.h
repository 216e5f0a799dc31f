// Coordinates as integers: a key is the mixed-radix number of (batch, axis 0, axis 1, ...) in a
// box, so that keys order as coordinates do and adding an offset to a coordinate is adding one
// integer to its key. All constexpr: kernels use them too. Loops have constant bounds, so that they
// unroll and what they index stays in registers.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "check.h"
#include "coordinate_data.h"

namespace gavotte::internal {

using Key32 = std::uint32_t;
using Key64 = std::uint64_t;
__extension__ using Key128 = unsigned __int128;

/// For boxes that pass 128 bits: four axes that each span most of int32. Three words, lowest first.
struct Key192 {
  std::array<std::uint64_t, 3> words = {};

  constexpr Key192() = default;
  explicit constexpr Key192(std::uint64_t low) : words{low, 0, 0} {}
  /// A negative number, modulo 2^192.
  static constexpr Key192 from_signed(std::int64_t value) {
    Key192 key(static_cast<std::uint64_t>(value));
    if (value < 0) key.words[1] = key.words[2] = ~std::uint64_t{0};
    return key;
  }
  friend constexpr Key192 operator+(const Key192& a, const Key192& b) {
    const Key128 low = static_cast<Key128>(a.words[0]) + b.words[0];
    const Key128 middle = (low >> 64) + a.words[1] + b.words[1];
    Key192 sum(static_cast<std::uint64_t>(low));
    sum.words[1] = static_cast<std::uint64_t>(middle);
    sum.words[2] = static_cast<std::uint64_t>(middle >> 64) + a.words[2] + b.words[2];
    return sum;
  }
  friend constexpr Key192 operator*(const Key192& a, std::uint64_t factor) {
    Key192 product;
    Key128 carry = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      carry += static_cast<Key128>(a.words[i]) * factor;
      product.words[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    return product;
  }
  friend constexpr bool operator==(const Key192& a, const Key192& b) {
    return a.words[0] == b.words[0] && a.words[1] == b.words[1] && a.words[2] == b.words[2];
  }
  friend constexpr bool operator<(const Key192& a, const Key192& b) {
    if (a.words[2] != b.words[2]) return a.words[2] < b.words[2];
    if (a.words[1] != b.words[1]) return a.words[1] < b.words[1];
    return a.words[0] < b.words[0];
  }
};

template <class Key>
constexpr Key signed_key(std::int64_t value) {
  return static_cast<Key>(value);  // modulo 2^bits: sums with it come out right
}
template <>
constexpr Key192 signed_key<Key192>(std::int64_t value) {
  return Key192::from_signed(value);
}

/// Greater than every key of a layout that takes this type.
template <class Key>
constexpr Key sentinel_key() {
  return static_cast<Key>(~Key{0});
}
template <>
constexpr Key192 sentinel_key<Key192>() {
  return Key192::from_signed(-1);
}

/// `count` <= 16 bits of the key from bit `shift` on.
template <class Key>
constexpr std::uint32_t key_digit(const Key& key, int shift, int count) {
  return static_cast<std::uint32_t>(key >> shift) & ((1U << count) - 1U);
}
template <>
constexpr std::uint32_t key_digit<Key192>(const Key192& key, int shift, int count) {
  const auto word = static_cast<std::size_t>(shift / 64);
  const int bit = shift % 64;
  std::uint64_t value = key.words[word] >> bit;
  if (bit + count > 64 && word + 1 < 3) value |= key.words[word + 1] << (64 - bit);
  return static_cast<std::uint32_t>(value) & ((1U << count) - 1U);
}

/// The box of the keys: the smallest value and the number of values of each column (batch, then
/// axes).
struct KeyLayout {
  int columns = 0;
  std::array<std::int64_t, 1 + kMaxDims> lower = {};
  std::array<std::uint64_t, 1 + kMaxDims> extent = {};
  int bits = 0;  ///< Keys are below 2^bits - 1.

  static constexpr KeyLayout of(const Box& box, int dims) {
    KeyLayout layout;
    layout.columns = 1 + dims;
    Key192 volume(1);
    for (std::size_t c = 0; c < static_cast<std::size_t>(layout.columns); ++c) {
      layout.lower[c] = box.lower[c];
      layout.extent[c] = static_cast<std::uint64_t>(box.upper[c] - box.lower[c]) + 1;
      volume = volume * layout.extent[c];
    }
    for (int word = 2; word >= 0 && layout.bits == 0; --word) {
      const std::uint64_t value = volume.words[static_cast<std::size_t>(word)];
      if (value != 0) layout.bits = 64 * word + static_cast<int>(std::bit_width(value));
    }
    return layout;
  }

  /// The key of (values[0], ...), values in the box.
  template <class Key, class Value>
  constexpr Key key(const Value* values) const {
    Key result = signed_key<Key>(0);
    for (std::size_t c = 0; c < 1 + kMaxDims; ++c) {
      if (c >= static_cast<std::size_t>(columns)) break;
      result = multiply<Key>(result, extent[c]) +
               signed_key<Key>(static_cast<std::int64_t>(values[c]) - lower[c]);
    }
    return result;
  }

  /// What adding `difference` (per axis, no batch) to a coordinate adds to its key.
  template <class Key>
  constexpr Key difference(const std::array<std::int64_t, kMaxDims>& difference) const {
    Key result = signed_key<Key>(0);
    for (std::size_t c = 1; c < 1 + kMaxDims; ++c) {
      if (c >= static_cast<std::size_t>(columns)) break;
      result = multiply<Key>(result, extent[c]) + signed_key<Key>(difference[c - 1]);
    }
    return result;
  }

 private:
  template <class Key>
  static constexpr Key multiply(const Key& key, std::uint64_t factor) {
    if constexpr (std::is_same_v<Key, Key192>) {
      return key * factor;
    } else {
      return static_cast<Key>(key * static_cast<Key>(factor));
    }
  }
};

/// Calls f.template operator()<Key>() with the narrowest key type that holds `bits`, the sentinel
/// included.
template <class F>
decltype(auto) dispatch_key(int bits, F&& f) {
  if (bits <= 31) return f.template operator()<Key32>();
  if (bits <= 63) return f.template operator()<Key64>();
  if (bits <= 127) return f.template operator()<Key128>();
  return f.template operator()<Key192>();
}

}  // namespace gavotte::internal
