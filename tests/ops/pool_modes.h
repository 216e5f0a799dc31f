// The modes of poolings over kernel maps.
#pragma once

#include <array>

#include "gavotte/pooling.h"

namespace gavotte::testing_ops {

inline constexpr std::array kPoolModes = {PoolMode::max, PoolMode::sum, PoolMode::average_present,
                                          PoolMode::average_volume};

}  // namespace gavotte::testing_ops
