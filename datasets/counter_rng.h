// Random numbers by counter: the value is a hash of (seed, stream, counter), so any object or ray
// of a scene draws its own numbers in any order, the same on every platform. The mixing function is
// the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014).
#pragma once

#include <cmath>
#include <cstdint>

namespace gavotte::internal {

constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class CounterRng {
 public:
  /// Streams of one seed are independent of each other.
  CounterRng(std::uint64_t seed, std::uint64_t stream, std::uint64_t substream = 0)
      : state_(mix64(mix64(mix64(seed) ^ stream) ^ substream)) {}

  std::uint64_t bits() { return mix64(state_ ^ mix64(counter_++)); }
  /// In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  bool chance(double probability) { return uniform() < probability; }
  /// In [0, count).
  int below(int count) { return static_cast<int>(uniform() * count); }
  /// Mean 0, standard deviation 1: the sum of four uniform numbers, within 3.5; exact arithmetic
  /// only, so that no mathematical library's rounding shows.
  double normal() {
    constexpr double kScale = 1.7320508075688772;  // sqrt(3): four uniforms have variance 1/3
    double sum = -2.0;
    for (int i = 0; i < 4; ++i) sum += uniform();
    return sum * kScale;
  }

 private:
  std::uint64_t state_;
  std::uint64_t counter_ = 0;
};

}  // namespace gavotte::internal
