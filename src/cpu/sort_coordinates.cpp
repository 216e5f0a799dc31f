// Keys of the tight box, radix sort over their bits, duplicates by comparing neighbours.
#include "sort_coordinates.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "coordinates.h"
#include "loan.h"
#include "radix_sort.h"
#include "row_blocks.h"
#include "simd/column_range.h"
#include "simd/make_keys.h"
#include "simd/walk_columns.h"

namespace gavotte::internal::cpu {

namespace {

constexpr std::int64_t kKeyGuard = 2;  // reach of a kernel of 3, from one end to the other

/// The keys of 32 bits as make_keys has them.
KeySum sum_of_columns(const KeyLayout& layout) {
  KeySum sum;
  sum.factors[3] = 1;
  for (std::size_t c = 3; c > 0; --c)
    sum.factors[c - 1] = sum.factors[c] * static_cast<std::uint32_t>(layout.extent[c]);
  for (std::size_t c = 0; c < 4; ++c)
    sum.start -= sum.factors[c] * static_cast<std::uint32_t>(layout.lower[c]);
  return sum;
}

/// Keys of `rows` rows of values. True where they ascend strictly.
template <class Key>
bool keys_of(const std::int32_t* values, const KeyLayout& layout, std::int64_t rows, Key* keys) {
  if constexpr (std::is_same_v<Key, Key32>) {
    if (layout.columns == 4) return make_keys(values, rows, sum_of_columns(layout), keys);
  }
  const auto make = [&](const KeyLayout& fixed) {
    bool ascends = true;
    for (std::int64_t i = 0; i < rows; ++i) {
      keys[i] = fixed.key<Key>(values + i * fixed.columns);
      ascends = ascends && (i == 0 || keys[i - 1] < keys[i]);
    }
    return ascends;
  };
  if (layout.columns != 4) return make(layout);
  KeyLayout four = layout;  // a number that the compiler knows: 1.0 instead of 2.8 ns a row
  four.columns = 4;
  return make(four);
}

/// Takes sorted items [begin, end) apart; how many of them differ from the one before. keys: null
/// where not wanted.
template <class Key>
std::int64_t take_items(const KeyRow<Key>* items, std::int64_t begin, std::int64_t end,
                        std::int32_t* order, Key* keys) {
  std::int64_t distinct = begin == 0;
  for (std::int64_t i = std::max<std::int64_t>(begin, 1); i < end; ++i)
    distinct += !(items[i - 1].key == items[i].key);
  for (std::int64_t i = begin; i < end; ++i) order[i] = static_cast<std::int32_t>(items[i].row);
  for (std::int64_t i = begin; i < end && keys != nullptr; ++i) keys[i] = items[i].key;
  return distinct;
}

template <class Key>
void sort_as(const Execution& execution, ConstTensorView lattice, const KeyLayout& layout,
             Keys keep, SortedRows& sorted) {
  const std::int64_t rows = lattice.rows();
  const std::int32_t* values = lattice.span<std::int32_t>().data();
  const auto key_size = static_cast<std::int64_t>(sizeof(Key));
  Borrowed key_memory;
  Key* keys = nullptr;
  if (keep == Keys::keep) {
    const auto size = rows + static_cast<std::int64_t>(kTargetPadding);
    auto memory = std::make_shared<Scratch>(size * key_size);
    keys = memory->template as<Key>();
    std::fill(keys + rows, keys + size, padding_key<Key>());
    sorted.keys = std::shared_ptr<const void>(std::move(memory), keys);
  } else {
    key_memory = Borrowed(rows * key_size);
    keys = key_memory.template as<Key>();
  }
  std::vector<std::uint8_t> block_ascends(static_cast<std::size_t>(blocks_of(rows)));
  for_row_blocks(execution, rows, [&](const RowBlock& block) {
    block_ascends[block.index] =
        keys_of(values + block.begin * layout.columns, layout, block.rows(), keys + block.begin);
  });
  sorted.already_sorted = true;
  for (std::int64_t block = 0; block < blocks_of(rows) && sorted.already_sorted; ++block) {
    const std::int64_t begin = block * kBlockRows;
    sorted.already_sorted = block_ascends[static_cast<std::size_t>(block)] != 0 &&
                            (begin == 0 || keys[begin - 1] < keys[begin]);
  }
  if (sorted.already_sorted) {
    sorted.distinct = rows;
    return;
  }

  const std::int64_t bytes = rows * static_cast<std::int64_t>(sizeof(KeyRow<Key>));
  const Borrowed memory(bytes), spare(bytes);
  const KeyRow<Key>* const items =
      radix_sort(execution, KeysOfRows<Key>{keys}, memory.as<KeyRow<Key>>(),
                 spare.as<KeyRow<Key>>(), rows, layout.bits);
  const auto new_rows = [&](DType dtype) {
    return keep == Keys::keep ? Tensor(dtype, {rows}) : borrowed_tensor(dtype, {rows});
  };
  sorted.order = new_rows(DType::int32);
  std::int32_t* const order = sorted.order.span<std::int32_t>().data();
  std::vector<std::int64_t> block_distinct(static_cast<std::size_t>(blocks_of(rows)));
  for_row_blocks(execution, rows, [&](const RowBlock& block) {
    block_distinct[block.index] =
        take_items(items, block.begin, block.end, order, keep == Keys::keep ? keys : nullptr);
  });
  for (const std::int64_t distinct : block_distinct) sorted.distinct += distinct;
  if (keep == Keys::keep && sorted.distinct == rows) return;
  sorted.is_first = new_rows(DType::uint8);
  std::uint8_t* is_first = sorted.is_first.span<std::uint8_t>().data();
  for_row_blocks(execution, rows, [&](const RowBlock& block) {
    for (std::int64_t i = block.begin; i < block.end; ++i)
      is_first[i] = i == 0 || !(items[i - 1].key == items[i].key);
  });
}

}  // namespace

Box bounding_box(const Execution& execution, ConstTensorView lattice) {
  const std::int64_t rows = lattice.rows();
  const auto columns = static_cast<std::size_t>(lattice.shape[1]);
  Box box;
  if (rows == 0) return box;
  const std::int32_t* values = lattice.span<std::int32_t>().data();
  std::vector<Box> boxes(static_cast<std::size_t>(blocks_of(rows)));
  for_row_blocks(execution, rows, [&](const RowBlock& block) {
    std::array<std::int32_t, 1 + kMaxDims> lower = {}, upper = {};
    const std::int32_t* row = values + block.begin * static_cast<std::int64_t>(columns);
    for (std::size_t c = 0; c < columns; ++c) lower[c] = upper[c] = row[c];
    widen_range(row, block.rows(), static_cast<int>(columns), lower.data(), upper.data());
    Box& result = boxes[block.index];
    for (std::size_t c = 0; c < columns; ++c) {
      result.lower[c] = lower[c];
      result.upper[c] = upper[c];
    }
  });
  box = boxes.front();
  for (const Box& other : boxes) {
    for (std::size_t c = 0; c < columns; ++c) {
      box.lower[c] = std::min(box.lower[c], other.lower[c]);
      box.upper[c] = std::max(box.upper[c], other.upper[c]);
    }
  }
  return box;
}

SortedRows sort_rows(const Execution& execution, ConstTensorView lattice, Keys keep) {
  SortedRows sorted;
  sorted.box = bounding_box(execution, lattice);
  if (lattice.rows() == 0) {
    sorted.already_sorted = true;
    return sorted;
  }
  const auto columns = static_cast<std::size_t>(lattice.shape[1]);
  sorted.key_box = sorted.box;
  for (std::size_t c = 1; c < columns && keep == Keys::keep; ++c) {
    sorted.key_box.lower[c] -= kKeyGuard;
    sorted.key_box.upper[c] += kKeyGuard;
  }
  const KeyLayout layout = KeyLayout::of(sorted.key_box, static_cast<int>(columns) - 1);
  dispatch_key(layout.bits,
               [&]<class Key>() { sort_as<Key>(execution, lattice, layout, keep, sorted); });
  return sorted;
}

std::vector<std::int64_t> distinct_before(const Execution& execution, const SortedRows& sorted) {
  const std::uint8_t* const is_first =
      sorted.is_first ? sorted.is_first.span<std::uint8_t>().data() : nullptr;
  const std::int64_t rows = is_first != nullptr ? sorted.is_first.rows() : sorted.distinct;
  std::vector<std::int64_t> before(static_cast<std::size_t>(blocks_of(rows)) + 1);
  for_row_blocks(execution, rows, [&](const RowBlock& block) {
    before[block.index + 1] =
        is_first != nullptr
            ? std::accumulate(is_first + block.begin, is_first + block.end, std::int64_t{0})
            : block.rows();
  });
  std::partial_sum(before.begin(), before.end(), before.begin());
  return before;
}

std::shared_ptr<const CoordinateData> unique_set(const Execution& execution,
                                                 ConstTensorView lattice, PerAxis stride,
                                                 Tensor* row_of) {
  const std::int64_t rows = lattice.rows();
  const std::int64_t columns = lattice.shape[1];
  SortedRows sorted = sort_rows(execution, lattice, Keys::drop);
  auto set = std::make_shared<CoordinateData>();
  set->execution = execution;
  set->dims = static_cast<int>(columns) - 1;
  set->stride = stride;
  set->rows = sorted.distinct;
  set->box = sorted.box;
  if (row_of != nullptr) *row_of = Tensor(DType::int32, {rows});
  if (sorted.already_sorted) {
    set->lattice = Tensor::copy_of(lattice);
    if (row_of != nullptr) {
      for (std::int64_t i = 0; i < rows; ++i)
        row_of->span<std::int32_t>()[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i);
    }
    return set;
  }

  const std::int32_t* order = sorted.order.span<std::int32_t>().data();
  const std::uint8_t* is_first = sorted.is_first.span<std::uint8_t>().data();
  const std::vector<std::int64_t> begin = distinct_before(execution, sorted);
  set->lattice = Tensor(DType::int32, {sorted.distinct, columns});
  const std::int32_t* source = lattice.span<std::int32_t>().data();
  std::int32_t* destination = set->lattice.span<std::int32_t>().data();
  std::int32_t* rows_out = row_of != nullptr ? row_of->span<std::int32_t>().data() : nullptr;
  for_row_blocks(execution, rows, [&](const RowBlock& block) {
    std::int64_t next = begin[block.index];
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      if (is_first[i] != 0) {
        std::memcpy(destination + next * columns, source + order[i] * columns,
                    static_cast<std::size_t>(columns) * sizeof(std::int32_t));
        ++next;
      }
      if (rows_out != nullptr) rows_out[order[i]] = static_cast<std::int32_t>(next - 1);
    }
  });
  return set;
}

}  // namespace gavotte::internal::cpu
