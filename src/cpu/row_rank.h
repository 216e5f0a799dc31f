// The inverse of a set's key order.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "gavotte/device.h"
#include "gavotte/tensor.h"

namespace gavotte::internal::cpu {

/// Row -> place in key order. Made when first asked for, since most runs never do, and shared by the maps of a set: threads
/// that write it share cache lines, so that two of them are hardly faster than one.
class RowRank {
 public:
  /// order: int32 [rows], place -> row.
  explicit RowRank(Tensor order) : order_(std::move(order)) {}
  /// int32 [rows]
  const std::int32_t* get(const Execution&) const;
  /// Of what has been made.
  std::int64_t bytes() const;

 private:
  const Tensor order_;
  mutable std::mutex mutex_;
  mutable Tensor rank_;
};

}  // namespace gavotte::internal::cpu
