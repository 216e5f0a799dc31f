// Element-wise loops over values in turn, for the widest vectors of the CPU they run on (chosen at run time).
#pragma once

#include <cstdint>

#include "gavotte/dtype.h"
#include "gavotte/sparse_ops.h"

namespace gavotte::internal::cpu {

/// to[i] = from[i], i < count, rounded to nearest even. float32, float16 or bfloat16 both.
void convert_values(DType from_dtype, const void* from, std::int64_t count, DType to_dtype,
                    void* to);

/// y[i] = a[i] op b[i], i < count, rounded once; y may be a or b.
void combine_values(DType dtype, BinaryOp op, const void* a, const void* b, std::int64_t count,
                    void* y);

}  // namespace gavotte::internal::cpu
