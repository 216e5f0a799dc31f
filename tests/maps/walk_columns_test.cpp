// The walk of columns on every vector target that this CPU runs, against a search of each key.
#include "cpu/simd/walk_columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

template <class Key>
std::vector<Key> random_keys(std::mt19937_64& random, int count, Key from, std::uint64_t range) {
  std::set<Key> keys;
  for (int i = 0; i < count; ++i) keys.insert(static_cast<Key>(from + random() % range));
  return {keys.begin(), keys.end()};
}

using Pairs = std::vector<std::pair<std::int32_t, std::int32_t>>;

/// Walks queries [begin, end) on each target and compares the lists with std::lower_bound. rows: of
/// the positions on either side, where not empty.
template <class Key>
void expect_matches(const std::vector<Key>& queries, const std::vector<Key>& targets,
                    const std::vector<std::pair<Key, std::size_t>>& columns, std::size_t begin,
                    std::size_t end, const std::vector<std::int32_t>& query_rows = {},
                    const std::vector<std::int32_t>& target_rows = {}) {
  const auto row = [](const std::vector<std::int32_t>& rows, std::size_t position) {
    return rows.empty() ? static_cast<std::int32_t>(position) : rows[position];
  };
  std::vector<Key> padded = targets;
  padded.resize(targets.size() + kTargetPadding, padding_key<Key>());
  const std::size_t room = end - begin;
  constexpr std::int32_t kUntouched = -7;
  test::for_each_target([&] {
    std::vector<std::int32_t> memory(2 * kMaxColumnWidth * columns.size() * (room + 1), kUntouched);
    std::int32_t* next = memory.data();
    std::vector<KeyColumn<Key>> key_columns;
    for (const auto& [lowest, width] : columns) {
      KeyColumn<Key>& column = key_columns.emplace_back();
      column.lowest = lowest;
      column.width = width;
      for (MatchList& list : column.lists) {
        list = {next, next + room + 1};
        next += 2 * (room + 1);
      }
    }
    ColumnWalk<Key> walk{queries.data(),
                         padded.data(),
                         static_cast<std::int64_t>(targets.size()),
                         static_cast<std::int64_t>(begin),
                         static_cast<std::int64_t>(end),
                         key_columns,
                         {query_rows.empty() ? nullptr : query_rows.data(),
                          target_rows.empty() ? nullptr : target_rows.data()}};
    place_cursors(walk);
    walk_columns(walk);
    for (const KeyColumn<Key>& column : key_columns) {
      for (std::size_t w = 0; w < column.width; ++w) {
        Pairs expected, found;
        for (std::size_t q = begin; q < end; ++q) {
          const Key wanted = static_cast<Key>(queries[q] + column.lowest + w);
          const auto at = std::lower_bound(targets.begin(), targets.end(), wanted);
          if (at != targets.end() && *at == wanted)
            expected.emplace_back(row(query_rows, q), row(target_rows, at - targets.begin()));
        }
        const MatchList& list = column.lists[w];
        for (std::int64_t i = 0; i < list.count; ++i)
          found.emplace_back(list.queries[i], list.targets[i]);
        ASSERT_EQ(found, expected) << "column " << column.lowest << ", key " << w;
        ASSERT_EQ(list.queries[room], kUntouched) << "wrote behind the list";
        ASSERT_EQ(list.targets[room], kUntouched) << "wrote behind the list";
      }
    }
  });
}

template <class Key>
class WalkColumns : public ::testing::Test {};
using KeyTypes = ::testing::Types<Key32, Key64>;
TYPED_TEST_SUITE(WalkColumns, KeyTypes);

TYPED_TEST(WalkColumns, EveryWidthAndDensity) {
  std::mt19937_64 random(1);
  for (const std::uint64_t range : {300, 1000, 20000}) {
    const auto keys = random_keys<TypeParam>(random, 260, 1000, range);
    for (std::size_t width = 1; width <= kMaxColumnWidth; ++width) {
      const auto lowest = static_cast<TypeParam>(random() % 100) - TypeParam{50};
      expect_matches<TypeParam>(keys, keys, {{lowest, width}, {TypeParam{1}, 3}}, 0, keys.size());
      expect_matches<TypeParam>(keys, keys, {{lowest, width}}, 5, keys.size() - 3);
    }
  }
}

TYPED_TEST(WalkColumns, RowsOfPositions) {
  std::mt19937_64 random(6);
  for (const int count : {1, 20, 70, 400}) {
    const auto keys = random_keys<TypeParam>(random, count, 1000, 3 * count);
    std::vector<std::int32_t> rows(keys.size());
    std::iota(rows.begin(), rows.end(), 1000);
    std::shuffle(rows.begin(), rows.end(), random);
    for (std::size_t width = 1; width <= kMaxColumnWidth; ++width) {
      expect_matches<TypeParam>(keys, keys, {{TypeParam(-1), width}, {TypeParam{9}, 3}}, 0,
                                keys.size(), rows, rows);
    }
    expect_matches<TypeParam>(keys, keys, {{TypeParam{1}, 3}}, 0, keys.size(), rows, {});
    expect_matches<TypeParam>(keys, keys, {{TypeParam{1}, 3}}, 0, keys.size(), {}, rows);
  }
}

TYPED_TEST(WalkColumns, QueriesFarFromEachOtherAmongManyTargets) {
  std::mt19937_64 random(2);
  const auto targets = random_keys<TypeParam>(random, 3000, 500, 4000);
  const auto queries = random_keys<TypeParam>(random, 60, 400, 4200);
  expect_matches<TypeParam>(queries, targets, {{TypeParam{0}, 3}, {TypeParam{7}, 1}}, 0,
                            queries.size());
}

TYPED_TEST(WalkColumns, ManyQueriesAmongFewTargets) {
  std::mt19937_64 random(3);
  const auto queries = random_keys<TypeParam>(random, 3000, 500, 4000);
  for (const int count : {0, 1, 40}) {
    const auto targets = random_keys<TypeParam>(random, count, 400, 4200);
    expect_matches<TypeParam>(queries, targets, {{TypeParam{0}, 3}, {TypeParam{7}, 2}}, 0,
                              queries.size());
  }
}

TYPED_TEST(WalkColumns, KeysAtTheEndOfTheType) {
  std::mt19937_64 random(4);
  const TypeParam last = padding_key<TypeParam>() - 10;
  const auto keys = random_keys<TypeParam>(random, 400, last - 600, 600);
  expect_matches<TypeParam>(keys, keys, {{TypeParam(-2), 5}, {TypeParam{3}, 5}}, 0, keys.size());
}

TEST(WalkColumnsOfWideKeys, GapsThatPass32Bits) {
  std::mt19937_64 random(5);
  std::set<Key64> keys;
  for (const Key64 origin : {Key64{1000}, Key64{1} << 33, Key64{1} << 45, Key64{1} << 62}) {
    for (const Key64 key : random_keys<Key64>(random, 100, origin, 200)) keys.insert(key);
  }
  for (int i = 0; i < 100; ++i) keys.insert(1000 + random() % (Key64{1} << 62));
  const std::vector<Key64> all(keys.begin(), keys.end());
  expect_matches<Key64>(
      all, all, {{Key64(-1), 3}, {Key64{1} << 32, 2}, {(Key64{1} << 33) - 1000, 5}}, 0, all.size());
}

}  // namespace
}  // namespace gavotte::internal::cpu
