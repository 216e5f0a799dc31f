#include "cuda/sort_coordinates.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cuda/kernel_name.h"
#include "cuda/primitives.h"
#include "cuda/runtime.h"
#include "cuda/sort_coordinates.cuh"

namespace gavotte::internal::cuda {
namespace {

/// Keys of one word: the sort moves them.
template <class Key>
SortedSlots sort_narrow(const Execution& execution, SlotKeys keys) {
  SlotKeys moved(execution, keys.layout, keys.count);
  sort_pairs(execution, keys.planes<Key>().words, moved.planes<Key>().words,
             static_cast<const std::int32_t*>(keys.slots.data()),
             static_cast<std::int32_t*>(moved.slots.data()), keys.count, keys.layout.bits);
  Tensor order = moved.slots;
  return {std::move(moved), std::move(order)};
}

/// Least significant word first; each sort is stable, so it keeps the order of the words below.
template <class Key>
SortedSlots sort_wide(const Execution& execution, SlotKeys keys) {
  const std::int64_t count = keys.count;
  const KeyPlanes<Key> planes = keys.planes<Key>();
  Scratch<std::uint64_t> gathered(execution, count), moved(execution, count);
  Tensor order = keys.slots, next = make_tensor(execution, DType::int32, {count});
  for (int word = 0; 64 * word < keys.layout.bits; ++word) {
    const std::uint64_t* in = planes.words + word * count;
    if (word > 0) {
      launch("gather_words", execution.stream.handle, shape_of_set(count), gather_words_kernel,
             GatherWordsArgs{in, static_cast<const std::int32_t*>(order.data()), gathered.get(),
                             count});
      in = gathered.get();
    }
    sort_pairs(execution, in, moved.get(), static_cast<const std::int32_t*>(order.data()),
               static_cast<std::int32_t*>(next.data()), count,
               std::min(64, keys.layout.bits - 64 * word));
    std::swap(order, next);
  }
  return {std::move(keys), std::move(order)};
}

template <class Key>
SortedView<Key> sorted_view(SortedSlots& sorted) {
  return {sorted.keys.planes<Key>(), static_cast<const std::int32_t*>(sorted.order.data())};
}

}  // namespace

SlotKeys::SlotKeys(const Execution& execution, const KeyLayout& layout, std::int64_t count)
    : layout(layout),
      count(count),
      memory(execution, dispatch_key(layout.bits,
                                     [&]<class Key>() {
                                       return count * static_cast<std::int64_t>(sizeof(Key));
                                     })),
      slots(make_tensor(execution, DType::int32, {count})) {}

Scratch<SetFacts> make_facts(const Execution& execution) {
  Scratch<SetFacts> facts(execution, 1);
  fill_bytes(execution.stream.handle, facts.get(), 0, sizeof(SetFacts));
  return facts;
}

Tensor make_count(const Execution& execution) {
  static_assert(offsetof(SetFacts, count) == 0);
  Tensor facts = make_tensor(execution, DType::int64, {(sizeof(SetFacts) + 7) / 8});
  fill_bytes(execution.stream.handle, facts.data(), 0, facts.view().bytes());
  return facts;
}

SetFacts read_facts(const Execution& execution, const Scratch<SetFacts>& facts) {
  return read_back(execution, facts.get(), 1).front();
}

void launch_scale_lattice(const Execution& execution, ConstTensorView from, const PerAxis& stride,
                          bool divide, TensorView to, std::uint64_t* first_bad) {
  ScaleLatticeArgs args{static_cast<const std::int32_t*>(from.data),
                        static_cast<std::int32_t*>(to.data),
                        RowCount{from.rows()},
                        static_cast<int>(from.shape[1]),
                        divide,
                        {1, 1, 1, 1, 1},
                        first_bad};
  for (int c = 1; c < args.columns; ++c) args.factors[c] = stride[c - 1];
  launch("scale_lattice", execution.stream.handle, shape_of_set(from.rows()), scale_lattice_kernel,
         args);
}

void launch_find_box(const Execution& execution, const PlainRows& rows, SetFacts* facts) {
  // Few blocks: each adds its atomics.
  GridRule rule = kSetGrid;
  rule.most = 1 << 10;
  launch("find_box", execution.stream.handle,
         shape_of_set(rows.slots(), sizeof(ReduceBoxShared), rule), find_box_kernel,
         FindBoxArgs{rows, facts});
}

void launch_take_count(const Execution& execution, RowCount rows, SetFacts* facts) {
  launch("take_count", execution.stream.handle, {.threads = 1, .blocks_by = kFixedGrid},
         take_count_kernel, TakeCountArgs{rows, facts});
}

SortedSlots sort_slots(const Execution& execution, SlotKeys keys) {
  return dispatch_key(keys.layout.bits, [&]<class Key>() {
    if constexpr (KeyPlanes<Key>::kWords == 1) {
      return sort_narrow<Key>(execution, std::move(keys));
    } else {
      return sort_wide<Key>(execution, std::move(keys));
    }
  });
}

void launch_find_duplicates(const Execution& execution, SortedSlots& sorted, SetFacts* facts) {
  dispatch_key(sorted.keys.layout.bits, [&]<class Key>() {
    launch(kernel_name<"find_duplicates", 0, Key>(), execution.stream.handle,
           shape_of_set(sorted.keys.count), find_duplicates_kernel<Key>,
           FindDuplicatesArgs<Key>{sorted_view<Key>(sorted), facts});
  });
}

Scratch<std::int32_t> place_distinct(const Execution& execution, SortedSlots& sorted,
                                     SetFacts* facts) {
  const std::int64_t count = sorted.keys.count;
  Scratch<std::int32_t> positions(execution, count + 1);
  GridRule rule = kSetGrid;
  rule.plus = 1;
  dispatch_key(sorted.keys.layout.bits, [&]<class Key>() {
    launch(kernel_name<"mark_first", 0, Key>(), execution.stream.handle,
           shape_of_set(count, 0, rule), mark_first_kernel<Key>,
           MarkFirstArgs<Key>{sorted_view<Key>(sorted), positions.get()});
  });
  exclusive_scan(execution, positions.get(), positions.get(), count + 1);
  launch("store_count", execution.stream.handle, {.threads = 1, .blocks_by = kFixedGrid},
         store_count_kernel, StoreCountArgs{positions.get() + count, facts});
  return positions;
}

}  // namespace gavotte::internal::cuda
