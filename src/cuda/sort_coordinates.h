// Coordinates in key order: the parts of the sort that do not ask where rows come from. Nothing
// here waits, but for read_facts().
#pragma once

#include <cstdint>

#include "coordinate_data.h"
#include "cuda/device/coordinate_source.h"
#include "cuda/device/key_planes.h"
#include "cuda/device/set_facts.h"
#include "cuda/launch.h"
#include "cuda/memory.h"

namespace gavotte::internal::cuda {

/// Blocks of a set kernel by rows; beyond the limit threads take several.
inline constexpr GridRule kSetGrid = {
    .of = Extent::rows_read, .per_block = kSetThreads, .most = 1 << 14};
/// Their launches.
inline LaunchShape shape_of_set(std::int64_t count, std::int64_t shared_bytes = 0,
                                const GridRule& rule = kSetGrid) {
  return {.blocks = rule.count(count),
          .threads = kSetThreads,
          .shared_bytes = shared_bytes,
          .blocks_by = rule};
}

/// One key for each slot, of the width that the layout asks for.
struct SlotKeys {
  KeyLayout layout;
  std::int64_t count = 0;
  Scratch<unsigned char> memory;  ///< KeyPlanes<Key>
  Tensor slots;                   ///< int32 [count] 0, 1, ...

  SlotKeys(const Execution& execution, const KeyLayout& layout, std::int64_t count);
  template <class Key>
  KeyPlanes<Key> planes() {
    return {reinterpret_cast<typename KeyPlanes<Key>::Word*>(memory.get()), count};
  }
};

/// Slots by ascending key, equal ones by slot.
struct SortedSlots {
  SlotKeys keys;  ///< Keys of one word: sorted.
  Tensor order;   ///< int32 [count]
};

Scratch<SetFacts> make_facts(const Execution& execution);
/// The count of a deferred set, with the rest of its facts behind it: int64 [1 and more].
Tensor make_count(const Execution& execution);
/// Waits for the stream.
SetFacts read_facts(const Execution& execution, const Scratch<SetFacts>& facts);

/// first_bad: zeroed; the maximum of ~element of those that cannot be scaled.
void launch_scale_lattice(const Execution& execution, ConstTensorView from, const PerAxis& stride,
                          bool divide, TensorView to, std::uint64_t* first_bad);
void launch_find_box(const Execution& execution, const PlainRows& rows, SetFacts* facts);
void launch_take_count(const Execution& execution, RowCount rows, SetFacts* facts);
/// Radix sort over the bits in use, wide keys word by word.
SortedSlots sort_slots(const Execution& execution, SlotKeys keys);
void launch_find_duplicates(const Execution& execution, SortedSlots& sorted, SetFacts* facts);
/// int32 [count + 1]: how many distinct rows come before each sorted one; their number goes to
/// facts.count.
Scratch<std::int32_t> place_distinct(const Execution& execution, SortedSlots& sorted,
                                     SetFacts* facts);

}  // namespace gavotte::internal::cuda
