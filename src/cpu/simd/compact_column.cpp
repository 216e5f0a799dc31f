// A vector of rows at a time, compressed in registers: what a row holds is no branch.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/compact_column.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "cpu/simd/compact_column.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void compact_column(std::int32_t* column, std::int64_t count, std::int32_t* rows,
                    std::int32_t* entries) {
  const hn::ScalableTag<std::int32_t> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto numbers = hn::Iota(d, 0);  // made in memory: once is enough
  std::int64_t row = 0, next = 0;
  // At least a vector of rows is still to come: whole stores stay within the lists, loads within
  // the column.
  while (next + lanes <= count) {
    const auto entry = hn::LoadU(d, column + row);
    const auto holds = hn::Gt(entry, hn::Set(d, -1));
    hn::StoreU(hn::Compress(entry, holds), d, entries + next);
    const auto row_numbers = hn::Add(numbers, hn::Set(d, static_cast<std::int32_t>(row)));
    hn::StoreU(hn::Compress(row_numbers, holds), d, rows + next);
    hn::StoreU(hn::Set(d, -1), d, column + row);
    next += static_cast<std::int64_t>(hn::CountTrue(d, holds));
    row += lanes;
  }
  for (; next < count; ++row) {
    const std::int32_t entry = column[row];
    rows[next] = static_cast<std::int32_t>(row);
    entries[next] = entry;
    next += entry >= 0;
    column[row] = -1;
  }
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(compact_column);

void compact_column(std::int32_t* column, std::int64_t count, std::int32_t* rows,
                    std::int32_t* entries) {
  HWY_DYNAMIC_DISPATCH(compact_column)(column, count, rows, entries);
}

}  // namespace gavotte::internal::cpu
#endif
