// A block of a row-major matrix in global memory to shared memory, by all threads of the block, in
// the background where the addresses allow.
#pragma once

#include "cuda/device/kernel.h"
#include "cuda/ptx/cp_async.h"

namespace gavotte::internal::cuda {

/// Where a block lies and how much of it the matrix holds; the rest becomes zeros.
template <class T>
struct BlockSource {
  const T* data = nullptr;  ///< Its first element.
  std::int32_t stride = 0;  ///< Elements from row to row; a block's rows stay within 2^31 of them.
  std::int32_t rows = 0;
  std::int32_t columns = 0;
};

/// Bytes at a time: every row of `from`, and its columns, are multiples of them. Bytes below 4, which
/// the background copy cannot, are there when the threads next meet.
template <int Bytes, int Rows, int Columns, int Stride, int Threads, class T>
GAVOTTE_DEVICE void copy_block_by(T* to, const BlockSource<T>& from) {
  constexpr int kItem = Bytes / static_cast<int>(sizeof(T)), kItems = Columns / kItem;
  [[maybe_unused]] constexpr int kAtOnce = Bytes == 16 ? 2 : 1;
  GAVOTTE_UNROLL(kAtOnce)
  for (int i = thread_index(); i < Rows * kItems; i += Threads) {
    const int row = i / kItems, column = i % kItems * kItem;
    const bool inside = row < from.rows && column < from.columns;
    const T* source = inside ? from.data + row * from.stride + column : from.data;
    if constexpr (Bytes < 4)
      to[row * Stride + column] = inside ? *source : T{};
    else
      ptx::cp_async<Bytes>(to + row * Stride + column, source, inside ? Bytes : 0);
  }
}

/// `bytes`: 16, or the size of T, or (16-bit T) 4.
template <int Rows, int Columns, int Stride, int Threads, class T>
GAVOTTE_DEVICE void copy_block(T* to, const BlockSource<T>& from, int bytes) {
  if (bytes == 16) return copy_block_by<16, Rows, Columns, Stride, Threads>(to, from);
  if constexpr (sizeof(T) == 2) {
    if (bytes == 4) return copy_block_by<4, Rows, Columns, Stride, Threads>(to, from);
  }
  copy_block_by<sizeof(T), Rows, Columns, Stride, Threads>(to, from);
}

}  // namespace gavotte::internal::cuda
