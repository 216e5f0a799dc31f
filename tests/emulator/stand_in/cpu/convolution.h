// For tests that call the CPU's convolutions by name: the emulated ones under the same names.
#pragma once

#include "cuda/convolution.h"

namespace gavotte::internal::cpu {

using cuda::column_sum;
using cuda::convolution_dgrad;
using cuda::convolution_forward;
using cuda::convolution_wgrad;
using cuda::padding_ratio;

}  // namespace gavotte::internal::cpu
