// A vector of queries at a time. The targets of a column ascend with the queries, so those of a
// vector of queries lie close together: two vectors of keys from the column's cursor on are loaded
// once, and all queries search them at the same time, by a binary search whose probes are
// permutations of these registers. Queries whose targets lie beyond go on with the next keys.
//
// Keys are compared as 32-bit distances from the first target, whatever their own width.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/walk_columns.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <limits>

#include "cpu/simd/walk_columns.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

template <class Key>
void walk(const ColumnWalk<Key>& task) {
  for (KeyColumn<Key>& column : task.columns) walk_one_by_one(task, column, task.begin, task.end);
}

#else

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<std::int32_t, 16>;
using V = hn::Vec<D>;

constexpr std::int64_t kFarthest = 1 << 30;  // queries of one vector are less than this apart

// Lane `index` of the lanes of low and high in turn.
HWY_INLINE V look_up(D d, V low, V high, V index) {
#if HWY_TARGET <= HWY_AVX3
  (void)d;
  return V{_mm512_permutex2var_epi32(low.raw, index.raw, high.raw)};
#else
  const V lanes = hn::Set(d, static_cast<std::int32_t>(hn::Lanes(d)));
  const auto within = hn::IndicesFromVec(d, hn::And(index, hn::Sub(lanes, hn::Set(d, 1))));
  return hn::IfThenElse(hn::Lt(index, lanes), hn::TableLookupLanes(low, within),
                        hn::TableLookupLanes(high, within));
#endif
}

// keys[i] - origin, clamped to 32 bits.
HWY_INLINE V distances(D d, const Key32* keys, Key32 origin) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d, hn::Sub(hn::LoadU(du, keys), hn::Set(du, origin)));
}
HWY_INLINE V distances(D d, const Key64* keys, Key64 origin) {
  const hn::Repartition<std::int64_t, D> wide;
  const auto lowest = hn::Set(wide, std::numeric_limits<std::int32_t>::min());
  const auto highest = hn::Set(wide, std::numeric_limits<std::int32_t>::max());
  const auto from = hn::Set(wide, static_cast<std::int64_t>(origin));
  const auto* first = reinterpret_cast<const std::int64_t*>(keys);
  const auto low = hn::Sub(hn::LoadU(wide, first), from);
  const auto high = hn::Sub(hn::LoadU(wide, first + hn::Lanes(wide)), from);
  return hn::ConcatEven(d, hn::BitCast(d, hn::Max(hn::Min(high, highest), lowest)),
                        hn::BitCast(d, hn::Max(hn::Min(low, highest), lowest)));
}

// How many of the keys in (low, high) are below the wanted one; 2 * lanes - 1 stands for all, too.
HWY_INLINE V count_below(D d, V low, V high, V wanted) {
  V below = hn::Zero(d);
  for (auto step = static_cast<std::int32_t>(hn::Lanes(d)); step > 0; step /= 2) {
    const V probe = look_up(d, low, high, hn::Add(below, hn::Set(d, step - 1)));
    below = hn::Add(below, hn::IfThenElseZero(hn::Lt(probe, wanted), hn::Set(d, step)));
  }
  return below;
}

// Appends the lanes of `found` to the list. A whole vector is stored, so there must be room for one
// behind the matches of all queries up to the last of this vector.
HWY_INLINE void append(D d, hn::Mask<D> found, V query, V target, MatchList& list) {
  hn::StoreU(hn::Compress(query, found), d, list.queries + list.count);
  hn::StoreU(hn::Compress(target, found), d, list.targets + list.count);
  list.count += static_cast<std::int64_t>(hn::CountTrue(d, found));
}

// One vector of queries, `wanted` as distances from the key `origin`.
template <std::size_t kWidth, class Key>
HWY_INLINE void match(D d, const Key* targets, KeyColumn<Key>& column, Key origin, V query,
                      V wanted) {
  const auto lanes = static_cast<std::int32_t>(hn::Lanes(d));
  // Behind it a column may go on outside the two vectors, or the count may stand for more.
  const std::int32_t last = 2 * lanes - std::max<std::int32_t>(kWidth, 2);
  const V one = hn::Set(d, 1);
  auto open = hn::Eq(one, one);
  for (;;) {
    const V low = distances(d, column.cursor, origin);
    const V high = distances(d, column.cursor + lanes, origin);
    const V below = count_below(d, low, high, wanted);
    const auto reached = hn::Lt(below, hn::Set(d, last + 1));
    const auto ready = hn::And(open, reached);
    const V base = hn::Set(d, static_cast<std::int32_t>(column.cursor - targets));
    V next = below;
    V key = wanted;
    for (std::size_t w = 0; w < kWidth; ++w) {
      const auto found = hn::And(hn::Eq(look_up(d, low, high, next), key), ready);
      append(d, found, query, hn::Add(base, next), column.lists[w]);
      next = hn::Add(next, hn::IfThenElseZero(found, one));
      key = hn::Add(key, one);
    }
    if (HWY_LIKELY(hn::AllTrue(d, reached))) {
      column.cursor += hn::GetLane(hn::Reverse(d, below));
      return;
    }
    open = hn::Not(reached);
    column.cursor += last + 1;  // all of these are below what the others want
  }
}

template <class Key>
void walk(const ColumnWalk<Key>& task) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V numbers = hn::Iota(d, 0);
  const Key* targets = task.targets;
  std::int64_t q = task.begin;
  for (; q + 2 * lanes <= task.end; q += lanes) {  // room for append()
    const Key* queries = task.queries + q;
    if (HWY_UNLIKELY(queries[lanes - 1] - queries[0] >= static_cast<Key>(kFarthest))) {
      for (KeyColumn<Key>& column : task.columns) walk_one_by_one(task, column, q, q + lanes);
      continue;
    }
    const V query = hn::Add(numbers, hn::Set(d, static_cast<std::int32_t>(q)));
    const V wanted = distances(d, queries, queries[0]);
    for (KeyColumn<Key>& column : task.columns) {
      const auto origin = static_cast<Key>(queries[0] + column.lowest);
      static_assert(kMaxColumnWidth == 5);
      if (HWY_LIKELY(column.width == 3)) {
        match<3>(d, targets, column, origin, query, wanted);
      } else if (column.width == 1) {
        match<1>(d, targets, column, origin, query, wanted);
      } else if (column.width == 2) {
        match<2>(d, targets, column, origin, query, wanted);
      } else if (column.width == 4) {
        match<4>(d, targets, column, origin, query, wanted);
      } else {
        match<5>(d, targets, column, origin, query, wanted);
      }
    }
  }
  for (KeyColumn<Key>& column : task.columns) walk_one_by_one(task, column, q, task.end);
}

#endif  // HWY_TARGET == HWY_SCALAR

void walk_32(const ColumnWalk<Key32>& task) { walk(task); }
void walk_64(const ColumnWalk<Key64>& task) { walk(task); }

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(walk_32);
HWY_EXPORT(walk_64);

void walk_columns(const ColumnWalk<Key32>& walk) { HWY_DYNAMIC_DISPATCH(walk_32)(walk); }
void walk_columns(const ColumnWalk<Key64>& walk) { HWY_DYNAMIC_DISPATCH(walk_64)(walk); }

}  // namespace gavotte::internal::cpu
#endif
