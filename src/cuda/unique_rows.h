// A set from rows that may repeat: keys of a source's slots, their sort, the first of each
// coordinate. find_unique() only launches; the number of rows is then in its facts, and write_rows()
// needs memory for them.
#pragma once

#include <string>
#include <utility>

#include "cuda/sort_coordinates.h"
#include "cuda/unique_rows.cuh"

namespace gavotte::internal::cuda {

struct UniqueRows {
  SortedSlots sorted;
  Scratch<std::int32_t> positions;  ///< [slots + 1]
};

template <class Source>
SlotKeys make_keys(const Execution& execution, const Source& source, const KeyLayout& layout,
                   SetFacts* facts) {
  SlotKeys keys(execution, layout, source.slots());
  dispatch_key(layout.bits, [&]<class Key>() {
    static const std::string name =
        std::string("make_keys_") + Source::kName + "_k" + std::to_string(8 * sizeof(Key));
    launch(name.c_str(), execution.stream.handle,
           shape_of_set(keys.count, Source::kFindsBox ? sizeof(ReduceBoxShared) : 0),
           make_keys_kernel<Source, Key>,
           MakeKeysArgs<Source, Key>{source, layout, keys.planes<Key>(),
                                     static_cast<std::int32_t*>(keys.slots.data()), facts});
  });
  return keys;
}

/// `layout` is of a box that holds all rows.
template <class Source>
UniqueRows find_unique(const Execution& execution, const Source& source, const KeyLayout& layout,
                       SetFacts* facts) {
  SortedSlots sorted = sort_slots(execution, make_keys(execution, source, layout, facts));
  Scratch<std::int32_t> positions = place_distinct(execution, sorted, facts);
  return {std::move(sorted), std::move(positions)};
}

/// lattice: [rows of the set, columns]; row_of: [slots] or null, the set's row of each slot; starts:
/// [rows of the set] or null, where the run of each row begins in unique.sorted.order.
template <class Source>
void write_rows(const Execution& execution, const Source& source, const UniqueRows& unique,
                std::int32_t* lattice, std::int32_t* row_of, std::int32_t* starts = nullptr) {
  static const std::string name = std::string("write_rows_") + Source::kName;
  const SlotKeys& keys = unique.sorted.keys;
  launch(name.c_str(), execution.stream.handle, shape_of_set(keys.count), write_rows_kernel<Source>,
         WriteRowsArgs<Source>{source, keys.layout.columns, keys.count,
                               static_cast<const std::int32_t*>(unique.sorted.order.data()),
                               unique.positions.get(), lattice, row_of, starts});
}

}  // namespace gavotte::internal::cuda
