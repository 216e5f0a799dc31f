// Global pooling. In key order the rows of a batch entry stand together; each entry is cut into
// chunks of a fixed size, chunks are reduced in parallel and then combined in order. So neither the
// number of threads nor the order of the rows changes a bit of the result.
#include "cpu/global_pooling.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cpu/simd/pool_rows.h"
#include "dispatch.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kChunkRows = 1024;

// Positions [begin, end) in key order, all of one batch entry.
struct Chunk {
  std::int64_t entry = 0, begin = 0, end = 0;
};

// A set's rows by batch entry.
class Entries {
 public:
  Entries(const CoordinateData& set, std::int64_t batch_size)
      : lattice_(static_cast<const std::int32_t*>(set.lattice.data())),
        order_(set.order ? static_cast<const std::int32_t*>(set.order.data()) : nullptr),
        columns_(1 + set.dims) {
    for (std::int64_t entry = 0; entry <= batch_size; ++entry)
      begin.push_back(first_position(entry, set.rows));
    for (std::int64_t entry = 0; entry < batch_size; ++entry) {
      first_chunk.push_back(static_cast<std::int64_t>(chunks.size()));
      const std::int64_t end = begin[static_cast<std::size_t>(entry) + 1];
      for (std::int64_t p = begin[static_cast<std::size_t>(entry)]; p < end; p += kChunkRows)
        chunks.push_back({entry, p, std::min(p + kChunkRows, end)});
    }
    first_chunk.push_back(static_cast<std::int64_t>(chunks.size()));
  }

  std::int64_t row(std::int64_t position) const {
    return order_ != nullptr ? order_[position] : position;
  }
  const std::int32_t* order() const { return order_; }  ///< Null: rows are in key order.
  std::int64_t rows(std::int64_t entry) const {
    const auto e = static_cast<std::size_t>(entry);
    return begin[e + 1] - begin[e];
  }

  std::vector<std::int64_t> begin;        ///< [batch_size + 1]: positions of an entry
  std::vector<std::int64_t> first_chunk;  ///< [batch_size + 1]: chunks of an entry
  std::vector<Chunk> chunks;

 private:
  std::int64_t batch_of(std::int64_t position) const { return lattice_[row(position) * columns_]; }
  std::int64_t first_position(std::int64_t entry, std::int64_t rows) const {
    std::int64_t low = 0;
    std::int64_t high = rows;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (batch_of(middle) < entry)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  const std::int32_t* lattice_;
  const std::int32_t* order_;
  std::int64_t columns_;
};

template <class A>
A divisor(PoolMode mode, std::int64_t rows) {
  return mode == PoolMode::average_present ? static_cast<A>(std::max<std::int64_t>(rows, 1)) : A{1};
}

/// Rows of x at the positions of a chunk, which one row of y is made from.
class ChunkRows {
 public:
  ChunkRows(const Entries& entries, const Chunk& chunk, ConstTensorView x, TensorView y)
      : count_(static_cast<std::uint32_t>(chunk.end - chunk.begin)), args_{x.dtype,    y.dtype,
                                                                           x.data,     y.data,
                                                                           y.shape[1], 0,
                                                                           1,          1,
                                                                           &count_,    rows_.data(),
                                                                           nullptr} {
    for (std::uint32_t i = 0; i < count_; ++i)
      rows_[i] = static_cast<std::int32_t>(entries.row(chunk.begin + i));
  }
  ChunkRows(const ChunkRows&) = delete;
  ChunkRows& operator=(const ChunkRows&) = delete;

  const PoolRows& args() const { return args_; }
  const std::int32_t* rows() const { return rows_.data(); }

 private:
  std::uint32_t count_;
  std::array<std::int32_t, kChunkRows> rows_;
  PoolRows args_;
};

// The sums of all chunks of an entry, into those of the first.
template <class A>
void combine(PoolMode mode, A* first, std::int64_t chunks, std::int64_t channels) {
  for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
    const A* const part = first + chunk * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      if (mode != PoolMode::max) {
        first[c] += part[c];
      } else if (part[c] > first[c] || part[c] != part[c]) {  // NaN stays
        first[c] = part[c];
      }
    }
  }
}

template <class T>
void forward(const Execution& execution, const Entries& entries, PoolMode mode, ConstTensorView x,
             TensorView y_view) {
  using A = Accumulator<T>;
  const std::int64_t channels = y_view.shape[1];
  T* const y = static_cast<T*>(y_view.data);
  const auto chunk_count = static_cast<std::int64_t>(entries.chunks.size());
  Tensor partial_tensor(dtype_of<A>, {chunk_count, channels});
  A* const partial = partial_tensor.span<A>().data();
  parallel_for(execution, chunk_count, [&](std::int64_t index, int) {
    const Chunk& chunk = entries.chunks[static_cast<std::size_t>(index)];
    const JoinRows rows{x.dtype,
                        x.data,
                        channels,
                        entries.order(),
                        chunk.begin,
                        chunk.end,
                        partial + index * channels};
    mode == PoolMode::max ? max_of_rows(rows) : sum_of_rows(rows);
  });
  parallel_for(execution, y_view.rows(), [&](std::int64_t entry, int) {
    T* const to = y + entry * channels;
    const std::int64_t first = entries.first_chunk[static_cast<std::size_t>(entry)];
    const std::int64_t end = entries.first_chunk[static_cast<std::size_t>(entry) + 1];
    if (first == end) {
      std::fill_n(to, channels, T(A{0}));
      return;
    }
    A* const sums = partial + first * channels;
    combine(mode, sums, end - first, channels);
    const A by = divisor<A>(mode, entries.rows(entry));
    for (std::int64_t c = 0; c < channels; ++c) to[c] = static_cast<T>(sums[c] / by);
  });
}

// Each row gets its entry's gradient, divided by the entry's rows for an average.
template <class T>
void spread(const Execution& execution, const Entries& entries, PoolMode mode, const T* grad_y,
            std::int64_t channels, T* grad_x) {
  using A = Accumulator<T>;
  parallel_for(execution, static_cast<std::int64_t>(entries.chunks.size()),
               [&](std::int64_t index, int) {
                 const Chunk& chunk = entries.chunks[static_cast<std::size_t>(index)];
                 const A by = divisor<A>(mode, entries.rows(chunk.entry));
                 const T* const from = grad_y + chunk.entry * channels;
                 T* const first = grad_x + entries.row(chunk.begin) * channels;
                 for (std::int64_t c = 0; c < channels; ++c)
                   first[c] = static_cast<T>(static_cast<A>(from[c]) / by);
                 for (std::int64_t p = chunk.begin + 1; p < chunk.end; ++p)
                   std::copy_n(first, channels, grad_x + entries.row(p) * channels);
               });
}

// Each entry's gradient goes to the first row in key order that equals the maximum.
template <class T>
void send_to_winners(const Execution& execution, const Entries& entries, const T* x, const T* y,
                     const T* grad_y, std::int64_t channels, T* grad_x) {
  const auto chunk_count = static_cast<std::int64_t>(entries.chunks.size());
  Tensor winners(DType::int32, {chunk_count, channels});  // rows of x, or -1
  std::int32_t* const winner = winners.span<std::int32_t>().data();
  parallel_for(execution, chunk_count, [&](std::int64_t index, int) {
    const Chunk& chunk = entries.chunks[static_cast<std::size_t>(index)];
    // find_winners() only reads y.
    const ChunkRows rows(entries, chunk, {x, dtype_of<T>, {chunk.end, channels}},
                         {const_cast<T*>(y) + chunk.entry * channels, dtype_of<T>, {1, channels}});
    find_winners(rows.args(), {rows.rows(), winner + index * channels});
    for (std::int64_t p = chunk.begin; p < chunk.end; ++p)
      std::fill_n(grad_x + entries.row(p) * channels, channels, static_cast<T>(0.0F));
  });
  const auto entry_count = static_cast<std::int64_t>(entries.first_chunk.size()) - 1;
  parallel_for(execution, entry_count, [&](std::int64_t entry, int) {
    const std::int64_t end = entries.first_chunk[static_cast<std::size_t>(entry) + 1];
    for (std::int64_t c = 0; c < channels; ++c) {
      std::int64_t chunk = entries.first_chunk[static_cast<std::size_t>(entry)];
      while (chunk < end && winner[chunk * channels + c] < 0) ++chunk;
      if (chunk < end)
        grad_x[winner[chunk * channels + c] * channels + c] = grad_y[entry * channels + c];
    }
  });
}

}  // namespace

void global_pool_forward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                         ConstTensorView x, TensorView y) {
  const Entries entries(set, y.rows());
  dispatch_floating(y.dtype, [&]<class T>() { forward<T>(execution, entries, mode, x, y); });
}

void global_pool_backward(const Execution& execution, const CoordinateData& set, PoolMode mode,
                          ConstTensorView x, ConstTensorView y, ConstTensorView grad_y,
                          TensorView grad_x) {
  const Entries entries(set, grad_y.rows());
  const std::int64_t channels = grad_x.shape[1];
  dispatch_floating(grad_x.dtype, [&]<class T>() {
    const T* const gradient = static_cast<const T*>(grad_y.data);
    T* const to = static_cast<T*>(grad_x.data);
    if (mode == PoolMode::max)
      send_to_winners(execution, entries, static_cast<const T*>(x.data),
                      static_cast<const T*>(y.data), gradient, channels, to);
    else
      spread(execution, entries, mode, gradient, channels, to);
  });
}

}  // namespace gavotte::internal::cpu
