#include "hash_map_baseline.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <numeric>
#include <stdexcept>

namespace gavotte::bench {

namespace {

constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15U;  // 2^64 / golden ratio
constexpr std::int64_t kBias = 32768;                       // 16 bits a column, never negative
constexpr std::int64_t kAhead = 4;                          // rows whose slots are on their way

/// What the offset adds to a key: its digits are x, y, z in {-1, 0, 1}, last axis fastest.
std::uint64_t key_step(int offset) {
  const int x = offset / 9 - 1, y = offset / 3 % 3 - 1, z = offset % 3 - 1;
  return static_cast<std::uint64_t>((std::int64_t{x} << 32) + (std::int64_t{y} << 16) + z);
}

}  // namespace

bool HashMapBaseline::insert(const std::int32_t* coordinates, std::int64_t first, std::int64_t last,
                             bool shared) {
  const std::size_t mask = capacity_ - 1;
  bool good = true;
  for (std::int64_t row = first; row < last; ++row) {
    const std::int32_t* c = coordinates + 4 * row;
    std::uint64_t key = static_cast<std::uint32_t>(c[0]);
    good = good && c[0] >= 0 && c[0] < kBias;
    for (int axis = 1; axis < 4; ++axis) {
      good = good && c[axis] > -kBias && c[axis] < kBias - 1;
      key = key << 16 | static_cast<std::uint64_t>(c[axis] + kBias);
    }
    row_keys_.data()[row] = key;
  }
  if (!good) return false;
  for (std::int64_t row = first; row < last; ++row) {
    if (row + 2 * kAhead < last) {
      const std::uint64_t next = row_keys_.data()[row + 2 * kAhead];
      __builtin_prefetch(slot_keys_.data() + (next * kMultiplier >> shift_), 1);
      __builtin_prefetch(slot_rows_.data() + (next * kMultiplier >> shift_), 1);
    }
    const std::uint64_t key = row_keys_.data()[row];
    std::size_t slot = key * kMultiplier >> shift_;
    for (;; slot = (slot + 1) & mask) {
      std::uint64_t& place = slot_keys_.data()[slot];
      if (!shared) {
        if (place == kEmpty) {
          place = key;
          break;
        }
        if (place == key) return false;
      } else {
        std::uint64_t seen = kEmpty;
        const std::atomic_ref<std::uint64_t> atomic(place);
        if (atomic.compare_exchange_strong(seen, key, std::memory_order_relaxed)) break;
        if (seen == key) return false;
      }
    }
    slot_rows_.data()[slot] = static_cast<std::int32_t>(row);
  }
  return true;
}

void HashMapBaseline::look_up(std::int64_t first, std::int64_t last, ThreadLists& lists) const {
  std::array<std::uint64_t, kCentre> steps;
  std::array<Found*, kCentre> out;
  for (std::size_t k = 0; k < kCentre; ++k) {
    steps[k] = key_step(static_cast<int>(k));
    out[k] = lists.found.data() + static_cast<std::int64_t>(k) * (last - first);
  }
  const std::size_t mask = capacity_ - 1;
  const std::uint64_t* keys = slot_keys_.data();
  for (std::int64_t row = first; row < last; ++row) {
    if (row + kAhead < last) {
      const std::uint64_t next = row_keys_.data()[row + kAhead];
      for (std::size_t k = 0; k < kCentre; ++k)
        __builtin_prefetch(keys + ((next + steps[k]) * kMultiplier >> shift_));
    }
    const std::uint64_t key = row_keys_.data()[row];
    for (std::size_t k = 0; k < kCentre; ++k) {
      const std::uint64_t wanted = key + steps[k];
      std::size_t slot = wanted * kMultiplier >> shift_;
      while (keys[slot] != kEmpty && keys[slot] != wanted) slot = (slot + 1) & mask;
      if (keys[slot] == wanted) {
        *out[k]++ = {slot_rows_.data()[slot], static_cast<std::int32_t>(row)};
      }
    }
  }
  for (std::size_t k = 0; k < kCentre; ++k) {
    lists.count[k] = out[k] - lists.found.data() - static_cast<std::int64_t>(k) * (last - first);
  }
}

void HashMapBaseline::lay_out() {
  begin_[0] = 0;
  for (int k = 0; k < kOffsets; ++k) {
    std::int64_t pairs = k == kCentre ? rows_ : 0;
    const auto searched = static_cast<std::size_t>(std::min(k, kOffsets - 1 - k));
    if (k != kCentre) {
      for (const ThreadLists& lists : threads_) pairs += lists.count[searched];
    }
    begin_[static_cast<std::size_t>(k) + 1] = begin_[static_cast<std::size_t>(k)] + pairs;
  }
  pair_in_.reserve(static_cast<std::size_t>(begin_.back()));
  pair_out_.reserve(static_cast<std::size_t>(begin_.back()));
}

void HashMapBaseline::write_lists(int part, int parts) {
  const std::int64_t first = rows_ * part / parts, last = rows_ * (part + 1) / parts;
  const ThreadLists& own = threads_[static_cast<std::size_t>(part)];
  for (std::size_t k = 0; k < kCentre; ++k) {
    const std::size_t mirror = kOffsets - 1 - k;
    std::int64_t before = 0;
    for (int other = 0; other < part; ++other)
      before += threads_[static_cast<std::size_t>(other)].count[k];
    const Found* found = own.found.data() + static_cast<std::int64_t>(k) * (last - first);
    std::int32_t* in = pair_in_.data() + begin_[k] + before;
    std::int32_t* out = pair_out_.data() + begin_[k] + before;
    std::int32_t* mirror_in = pair_in_.data() + begin_[mirror] + before;
    std::int32_t* mirror_out = pair_out_.data() + begin_[mirror] + before;
    for (std::int64_t i = 0; i < own.count[k]; ++i) {
      in[i] = mirror_out[i] = found[i].in;
      out[i] = mirror_in[i] = found[i].out;
    }
  }
  const std::int64_t centre = begin_[kCentre];
  std::iota(pair_in_.data() + centre + first, pair_in_.data() + centre + last,
            static_cast<std::int32_t>(first));
  std::iota(pair_out_.data() + centre + first, pair_out_.data() + centre + last,
            static_cast<std::int32_t>(first));
}

void HashMapBaseline::build(std::span<const std::int32_t> coordinates, int threads) {
  rows_ = static_cast<std::int64_t>(coordinates.size() / 4);
  capacity_ = std::bit_ceil(std::max<std::size_t>(2 * static_cast<std::size_t>(rows_), 64));
  shift_ = 64 - std::countr_zero(capacity_);
  row_keys_.reserve(static_cast<std::size_t>(rows_));
  slot_keys_.reserve(capacity_);
  slot_rows_.reserve(capacity_);
  threads_.resize(static_cast<std::size_t>(threads));
  std::atomic<bool> good = true;
#pragma omp parallel num_threads(threads)
  {
    const int part = omp_get_thread_num();
    const auto share = [&](std::int64_t count, int p) { return count * p / threads; };
    const auto slots = static_cast<std::int64_t>(capacity_);
    std::fill(slot_keys_.data() + share(slots, part), slot_keys_.data() + share(slots, part + 1),
              kEmpty);
    const std::int64_t first = share(rows_, part), last = share(rows_, part + 1);
    ThreadLists& own = threads_[static_cast<std::size_t>(part)];
    own.found.reserve(static_cast<std::size_t>(kCentre * (last - first)));
#pragma omp barrier
    if (!insert(coordinates.data(), first, last, threads > 1)) good = false;
#pragma omp barrier
    if (good) {
      look_up(first, last, own);
#pragma omp barrier
#pragma omp single
      lay_out();
      write_lists(part, threads);
    }
  }
  if (!good) {
    throw std::invalid_argument(
        "expected distinct coordinates, each in [-32767, 32766] and the batch from 0");
  }
}

}  // namespace gavotte::bench
