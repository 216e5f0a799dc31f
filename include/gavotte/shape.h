// Extents of a tensor, and values given for each spatial axis.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "gavotte/export.h"

namespace gavotte {

inline constexpr int kMaxRank = 6;
inline constexpr int kMaxDims = 4;  ///< Spatial axes of a coordinate.

/// Extents of a row-major tensor, outermost first; rank 0 to 6, no heap memory.
class GAVOTTE_API Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);

  int rank() const noexcept { return rank_; }
  std::int64_t operator[](int axis) const noexcept {
    return extents_[static_cast<std::size_t>(axis)];
  }
  /// Product of the extents; throws Error where it passes 2^63 - 1.
  std::int64_t elements() const;
  /// "[100, 4]".
  std::string to_string() const;
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, kMaxRank> extents_ = {};
  int rank_ = 0;
};

/// A number for each spatial axis: one for all axes (3) or one for each ({1, 3, 1}).
class GAVOTTE_API PerAxis {
 public:
  PerAxis() = default;
  PerAxis(std::int32_t all) noexcept
      : values_{all, all, all, all} {}  // NOLINT: 3 reads better than PerAxis(3)
  PerAxis(std::initializer_list<std::int32_t> values);
  /// From `count` values, 1 to 4; throws Error otherwise.
  static PerAxis from(const std::int32_t* values, int count);

  std::int32_t operator[](int axis) const noexcept {
    return values_[static_cast<std::size_t>(axis)];
  }
  /// 0 where one number stands for all axes, else how many were given.
  int count() const noexcept { return count_; }
  bool all_equal(std::int32_t value, int dims) const noexcept;
  /// "3" or "(1, 3, 1)".
  std::string to_string() const;
  friend bool operator==(const PerAxis&, const PerAxis&) = default;

 private:
  std::array<std::int32_t, kMaxDims> values_ = {};
  int count_ = 0;
};

}  // namespace gavotte
