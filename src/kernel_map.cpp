// KernelMap: one set of pair lists, read in either direction.
#include "gavotte/kernel_map.h"

#include <cstdio>
#include <utility>

#include "backend.h"
#include "check.h"

namespace gavotte {

namespace {

Execution execution_of(const internal::MapData& data) {
  Execution execution = data.execution;
  execution.device = data.deferred() ? data.table.device() : data.lists.begin.device();
  return execution;
}

const internal::MapData& checked(const std::shared_ptr<const internal::MapData>& data) {
  GAVOTTE_CHECK(data != nullptr, "the kernel map is empty (default constructed)");
  return *data;
}

/// Lists sorted by the rows of one side. Made at the first call; the lists never change afterwards.
const internal::PairLists& sorted_lists(const internal::MapData& data, bool by_input) {
  if (by_input ? data.sorted_by_in : data.sorted_by_out) return data.lists;
  const std::lock_guard lock(data.mutex);
  internal::PairLists& kept = by_input ? data.by_in : data.by_out;
  if (!kept.begin) {
    const Execution execution = execution_of(data);
    kept = internal::backend(execution.device).sort_lists(execution, data, by_input);
    data.uses.extend();
  }
  return kept;
}

internal::PairView pair_view(const KernelMap& map) {
  return {map.offsets(), map.out_rows(), map.pair_begin(), map.pair_in(), map.pair_out(), {}};
}

/// A form kept in `kept`, made by the backend when first asked for. `pairs` was read before: it
/// takes the lock as well.
ConstTensorView derived_form(const internal::MapData& data, const internal::PairView& pairs,
                             Tensor& kept,
                             Tensor (internal::Backend::*make)(const Execution&,
                                                               const internal::PairView&)) {
  const std::lock_guard lock(data.mutex);
  if (!kept) {
    const Execution execution = execution_of(data);
    kept = (internal::backend(execution.device).*make)(execution, pairs);
    data.uses.extend();
  }
  return std::as_const(kept).view();
}

}  // namespace

int KernelMap::offsets() const noexcept { return data_ ? data_->offsets : 0; }
std::int64_t KernelMap::in_rows() const noexcept {
  return data_ ? (transposed_ ? data_->out_rows : data_->in_rows) : 0;
}
std::int64_t KernelMap::out_rows() const noexcept {
  return data_ ? (transposed_ ? data_->in_rows : data_->out_rows) : 0;
}
std::int64_t KernelMap::pairs() const noexcept { return data_ ? data_->pairs : 0; }
int KernelMap::identity_offset() const noexcept { return data_ ? data_->identity_offset : -1; }
bool KernelMap::has_identity_offset() const noexcept { return identity_offset() >= 0; }

ConstTensorView KernelMap::pair_begin() const { return checked(data_).lists.begin.view(); }
ConstTensorView KernelMap::pair_in() const {
  const internal::PairLists& lists = sorted_lists(checked(data_), transposed_);
  return (transposed_ ? lists.out : lists.in).view();
}
ConstTensorView KernelMap::pair_out() const {
  const internal::PairLists& lists = sorted_lists(checked(data_), transposed_);
  return (transposed_ ? lists.in : lists.out).view();
}

ConstTensorView KernelMap::table() const {
  if (checked(data_).deferred()) {
    const std::lock_guard lock(data_->mutex);
    if (transposed_ && !data_->transposed_table) {
      const Execution execution = execution_of(*data_);
      data_->transposed_table =
          internal::backend(execution.device)
              .transpose_table(execution, std::as_const(data_->table).view(), data_->in_rows);
      data_->uses.extend();
    }
    return std::as_const(transposed_ ? data_->transposed_table : data_->table).view();
  }
  return derived_form(*data_, pair_view(*this),
                      transposed_ ? data_->transposed_table : data_->table,
                      &internal::Backend::map_table);
}

ConstTensorView KernelMap::masks() const {
  internal::PairView pairs = pair_view(*this);
  {
    const std::lock_guard lock(data_->mutex);
    const Tensor& table = transposed_ ? data_->transposed_table : data_->table;
    if (table) pairs.table = table.view();
  }
  return derived_form(*data_, pairs, transposed_ ? data_->transposed_masks : data_->masks,
                      &internal::Backend::map_masks);
}

Execution KernelMap::execution() const { return data_ ? execution_of(*data_) : Execution{}; }

void KernelMap::use_on(const Execution& execution) const {
  if (data_) data_->uses.begin(execution_of(*data_), execution);
}

KernelMap KernelMap::transposed() const { return KernelMap(data_, !transposed_); }

MapReport KernelMap::report() const {
  MapReport report;
  report.in_rows = in_rows();
  report.out_rows = out_rows();
  report.pairs = pairs();
  report.offsets = offsets();
  report.matches_per_output =
      out_rows() > 0 ? static_cast<double>(pairs()) / static_cast<double>(out_rows()) : 0;
  return report;
}

std::string MapReport::to_string() const {
  char text[160];
  std::snprintf(text, sizeof text,
                "%lld -> %lld rows, %d offsets, %lld pairs, %.2f matches an output",
                static_cast<long long>(in_rows), static_cast<long long>(out_rows), offsets,
                static_cast<long long>(pairs), matches_per_output);
  return text;
}

}  // namespace gavotte
