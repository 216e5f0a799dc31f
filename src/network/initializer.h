// Seeded parameters: the same bits on every platform.
#pragma once

#include <cstdint>
#include <string_view>

#include "gavotte/tensor.h"

namespace gavotte::internal {

/// The i-th 64 random bits of a stream, by counter: no state, so every element may be drawn alone.
/// SplitMix64's finaliser (Steele, Lea, Flood 2014) over seed and counter.
std::uint64_t random_bits(std::uint64_t stream, std::uint64_t counter) noexcept;

/// The stream of a named parameter: FNV-1a of the name mixed with the seed, so that a parameter's values depend neither
/// on the order of layers nor on the other layers.
std::uint64_t stream_of(std::uint64_t seed, std::string_view name) noexcept;

/// float32, uniform in [low, high).
Tensor uniform(Shape shape, double low, double high, std::uint64_t stream);

/// The bound of torch.nn.Conv3d and Linear: Kaiming uniform with a = sqrt(5), which is 1 / sqrt(fan_in).
double kaiming_uniform_bound(std::int64_t fan_in) noexcept;

}  // namespace gavotte::internal
