// Element-wise operations and moves of rows, in spans that follow from the size alone.
#include "cpu/elementwise.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "cpu/epilogue.h"
#include "cpu/simd/row_kernels.h"
#include "cpu/simd/values.h"
#include "dispatch.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kSpanBytes = 256 * 1024;

// body(first, count) over [0, count) of items of that size.
template <class Body>
void for_each_span(const Execution& execution, std::int64_t count, std::int64_t item_bytes,
                   Body&& body) {
  const std::int64_t span =
      std::max<std::int64_t>(kSpanBytes / std::max<std::int64_t>(item_bytes, 1), 1);
  parallel_for(execution, (count + span - 1) / span, [&](std::int64_t task, int) {
    body(task * span, std::min(span, count - task * span));
  });
}

// Bytes of a row, [C] or of any rank.
std::int64_t row_bytes(const ConstTensorView& view) {
  std::int64_t bytes = size_bytes(view.dtype);
  for (int axis = 1; axis < view.shape.rank(); ++axis) bytes *= view.shape[axis];
  return bytes;
}

// memcpy whose size is not known takes longer than a short row is worth (EPYC, one thread, 2026-11, two matrices of 16
// channels put side by side: 1.15 of the rate in float32, 1.4 in bfloat16).
constexpr std::int64_t kShortRow = 128, kShortStep = 16;  // bytes

void copy_row(const std::byte* from, std::int64_t bytes, std::byte* to) {
  if (bytes > kShortRow || bytes % kShortStep != 0) {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
    return;
  }
  for (std::int64_t i = 0; i < bytes; i += kShortStep) std::memcpy(to + i, from + i, kShortStep);
}

// Calls body(copy) once, copy(from, to) for a row of so many bytes. The sizes of usual rows are known when this is compiled
// (the same on lidar_10: another 1.2 to 1.5 of the rate).
template <class Body>
void with_copy(std::int64_t bytes, Body&& body) {
  const auto of_size = [&]<std::size_t size>(std::integral_constant<std::size_t, size>) {
    body([](const std::byte* from, std::byte* to) { std::memcpy(to, from, size); });
  };
  switch (bytes) {
    case 32:
      return of_size(std::integral_constant<std::size_t, 32>());
    case 64:
      return of_size(std::integral_constant<std::size_t, 64>());
    case 128:
      return of_size(std::integral_constant<std::size_t, 128>());
    default:
      body([bytes](const std::byte* from, std::byte* to) { copy_row(from, bytes, to); });
  }
}

/// The epilogue of several narrow rows that are taken as a wide one, with scale and shift as often: a row's loop costs more
/// than the work on one vector (Xeon with AMX, 2026-11-23, lidar_10, 16 channels of bfloat16: 1.3 of the rate).
class SideBySide {
 public:
  SideBySide(const RowEpilogue& epilogue, DType dtype, std::int64_t channels)
      : epilogue_(epilogue),
        times_(std::max<std::int64_t>(kWide / std::max<std::int64_t>(channels, 1), 1)) {
    if (times_ == 1) return;
    const std::int64_t bytes = channels * accumulator_bytes(dtype);
    epilogue_.scale = repeated(epilogue.scale, bytes, scale_.data());
    epilogue_.shift = repeated(epilogue.shift, bytes, shift_.data());
  }
  SideBySide(const SideBySide&) = delete;  // the epilogue points into it
  SideBySide& operator=(const SideBySide&) = delete;
  std::int64_t times() const { return times_; }
  const RowEpilogue& epilogue() const { return epilogue_; }

 private:
  static constexpr std::int64_t kWide = 256;  // channels
  const void* repeated(const void* row, std::int64_t bytes, std::byte* to) const {
    if (row == nullptr) return nullptr;
    for (std::int64_t i = 0; i < times_; ++i)
      std::memcpy(to + i * bytes, row, static_cast<std::size_t>(bytes));
    return to;
  }
  RowEpilogue epilogue_;
  std::int64_t times_;
  alignas(64) std::array<std::byte, kWide * sizeof(double)> scale_, shift_;
};

// Where one of them is float64: one rounding, to 16 bits too.
template <class From, class To>
void convert_span(const From* __restrict from, std::int64_t count, To* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_same_v<From, double>)
      to[i] = static_cast<To>(from[i]);
    else
      to[i] = static_cast<To>(static_cast<float>(from[i]));
  }
}

}  // namespace

void copy(const Execution& execution, TensorView destination, ConstTensorView source) {
  const auto* const from = static_cast<const std::byte*>(source.data);
  auto* const to = static_cast<std::byte*>(destination.data);
  for_each_span(execution, source.bytes(), 1, [&](std::int64_t first, std::int64_t length) {
    std::memcpy(to + first, from + first, static_cast<std::size_t>(length));
  });
}

void epilogue(const Execution& execution, ConstTensorView x, const Epilogue& epilogue,
              TensorView y) {
  const RowEpilogue one = RowEpilogue::from(epilogue);
  const SideBySide several(one, x.dtype, x.shape[1]);
  const std::int64_t times = several.times(), whole = x.rows() / times;
  for_each_span(execution, whole, row_bytes(x) * times,
                [&](std::int64_t first, std::int64_t count) {
                  apply_epilogue(x.dtype, x.data, first, count, x.shape[1] * times,
                                 several.epilogue(), y.data);
                });
  apply_epilogue(x.dtype, x.data, whole * times, x.rows() - whole * times, x.shape[1], one, y.data);
}

void binary(const Execution& execution, BinaryOp op, ConstTensorView a, ConstTensorView b,
            TensorView y) {
  const std::int64_t bytes = size_bytes(y.dtype);
  const auto *left = static_cast<const std::byte*>(a.data),
             *right = static_cast<const std::byte*>(b.data);
  auto* const to = static_cast<std::byte*>(y.data);
  for_each_span(execution, y.shape.elements(), bytes, [&](std::int64_t first, std::int64_t count) {
    combine_values(y.dtype, op, left + first * bytes, right + first * bytes, count,
                   to + first * bytes);
  });
}

void scatter_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                  std::int64_t column, TensorView y) {
  const std::int64_t bytes = row_bytes(x);
  if (bytes == 0) return;
  const std::int64_t y_bytes = row_bytes(y);
  const auto* const from = static_cast<const std::byte*>(x.data);
  auto* const to = static_cast<std::byte*>(y.data) + column * size_bytes(y.dtype);
  const auto* const row = static_cast<const std::int32_t*>(rows.data);
  for_each_span(execution, x.rows(), bytes, [&](std::int64_t first, std::int64_t count) {
    with_copy(bytes, [&](auto copy) {
      for (std::int64_t i = first; i < first + count; ++i)
        copy(from + i * bytes, to + (row != nullptr ? row[i] : i) * y_bytes);
    });
  });
}

void concatenate(const Execution& execution, std::span<const ConstTensorView> xs, TensorView y) {
  // Rows that take their parts while they stay in a fast cache (Xeon with AMX, 2026-11-23, two parts of 16 to 128 channels: 1.2 to
  // 1.5 of the rate of one pass over all rows a part, with bfloat16 on two threads up to 1.9).
  constexpr std::int64_t kBlockBytes = 8 * 1024;
  const std::int64_t y_bytes = row_bytes(y);
  if (y_bytes == 0) return;
  const std::int64_t block = std::max<std::int64_t>(kBlockBytes / y_bytes, 1);
  for_each_span(execution, y.rows(), y_bytes, [&](std::int64_t first, std::int64_t count) {
    const std::int64_t end = first + count;
    for (std::int64_t row = first; row < end; row += block) {
      auto* to = static_cast<std::byte*>(y.data);
      for (const ConstTensorView& x : xs) {
        const std::int64_t bytes = row_bytes(x);
        if (bytes == 0) continue;
        const auto* const from = static_cast<const std::byte*>(x.data);
        with_copy(bytes, [&](auto copy) {
          for (std::int64_t i = row; i < std::min(row + block, end); ++i)
            copy(from + i * bytes, to + i * y_bytes);
        });
        to += bytes;
      }
    }
  });
}

void gather_rows(const Execution& execution, ConstTensorView x, ConstTensorView rows,
                 TensorView y) {
  const std::int64_t bytes = row_bytes(y);
  if (bytes == 0) return;
  const auto* const from = static_cast<const std::byte*>(x.data);
  auto* const to = static_cast<std::byte*>(y.data);
  const auto* const row = static_cast<const std::int32_t*>(rows.data);
  for_each_span(execution, y.rows(), bytes, [&](std::int64_t first, std::int64_t count) {
    with_copy(bytes, [&](auto copy) {
      for (std::int64_t i = first; i < first + count; ++i)
        copy(from + row[i] * bytes, to + i * bytes);
    });
  });
}

void convert(const Execution& execution, ConstTensorView x, TensorView y) {
  if (x.dtype == y.dtype) return copy(execution, y, x);
  const std::int64_t elements = x.shape.elements();
  if (x.dtype != DType::float64 && y.dtype != DType::float64) {
    const std::int64_t from_bytes = size_bytes(x.dtype), to_bytes = size_bytes(y.dtype);
    return for_each_span(
        execution, elements, sizeof(double), [&](std::int64_t first, std::int64_t count) {
          convert_values(x.dtype, static_cast<const std::byte*>(x.data) + first * from_bytes, count,
                         y.dtype, static_cast<std::byte*>(y.data) + first * to_bytes);
        });
  }
  dispatch_floating(x.dtype, [&]<class From>() {
    dispatch_floating(y.dtype, [&]<class To>() {
      const From* const from = static_cast<const From*>(x.data);
      To* const to = static_cast<To*>(y.data);
      for_each_span(execution, elements, sizeof(double),
                    [&](std::int64_t first, std::int64_t count) {
                      convert_span(from + first, count, to + first);
                    });
    });
  });
}

void transpose(const Execution& execution, ConstTensorView x, TensorView y) {
  const std::int64_t rows = x.shape[0], columns = x.shape[1], size = size_bytes(x.dtype);
  const auto* const from = static_cast<const std::byte*>(x.data);
  auto* const to = static_cast<std::byte*>(y.data);
  for_each_span(execution, columns, rows * size, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t column = first; column < first + count; ++column)
      for (std::int64_t row = 0; row < rows; ++row)
        std::memcpy(to + (column * rows + row) * size, from + (row * columns + column) * size,
                    static_cast<std::size_t>(size));
  });
}

}  // namespace gavotte::internal::cpu
