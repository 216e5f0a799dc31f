// The scatter of gather_gemm_scatter, by output row: no two rows share a sum.
#pragma once

#include "cuda/partial_rows.h"
#include "gavotte/convolution.h"

namespace gavotte::internal::cuda {

/// y [M, C] = epilogue of the sums of each row's products, added in the order of the offsets.
/// products: accumulators [pairs, C], at their places. channel_tile: channels summed before the next
/// ones are begun; 0 = all.
void launch_sum_products(const Execution& execution, const PartialRows& places,
                         const void* products, std::int64_t channel_tile, const Epilogue& epilogue,
                         TensorView y);

}  // namespace gavotte::internal::cuda
