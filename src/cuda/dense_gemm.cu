#include "cuda/dense_gemm.h"

#include "cuda/depthwise.h"
#include "cuda/gemm/gemm_task.h"

namespace gavotte::internal::cuda {

void dense_gemm_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                        ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  if (is_depthwise(plan)) return depthwise_forward(execution, plan, x, weights, epilogue, y);
  launch_row_gemm(execution, gemm_task(plan, x, weights), RowCount{y.rows()}, epilogue, y.data);
}

}  // namespace gavotte::internal::cuda
