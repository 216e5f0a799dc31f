// What a Coordinates handle points to.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "gavotte/shape.h"
#include "gavotte/tensor.h"
#include "stream_uses.h"

namespace gavotte::internal {

namespace cpu {
class RowRank;  // cpu/row_rank.h
}

/// Smallest and largest value of each column: 0 = batch, then the axes. Empty sets: lower = upper = 0.
struct Box {
  std::array<std::int64_t, 1 + kMaxDims> lower = {};
  std::array<std::int64_t, 1 + kMaxDims> upper = {};

  constexpr bool contains(const Box& other) const {
    bool inside = true;
    for (std::size_t c = 0; c < lower.size(); ++c)
      inside = inside && lower[c] <= other.lower[c] && other.upper[c] <= upper[c];
    return inside;
  }
};

struct CoordinateData {
  int dims = 3;
  PerAxis stride = 1;
  std::int64_t rows = 0;
  Tensor lattice;  ///< int32 [rows, 1 + dims]
  Tensor order;    ///< int32 [rows]: key order -> row; an empty Tensor where rows are in key order.
  std::shared_ptr<const cpu::RowRank> rank;  ///< Inverse of `order`; the CPU's, where that is set.
  Box box;                                   ///< Of the lattice coordinates, on the host.
  /// On the CPU, where the rows were sorted: their keys in key order, for maps to search. In
  /// key_box, a box with room for the windows of most kernels; followed by padding keys.
  std::shared_ptr<const void> keys;
  Box key_box;
  /// Where `rows` is only a bound: the rows in use, int64 [1] on the device. Rows behind them are
  /// undefined. Empty: `rows` is exact.
  Tensor count;
  bool box_is_exact = true;  ///< Else the box is wider; only where `count` is set.
  bool deferred() const noexcept { return static_cast<bool>(count); }
  Execution execution;  ///< That made it: its memory belongs to that stream.
  /// Shared by copies, as the memory is.
  std::shared_ptr<StreamUses> uses = std::make_shared<StreamUses>();
};

}  // namespace gavotte::internal
