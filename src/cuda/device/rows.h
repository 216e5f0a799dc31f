// Where a row of a row-major matrix lies. Rows are int32 and channels fit an int, but their product
// passes 2^31 with 8.4 million rows of 256 channels: kernels find every row through these functions,
// which multiply in 64 bits.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda {

/// Elements before (row, column) of a matrix of `columns` columns.
template <class Row>
GAVOTTE_HOST_DEVICE constexpr std::int64_t element_at(Row row, std::int64_t columns,
                                                      std::int64_t column = 0) {
  static_assert(std::is_integral_v<Row>);
  return static_cast<std::int64_t>(row) * columns + column;
}

/// The first element of a row.
template <class T, class Row>
GAVOTTE_HOST_DEVICE constexpr T* row_of(T* matrix, Row row, std::int64_t columns) {
  return matrix + element_at(row, columns);
}

}  // namespace gavotte::internal::cuda
