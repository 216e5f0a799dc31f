#include "cuda/gather_gemm_scatter.h"

#include "cuda/convolution.h"
#include "cuda/not_yet.h"

namespace gavotte::internal::cuda {

void gather_gemm_scatter_forward(const Execution&, const ConvPlan&, ConstTensorView,
                                 ConstTensorView, const Epilogue&, TensorView) {
  not_yet("gather_gemm_scatter");
}

double padding_ratio(const ConvPlan&) { not_yet("padding_ratio"); }

}  // namespace gavotte::internal::cuda
