// The rival of the map step: a kernel map by hash table, written as well as one knows how. Open
// addressing with linear probing in a power-of-two table at most half full, a multiplicative hash
// of a packed 64-bit key, keys apart from rows so that a miss touches keys alone, slots prefetched
// some rows ahead, half of the offsets looked up and mirrored, rows split between threads, and all
// memory kept from one build to the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace gavotte::bench {

/// An array that grows without being cleared, and keeps its memory.
template <class T>
class ReusedArray {
 public:
  T* data() noexcept { return data_.get(); }
  const T* data() const noexcept { return data_.get(); }
  void reserve(std::size_t size) {
    if (size <= size_) return;
    data_ = std::make_unique_for_overwrite<T[]>(size);
    size_ = size;
  }

 private:
  std::unique_ptr<T[]> data_;
  std::size_t size_ = 0;
};

/// Builds the map of a 3x3x3 submanifold convolution. Offsets count with the last axis fastest, as
/// Gavotte's do.
class HashMapBaseline {
 public:
  static constexpr int kOffsets = 27;
  static constexpr int kCentre = 13;

  /// coordinates: int32 [rows, 4] (batch, x, y, z), each in [-32767, 32766], batch from 0. Throws
  /// std::invalid_argument for another value and for a duplicate.
  void build(std::span<const std::int32_t> coordinates, int threads);

  /// The pairs of offset k; those of k <= 13 come by output row, the mirrored ones by input row.
  std::span<const std::int32_t> pair_in(int k) const { return list(pair_in_, k); }
  std::span<const std::int32_t> pair_out(int k) const { return list(pair_out_, k); }
  std::int64_t pairs() const noexcept { return begin_.back(); }

 private:
  struct Found {
    std::int32_t in, out;
  };
  /// What one thread found: for each looked-up offset a list with room for each of its rows.
  struct ThreadLists {
    ReusedArray<Found> found;
    std::array<std::int64_t, kCentre> count = {};
  };

  std::span<const std::int32_t> list(const ReusedArray<std::int32_t>& values, int k) const {
    const auto index = static_cast<std::size_t>(k);
    return {values.data() + begin_[index],
            static_cast<std::size_t>(begin_[index + 1] - begin_[index])};
  }
  bool insert(const std::int32_t* coordinates, std::int64_t first, std::int64_t last, bool shared);
  void look_up(std::int64_t first, std::int64_t last, ThreadLists& lists) const;
  void lay_out();
  void write_lists(int part, int parts);

  std::int64_t rows_ = 0;
  std::size_t capacity_ = 0;
  int shift_ = 0;  ///< The hash is the product's top bits.
  ReusedArray<std::uint64_t> row_keys_;
  ReusedArray<std::uint64_t> slot_keys_;
  ReusedArray<std::int32_t> slot_rows_;
  std::vector<ThreadLists> threads_;
  std::array<std::int64_t, kOffsets + 1> begin_ = {};
  ReusedArray<std::int32_t> pair_in_, pair_out_;
};

}  // namespace gavotte::bench
