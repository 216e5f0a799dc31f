// Chooses the dataflow. The gradient of the input is a forward convolution over the map read the
// other way, with the weights of each group transposed.
#include "cuda/convolution.h"

#include "cuda/dense_gemm.h"
#include "cuda/gather_gemm_scatter.h"
#include "cuda/implicit_gemm.h"
#include "cuda/minuet.h"
#include "cuda/runtime.h"
#include "cuda/transpose_weights.h"

namespace gavotte::internal::cuda {
namespace {

void forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
             ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  // Without lists there is one dataflow that needs none.
  if (plan.map.data()->deferred() && !plan.map.is_identity())
    return implicit_gemm_forward(execution, plan, x, weights, epilogue, y);
  switch (plan.config.dataflow) {
    case Dataflow::gather_gemm_scatter:
      return gather_gemm_scatter_forward(execution, plan, x, weights, epilogue, y);
    case Dataflow::dense_gemm:
      return dense_gemm_forward(execution, plan, x, weights, epilogue, y);
    case Dataflow::implicit_gemm:
      return implicit_gemm_forward(execution, plan, x, weights, epilogue, y);
    case Dataflow::minuet:
      return minuet_forward(execution, plan, x, weights, epilogue, y);
    case Dataflow::automatic:
    case Dataflow::tile_indirect:  // refused by check_config
      break;
  }
  if (plan.map.is_identity()) return dense_gemm_forward(execution, plan, x, weights, epilogue, y);
  gather_gemm_scatter_forward(execution, plan, x, weights, epilogue, y);
}

}  // namespace

void convolution_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                         ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  use_device(execution.device.index);
  forward(execution, plan, x, weights, epilogue, y);
}

void convolution_dgrad(const Execution& execution, const ConvPlan& plan, ConstTensorView grad_y,
                       ConstTensorView weights, TensorView grad_x) {
  use_device(execution.device.index);
  const Tensor transposed =
      transposed_weights(execution, weights, plan.groups, plan.in_channels, plan.out_channels);
  const ConvPlan other_way{plan.map.transposed(), plan.out_channels, plan.in_channels, plan.groups,
                           plan.config};
  forward(execution, other_way, grad_y, transposed, {}, grad_x);
}

}  // namespace gavotte::internal::cuda
