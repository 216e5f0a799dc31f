#include "cuda/dense_gemm.h"

#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void dense_gemm_forward(const Execution&, const ConvPlan&, ConstTensorView, ConstTensorView,
                        const Epilogue&, TensorView) {
  not_yet("dense_gemm");
}

}  // namespace gavotte::internal::cuda
