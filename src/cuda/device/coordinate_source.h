// Where the rows of a new set come from: a source has a fixed number of slots, and says what
// coordinate a slot holds, if any. Kernels ask twice (for the key, and for the row that is kept)
// instead of writing all candidates to memory.
#pragma once

#include <cstdint>

#include "cuda/device/kernel.h"
#include "cuda/device/set_facts.h"

namespace gavotte::internal::cuda {

enum class Slot { row, none, overflow };

/// Rows as they are.
struct PlainRows {
  static constexpr const char* kName = "plain";
  static constexpr bool kFindsBox = false;  ///< The host knows the box that the rows fill.
  static constexpr bool kHasGaps = false;   ///< Every slot holds a row.
  const std::int32_t* lattice = nullptr;    ///< [rows, columns]
  int columns = 0;
  RowCount rows;

  std::int64_t slots() const { return rows.bound; }
  GAVOTTE_DEVICE Slot coordinate(std::int64_t slot, std::int32_t* values) const {
    if (slot >= rows.get()) return Slot::none;
    for (int c = 0; c < kMaxColumns; ++c) values[c] = c < columns ? lattice[slot * columns + c] : 0;
    return Slot::row;
  }
};

/// Rows as they are, of which those outside the box are left out.
struct BoxedRows {
  static constexpr const char* kName = "boxed";
  static constexpr bool kFindsBox = true;
  PlainRows rows;
  std::int64_t lower[kMaxColumns] = {}, upper[kMaxColumns] = {};
  std::int32_t per_row = 1;

  std::int64_t slots() const { return rows.slots(); }
  GAVOTTE_DEVICE Slot coordinate(std::int64_t slot, std::int32_t* values) const {
    const Slot state = rows.coordinate(slot, values);
    if (state != Slot::row) return state;
    bool inside = true;
    for (int c = 0; c < kMaxColumns; ++c)
      inside = inside && values[c] >= lower[c] && values[c] <= upper[c];
    return inside ? Slot::row : Slot::overflow;
  }
};

/// floor(row / scale) on the axes.
struct FloorRows {
  static constexpr const char* kName = "floor";
  static constexpr bool kFindsBox = false;
  static constexpr bool kHasGaps = false;
  PlainRows rows;
  std::int32_t scale[kMaxDims] = {1, 1, 1, 1};

  std::int64_t slots() const { return rows.slots(); }
  GAVOTTE_DEVICE Slot coordinate(std::int64_t slot, std::int32_t* values) const {
    const Slot state = rows.coordinate(slot, values);
    if (state != Slot::row) return state;
    for (int c = 1; c < kMaxColumns; ++c) {
      const std::int32_t value = values[c], divisor = scale[c - 1];
      values[c] = value / divisor - (value % divisor < 0 ? 1 : 0);
    }
    return state;
  }
};

/// The rows of a, then those of b.
struct JoinedRows {
  static constexpr const char* kName = "joined";
  static constexpr bool kFindsBox = false;
  static constexpr bool kHasGaps = false;
  PlainRows a, b;

  std::int64_t slots() const { return a.slots() + b.slots(); }
  GAVOTTE_DEVICE Slot coordinate(std::int64_t slot, std::int32_t* values) const {
    return slot < a.rows.bound ? a.coordinate(slot, values)
                               : b.coordinate(slot - a.rows.bound, values);
  }
};

/// Voxels of points; those that were dropped have batch -1.
struct QuantizedPoints {
  static constexpr const char* kName = "points";
  static constexpr bool kFindsBox = false;
  static constexpr bool kHasGaps = true;
  static constexpr int kColumns = 4;
  const std::int32_t* voxels = nullptr;  ///< [points, 4]
  std::int64_t points = 0;

  std::int64_t slots() const { return points; }
  GAVOTTE_DEVICE Slot coordinate(std::int64_t slot, std::int32_t* values) const {
    for (int c = 0; c < kMaxColumns; ++c)
      values[c] = c < kColumns ? voxels[slot * kColumns + c] : 0;
    return values[0] < 0 ? Slot::none : Slot::row;
  }
};

/// What the other side may be on one axis: every coarse with coarse * scale + offset == value, or
/// every value * scale + offset, for the offsets first + j * step, j < count.
struct AxisWindow {
  std::int64_t first = 0, step = 1, count = 1, scale = 1;
  std::int64_t lower = INT64_MIN, upper = INT64_MAX;  ///< Others are dropped.
  std::int64_t period = 1;  ///< to_coarse: of the j that a value fits, one in `period`.
  std::int32_t slots = 1;   ///< The most candidates of one value.
  bool to_coarse = false;

  /// Candidate number t < slots, ascending in j; false where there are not so many, or outside.
  GAVOTTE_HOST_DEVICE bool candidate(std::int32_t value, std::int32_t t,
                                     std::int64_t& result) const {
    if (!to_coarse) {
      result = value * scale + first + t * step;
      return result >= lower && result <= upper;
    }
    for (std::int64_t j = 0; j < period && j + t * period < count; ++j) {
      if (!divide(value - first - j * step, result)) continue;
      if (t > 0 && !divide(value - first - (j + t * period) * step, result)) return false;
      return result >= lower && result <= upper;
    }
    return false;
  }

 private:
  /// 32-bit division where it does: a GPU takes several times as long for 64 bits.
  GAVOTTE_HOST_DEVICE bool divide(std::int64_t value, std::int64_t& quotient) const {
    const auto narrow = static_cast<std::int32_t>(value);
    const auto divisor = static_cast<std::int32_t>(scale);
    if (narrow == value && divisor == scale) {
      quotient = narrow / divisor;
      return narrow % divisor == 0;
    }
    quotient = value / scale;
    return value % scale == 0;
  }
};

/// The candidates of all axes combined: slot row * per_row + j, the last axis fastest in j.
struct Candidates {
  static constexpr const char* kName = "candidates";
  static constexpr bool kFindsBox = true;
  static constexpr bool kHasGaps = true;
  PlainRows rows;
  AxisWindow axes[kMaxDims];
  std::int32_t per_row = 1;

  std::int64_t slots() const { return rows.slots() * per_row; }
  GAVOTTE_DEVICE Slot coordinate(std::int64_t slot, std::int32_t* values) const {
    // Slots are numbered in int32, so that 32-bit division does.
    const auto narrow = static_cast<std::int32_t>(slot);
    if (rows.coordinate(narrow / per_row, values) != Slot::row) return Slot::none;
    std::int64_t wide[kMaxDims];
    if (!combine(values, narrow % per_row, wide)) return Slot::none;
    Slot state = Slot::row;
    for (int axis = 0; axis < kMaxDims; ++axis) {
      if (axis >= rows.columns - 1) break;
      values[1 + axis] = static_cast<std::int32_t>(wide[axis]);
      if (values[1 + axis] != wide[axis]) state = Slot::overflow;
    }
    return state;
  }
  /// Candidate j of the row (batch, axis 0, ...); false where there is none.
  GAVOTTE_HOST_DEVICE bool combine(const std::int32_t* row, std::int32_t j,
                                   std::int64_t* wide) const {
    for (int axis = kMaxDims - 1; axis >= 0; --axis) {
      if (axis >= rows.columns - 1) continue;
      const std::int32_t slots = axes[axis].slots;
      if (!axes[axis].candidate(row[1 + axis], j % slots, wide[axis])) return false;
      j /= slots;
    }
    return true;
  }
};

}  // namespace gavotte::internal::cuda
