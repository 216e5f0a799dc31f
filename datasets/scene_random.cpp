// Distinct voxels uniform in a cube, without a table of those already drawn: a keyed permutation of
// the cube's cells (a Feistel network, cycle-walked into the range) is read at 0, 1, 2...
#include <bit>
#include <utility>

#include "check.h"
#include "counter_rng.h"
#include "gavotte/datasets/scenes.h"

namespace gavotte {
namespace {

class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed)
      : size_(size), half_bits_((std::bit_width(size - 1) + 1) / 2), seed_(seed) {
    if (half_bits_ == 0) half_bits_ = 1;
  }
  std::uint64_t operator()(std::uint64_t value) const {
    do {
      value = shuffle(value);
    } while (value >= size_);  // the domain is below 4 * size: ends after a few steps
    return value;
  }

 private:
  std::uint64_t shuffle(std::uint64_t value) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = value >> half_bits_;
    std::uint64_t right = value & mask;
    for (std::uint64_t round = 0; round < 6; ++round) {
      const std::uint64_t hash = internal::mix64(internal::mix64(seed_ + round) ^ right);
      left ^= hash & mask;
      std::swap(left, right);
    }
    return left << half_bits_ | right;
  }

  std::uint64_t size_;
  int half_bits_;
  std::uint64_t seed_;
};

}  // namespace

PointCloud random_voxels(std::int64_t count, std::uint64_t seed) {
  constexpr std::int64_t kMost = std::int64_t{1} << 28;
  GAVOTTE_CHECK(count >= 1 && count <= kMost,
                "random_voxels: expected 1 to 2^28 voxels, given " + std::to_string(count));
  // [0, c]^3 in integers: the least c with c^3 >= count / 0.2.
  std::uint64_t c = 1;
  while (c * c * c < static_cast<std::uint64_t>(count) * 5) ++c;
  const std::uint64_t side = c + 1;
  const Permutation cells(side * side * side, seed);
  internal::CounterRng rng(seed, 1);
  PointCloud cloud;
  cloud.channels = {"intensity"};
  cloud.rows.reserve(static_cast<std::size_t>(count) * 4);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t cell = cells(static_cast<std::uint64_t>(i));
    for (const std::uint64_t index : {cell / (side * side), cell / side % side, cell % side}) {
      cloud.rows.push_back(static_cast<float>(index) + 0.5f);
    }
    cloud.rows.push_back(static_cast<float>(rng.bits() >> 40) * 0x1p-24f);
  }
  return cloud;
}

}  // namespace gavotte
