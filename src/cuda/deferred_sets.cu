// Sets whose number of rows stays on the device: how they begin, and how the host learns the numbers
// of many in one wait.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "cuda/coordinates.h"
#include "cuda/runtime.h"
#include "cuda/unique_rows.h"

namespace gavotte::internal::cuda {
namespace {

/// Throws Error for what the kernels found wrong with a set.
void check_facts(const CoordinateData& set, const SetFacts& facts) {
  GAVOTTE_CHECK(facts.wanted >= 0 && facts.wanted <= set.rows,
                "expected at most " + std::to_string(set.rows) +
                    " rows, which memory was taken for; got " + std::to_string(facts.wanted));
  const std::string row = std::to_string(static_cast<std::uint32_t>(~facts.overflow_row));
  // Only a set that a caller gave has an order, and a box that he promised.
  if (set.order) {
    GAVOTTE_CHECK(facts.overflow_row == 0,
                  "expected coordinates within the bounds of the run; row " + row + " is outside");
    GAVOTTE_CHECK(facts.duplicates == 0,
                  "expected distinct coordinates; rows " +
                      std::to_string(static_cast<std::uint32_t>(facts.first_duplicate)) + " and " +
                      std::to_string(static_cast<std::uint32_t>(~(facts.first_duplicate >> 32))) +
                      " are equal (" + std::to_string(facts.duplicates) + " duplicates in all)");
  }
  GAVOTTE_CHECK(facts.overflow_row == 0,
                "expected output coordinates within int32; row " + row +
                    " of a layer's input gives one outside: set spatial_shape or move the points");
}

/// Of every deferred set, in order; checked.
std::vector<SetFacts> read_all(const Execution& execution,
                               std::span<const std::shared_ptr<const CoordinateData>> sets) {
  use_device(execution.device.index);
  const auto deferred =
      std::count_if(sets.begin(), sets.end(), [](const auto& set) { return set->deferred(); });
  std::vector<SetFacts> facts(static_cast<std::size_t>(deferred));
  std::vector<ReadBack> pieces;
  for (const auto& set : sets) {
    if (set->deferred())
      pieces.push_back({&facts[pieces.size()], set->count.data(), sizeof(SetFacts)});
  }
  read_back(execution, pieces);
  std::size_t next = 0;
  for (const auto& set : sets) {
    if (set->deferred()) check_facts(*set, facts[next++]);
  }
  return facts;
}

}  // namespace

std::shared_ptr<const CoordinateData> make_deferred_set(const Execution& execution, Tensor lattice,
                                                        ConstTensorView count, const Box& box,
                                                        PerAxis stride) {
  use_device(execution.device.index);
  auto set = std::make_shared<CoordinateData>();
  set->execution = execution;
  set->dims = static_cast<int>(lattice.shape()[1]) - 1;
  set->stride = stride;
  set->rows = lattice.rows();
  set->box = box;
  set->box_is_exact = false;
  set->count = make_count(execution);
  auto* const facts = static_cast<SetFacts*>(set->count.data());

  BoxedRows source;
  source.rows = {static_cast<const std::int32_t*>(lattice.data()), 1 + set->dims,
                 RowCount{set->rows, static_cast<const std::int64_t*>(count.data)}};
  for (int c = 0; c < 1 + set->dims; ++c) {
    source.lower[c] = box.lower[static_cast<std::size_t>(c)];
    source.upper[c] = box.upper[static_cast<std::size_t>(c)];
  }
  launch_take_count(execution, source.rows.rows, facts);
  SortedSlots sorted =
      sort_slots(execution, make_keys(execution, source, KeyLayout::of(box, set->dims), facts));
  launch_find_duplicates(execution, sorted, facts);
  set->order = std::move(sorted.order);
  set->lattice = std::move(lattice);
  return set;
}

void resolve(const Execution& execution,
             std::span<const std::shared_ptr<const CoordinateData>> sets) {
  const std::vector<SetFacts> facts = read_all(execution, sets);
  std::size_t next = 0;
  for (const auto& handle : sets) {
    if (!handle->deferred()) continue;
    // Made by this backend, and nobody but the caller has seen it.
    auto& set = const_cast<CoordinateData&>(*handle);
    const SetFacts& found = facts[next++];
    set.rows = found.count;
    if (!set.box_is_exact) set.box = found.box(1 + set.dims);
    set.box_is_exact = true;
    set.lattice = first_rows(set.lattice, set.rows);
    if (set.order) set.order = first_rows(set.order, set.rows);
    set.count = Tensor();
  }
}

}  // namespace gavotte::internal::cuda
