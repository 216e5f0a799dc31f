// A vector of queries at a time. The targets of a column ascend with the queries, so those of a
// vector of queries lie close together: two vectors of keys from the column's cursor on are loaded
// once, and all queries search them at the same time, by a binary search whose probes are
// permutations of these registers. Queries whose targets lie beyond go on with the next keys. The
// rows of the keys are loaded and permuted likewise, so that lists of rows cost no gather.
//
// Keys are compared as 32-bit distances from the first target, whatever their own width.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/walk_columns.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
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

/// Rows of targets, two vectors from any position up to the last on: those of the last positions are
/// read from a copy, behind which there is room.
class TargetRows {
 public:
  TargetRows(D d, const std::int32_t* rows, std::int64_t count)
      : rows_(rows),
        tail_begin_(
            std::max<std::int64_t>(count - 2 * static_cast<std::int64_t>(hn::Lanes(d)), 0)) {
    if (rows != nullptr) std::copy(rows + tail_begin_, rows + count, tail_);
  }
  const std::int32_t* at(std::int64_t position) const {
    return HWY_LIKELY(position < tail_begin_) ? rows_ + position : tail_ + (position - tail_begin_);
  }

 private:
  const std::int32_t* rows_;
  std::int64_t tail_begin_;
  HWY_ALIGN std::int32_t tail_[4 * 16] = {};
};

/// One vector of queries.
template <class Key>
struct QueryVector {
  const Key* targets;
  const TargetRows& target_rows;
  V rows;
  V wanted;  ///< As distances from the key `origin`.
  Key origin;
};

template <std::size_t kWidth, bool kRows, class Key>
HWY_INLINE void match(D d, const QueryVector<Key>& queries, KeyColumn<Key>& column) {
  const V wanted = queries.wanted;
  const auto lanes = static_cast<std::int32_t>(hn::Lanes(d));
  // Behind it a column may go on outside the two vectors, or the count may stand for more.
  const std::int32_t last = 2 * lanes - std::max<std::int32_t>(kWidth, 2);
  const V one = hn::Set(d, 1);
  auto open = hn::Eq(one, one);
  for (;;) {
    const V low = distances(d, column.cursor, queries.origin);
    const V high = distances(d, column.cursor + lanes, queries.origin);
    const V below = count_below(d, low, high, wanted);
    const auto reached = hn::Lt(below, hn::Set(d, last + 1));
    const auto ready = hn::And(open, reached);
    const std::int64_t position = column.cursor - queries.targets;
    const V base = hn::Set(d, static_cast<std::int32_t>(position));
    V rows_low = base, rows_high = base;
    if constexpr (kRows) {
      const std::int32_t* rows = queries.target_rows.at(position);
      rows_low = hn::LoadU(d, rows);
      rows_high = hn::LoadU(d, rows + lanes);
    }
    V next = below;
    V key = wanted;
    for (std::size_t w = 0; w < kWidth; ++w) {
      const auto found = hn::And(hn::Eq(look_up(d, low, high, next), key), ready);
      const V target = kRows ? look_up(d, rows_low, rows_high, next) : hn::Add(base, next);
      append(d, found, queries.rows, target, column.lists[w]);
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

template <bool kRows, class Key>
HWY_INLINE void match(D d, const QueryVector<Key>& queries, KeyColumn<Key>& column) {
  static_assert(kMaxColumnWidth == 5);
  if (HWY_LIKELY(column.width == 3)) {
    match<3, kRows>(d, queries, column);
  } else if (column.width == 1) {
    match<1, kRows>(d, queries, column);
  } else if (column.width == 2) {
    match<2, kRows>(d, queries, column);
  } else if (column.width == 4) {
    match<4, kRows>(d, queries, column);
  } else {
    match<5, kRows>(d, queries, column);
  }
}

template <bool kRows, class Key>
void walk(const ColumnWalk<Key>& task) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V numbers = hn::Iota(d, 0);
  const TargetRows target_rows(d, task.rows.targets, task.target_count);
  std::int64_t q = task.begin;
  for (; q + 2 * lanes <= task.end; q += lanes) {  // room for append()
    const Key* queries = task.queries + q;
    if (HWY_UNLIKELY(queries[lanes - 1] - queries[0] >= static_cast<Key>(kFarthest))) {
      for (KeyColumn<Key>& column : task.columns) walk_one_by_one(task, column, q, q + lanes);
      continue;
    }
    QueryVector<Key> vector{task.targets, target_rows,
                            task.rows.queries != nullptr
                                ? hn::LoadU(d, task.rows.queries + q)
                                : hn::Add(numbers, hn::Set(d, static_cast<std::int32_t>(q))),
                            distances(d, queries, queries[0]), queries[0]};
    for (KeyColumn<Key>& column : task.columns) {
      vector.origin = static_cast<Key>(queries[0] + column.lowest);
      match<kRows>(d, vector, column);
    }
  }
  for (KeyColumn<Key>& column : task.columns) walk_one_by_one(task, column, q, task.end);
}

template <class Key>
void walk(const ColumnWalk<Key>& task) {
  if (task.rows.targets != nullptr) return walk<true>(task);
  walk<false>(task);
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
