// Counter-based random numbers and the distributions of initial parameters.
#include "network/initializer.h"

#include <cmath>

namespace gavotte::internal {

namespace {

std::uint64_t mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t random_bits(std::uint64_t stream, std::uint64_t counter) noexcept {
  return mix(stream + (counter + 1) * 0x9e3779b97f4a7c15ULL);
}

std::uint64_t stream_of(std::uint64_t seed, std::string_view name) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return mix(hash ^ mix(seed + 0x9e3779b97f4a7c15ULL));
}

Tensor uniform(Shape shape, double low, double high, std::uint64_t stream) {
  Tensor tensor(DType::float32, shape);
  std::uint64_t counter = 0;
  for (float& value : tensor.span<float>()) {
    // 53 bits are exact in a double; one rounding to float32 follows.
    const double unit = static_cast<double>(random_bits(stream, counter++) >> 11) * 0x1p-53;
    value = static_cast<float>(low + (high - low) * unit);
  }
  return tensor;
}

double kaiming_uniform_bound(std::int64_t fan_in) noexcept {
  return fan_in > 0 ? 1.0 / std::sqrt(static_cast<double>(fan_in)) : 0.0;
}

}  // namespace gavotte::internal
