// Matrix tiles as plain arrays, with each instruction as Intel's Software Developer's Manual, volume 2, defines it.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace gavotte::test {

/// Subnormal numbers are zeros, as the products of tiles read and write them.
inline float flushed(float value) {
  return std::abs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0F, value) : value;
}

/// The Tiles of cpu/simd/indirect_tiles-inl.h and group_tiles-inl.h: eight of 16 rows of 64 bytes. What no instruction has written reads as NaN, or
/// as large integers.
class SoftwareTiles {
 public:
  inline static int configured = 0;  ///< That exist now; a kernel leaves none behind.

  SoftwareTiles() : SoftwareTiles(kRows) {}
  /// Rows of tile 6 have 4 * `rows` bytes, tile 7 has so many rows.
  explicit SoftwareTiles(int rows) : few_rows_(rows) {
    ++configured;
    for (Tile& tile : tiles_) std::memset(&tile, 0x7f, sizeof(tile));
  }
  ~SoftwareTiles() { --configured; }
  SoftwareTiles(const SoftwareTiles&) = delete;
  SoftwareTiles& operator=(const SoftwareTiles&) = delete;

  template <int t>
  void zero() {
    tiles_[t] = {};
  }
  template <int t>
  void load(const void* from, std::int64_t row_bytes) {
    const int rows = t == 7 ? few_rows_ : kRows, bytes = t == 6 ? 4 * few_rows_ : kBytes;
    for (int row = 0; row < rows; ++row)
      std::memcpy(tiles_[t].bytes[row], static_cast<const std::byte*>(from) + row * row_bytes,
                  static_cast<std::size_t>(bytes));
  }
  template <int t>
  void store(void* to, std::int64_t row_bytes) {
    for (int row = 0; row < kRows; ++row)
      std::memcpy(static_cast<std::byte*>(to) + row * row_bytes, tiles_[t].bytes[row], kBytes);
  }
  template <class Sum, int c, int a, int b>
  void multiply_add() {
    static_assert(c != a && c != b && a != b, "the CPU refuses one tile in two places");
    for (int row = 0; row < kRows; ++row) {
      if constexpr (std::is_same_v<Sum, float>) {
        add_bfloat16(tiles_[a].bytes[row], tiles_[b], tiles_[c].bytes[row]);
      } else {
        add_bytes(tiles_[a].bytes[row], tiles_[b], b == 7 ? few_rows_ : kRows,
                  tiles_[c].bytes[row]);
      }
    }
  }

  static void copy_row(const std::byte* from, std::byte* to) { copy_row(from, kBytes, to); }
  static void copy_row(const std::byte* from, std::int64_t bytes, std::byte* to) {
    std::memset(to, 0, kBytes);
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  static void copy_row(const std::byte* from, std::int64_t skipped, std::int64_t bytes,
                       std::byte* to) {
    std::memset(to, 0, kBytes);
    std::memcpy(to + skipped, from + skipped, static_cast<std::size_t>(bytes - skipped));
  }
  static void copy_half(const std::byte* from, std::byte* to) { copy_row(from, kBytes / 2, to); }
  static void copy_into_half(const std::byte* from, std::byte* to) {
    std::memcpy(to, from, kBytes / 2);
  }
  template <class Sum>
  static void add_row(const std::byte* sums, const Sum* added, Sum* y) {
    add_row(sums, added, false, y, kColumns);
  }
  static void add_row(const std::byte* sums, const float*, bool first, float* y,
                      std::int64_t columns) {
    for (int n = 0; n < columns; ++n) y[n] = first ? at<float>(sums, n) : y[n] + at<float>(sums, n);
  }
  static void add_row(const std::byte* sums, const std::int32_t* added, bool first, std::int32_t* y,
                      std::int64_t columns) {
    for (int n = 0; n < columns; ++n) {
      auto sum = at<std::uint32_t>(sums, n);  // wraps around
      if (added != nullptr) sum += static_cast<std::uint32_t>(added[n]);
      if (!first) sum += static_cast<std::uint32_t>(y[n]);
      y[n] = static_cast<std::int32_t>(sum);
    }
  }

 private:
  static constexpr int kRows = 16, kBytes = 64, kColumns = 16;
  struct Tile {
    std::byte bytes[kRows][kBytes];
  };

  template <class T>
  static T at(const std::byte* row, int index) {
    T value;
    std::memcpy(&value, row + index * static_cast<int>(sizeof(T)), sizeof(T));
    return value;
  }
  static float bfloat16_at(const std::byte* row, int index) {
    const std::uint32_t bits = std::uint32_t{at<std::uint16_t>(row, index)} << 16;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return flushed(value);
  }

  // TDPBF16PS
  static void add_bfloat16(const std::byte* x, const Tile& weights, std::byte* sums) {
    std::array<float, 2 * kColumns> products = {};
    for (int k = 0; k < kRows; ++k) {
      const float first = bfloat16_at(x, 2 * k), second = bfloat16_at(x, 2 * k + 1);
      for (int n = 0; n < kColumns; ++n) {
        float *even = &products[static_cast<std::size_t>(2 * n)], *odd = even + 1;
        *even = flushed(std::fma(first, bfloat16_at(weights.bytes[k], 2 * n), *even));
        *odd = flushed(std::fma(second, bfloat16_at(weights.bytes[k], 2 * n + 1), *odd));
      }
    }
    for (int n = 0; n < kColumns; ++n) {
      const float* pair = &products[static_cast<std::size_t>(2 * n)];
      const float sum = flushed(flushed(at<float>(sums, n)) + flushed(pair[0] + pair[1]));
      std::memcpy(sums + n * 4, &sum, sizeof(sum));
    }
  }

  // TDPBUSD
  static void add_bytes(const std::byte* x, const Tile& weights, int rows, std::byte* sums) {
    for (int n = 0; n < kColumns; ++n) {
      auto sum = at<std::uint32_t>(sums, n);
      for (int k = 0; k < rows; ++k)
        for (int i = 0; i < 4; ++i)
          sum += static_cast<std::uint32_t>(int{at<std::uint8_t>(x, 4 * k + i)} *
                                            int{at<std::int8_t>(weights.bytes[k], 4 * n + i)});
      std::memcpy(sums + n * 4, &sum, sizeof(sum));
    }
  }

  int few_rows_;
  std::array<Tile, 8> tiles_;
};

}  // namespace gavotte::test
