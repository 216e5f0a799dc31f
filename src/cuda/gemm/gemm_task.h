// A plan as the GEMM reads it.
#pragma once

#include "backend.h"
#include "cuda/gemm/grouped_gemm.h"

namespace gavotte::internal::cuda {

inline GemmTask gemm_task(const ConvPlan& plan, const ConstTensorView& x,
                          const ConstTensorView& weights) {
  return {x.dtype,          plan.config.allow_tf32, x.data,      weights.data,
          plan.in_channels, plan.out_channels,      plan.groups, plan.config.gemm_columns};
}

}  // namespace gavotte::internal::cuda
