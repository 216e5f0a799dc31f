// The public convolutions: check every argument, make the plan, call the backend.
#include "gavotte/convolution.h"

#include <algorithm>
#include <string>
#include <utility>

#include "backend.h"
#include "check.h"
#include "geometry.h"
#include "parallel.h"
#include "tensor_checks.h"
#include "tensor_copies.h"

namespace gavotte {
namespace {

using internal::accumulator_of;
using internal::check_config;
using internal::check_dtype;
using internal::check_epilogue;
using internal::check_floating;
using internal::check_map;
using internal::check_matrix;
using internal::check_memory;
using internal::check_out;
using internal::check_shape;
using internal::ConvPlan;

void check_groups(std::int64_t in_channels, std::int64_t out_channels, int groups) {
  GAVOTTE_CHECK(groups >= 1, "groups must be at least 1, got " + std::to_string(groups));
  GAVOTTE_CHECK(in_channels % groups == 0 && out_channels % groups == 0,
                "groups must divide both channel counts, " + std::to_string(in_channels) + " and " +
                    std::to_string(out_channels) + "; got " + std::to_string(groups));
}

void check_map_device(const KernelMap& map, const Execution& execution) {
  check_map(map);
  GAVOTTE_CHECK(map.pair_begin().device == execution.device,
                "the kernel map must be on " + execution.device.to_string() +
                    ", where the call runs; it is on " + map.pair_begin().device.to_string());
}

ConvPlan make_plan(const KernelMap& map, std::int64_t in_channels, std::int64_t out_channels,
                   int groups, const ConvConfig& config, const Execution& execution) {
  check_threads(execution);
  check_config(config, execution.device);
  check_groups(in_channels, out_channels, groups);
  check_map_device(map, execution);
  map.use_on(execution);
  GAVOTTE_CHECK(config.dataflow != Dataflow::dense_gemm || map.is_identity(),
                "dataflow dense_gemm needs a map that is the identity (kernel size 1, stride 1); "
                "this one is: " +
                    map.report().to_string());
  return {map, in_channels, out_channels, groups, config};
}

// offsets: the map's K.
void check_weights(const ConstTensorView& weights, std::int64_t offsets, DType dtype,
                   const Execution& execution) {
  check_dtype("weights", weights, dtype);
  GAVOTTE_CHECK(weights.shape.rank() == 3,
                "weights must be [K, Cin / groups, Cout], got " + weights.shape.to_string());
  GAVOTTE_CHECK(weights.shape[0] == offsets,
                "weights must have the map's " + std::to_string(offsets) +
                    " kernel offsets first, got " + weights.shape.to_string());
  check_memory("weights", weights, execution.device);
}

// Of a forward pass, where the input's channels are known.
void check_weights(const ConstTensorView& weights, std::int64_t offsets, std::int64_t in_channels,
                   int groups, DType dtype, const Execution& execution) {
  check_weights(weights, offsets, dtype, execution);
  check_groups(in_channels, weights.shape[2], groups);
  check_shape("weights", weights, {offsets, in_channels / groups, weights.shape[2]},
              "[K, Cin / groups, Cout]");
}

// Channels of a matrix, whose shape is checked later; 0 where it is none.
std::int64_t last_extent(const ConstTensorView& view) {
  const int rank = view.shape.rank();
  return rank > 0 ? view.shape[rank - 1] : 0;
}

// A bias as the epilogue's shift: a view of itself where its dtype is the accumulator's, else of
// `converted`.
ConstTensorView bias_as_shift(const ConstTensorView& bias, DType dtype, std::int64_t channels,
                              const Execution& execution, Tensor& converted) {
  if (!bias) return {};
  GAVOTTE_CHECK_TYPE(bias.dtype == dtype || bias.dtype == DType::float32,
                     "bias must be " + std::string(name(dtype)) +
                         " like the weights, or float32; got " + std::string(name(bias.dtype)));
  check_shape("bias", bias, {channels}, "[Cout]");
  check_memory("bias", bias, execution.device);
  if (bias.dtype == accumulator_of(dtype)) return bias;
  converted = Tensor(execution, accumulator_of(dtype), bias.shape);
  internal::backend(execution.device).convert(execution, bias, converted);
  return std::as_const(converted).view();
}

}  // namespace

void convolution_into(TensorView out, ConstTensorView features, ConstTensorView weights,
                      const KernelMap& map, int groups, const Epilogue& epilogue,
                      const ConvConfig& config, const Execution& execution) {
  check_map(map);
  check_matrix("features", features, map.in_rows(), "input");
  check_memory("features", features, execution.device);
  const std::int64_t in_channels = features.shape[1];
  check_weights(weights, map.offsets(), in_channels, groups, features.dtype, execution);
  const std::int64_t out_channels = weights.shape[2];
  const ConvPlan plan = make_plan(map, in_channels, out_channels, groups, config, execution);
  check_epilogue(epilogue, features.dtype, map.out_rows(), out_channels, execution.device);
  check_out(out, features.dtype, {map.out_rows(), out_channels}, "[output rows, Cout]", execution);
  internal::backend(execution.device)
      .convolution_forward(execution, plan, features, weights, epilogue, out);
}

Tensor convolution(ConstTensorView features, ConstTensorView weights, const KernelMap& map,
                   int groups, const Epilogue& epilogue, const ConvConfig& config,
                   const Execution& execution) {
  check_map_device(map, execution);
  Tensor result(execution, features.dtype, {map.out_rows(), last_extent(weights)});
  convolution_into(result, features, weights, map, groups, epilogue, config, execution);
  return result;
}

void convolution_dgrad_into(TensorView out, ConstTensorView grad_out, ConstTensorView weights,
                            const KernelMap& map, int groups, const ConvConfig& config,
                            const Execution& execution) {
  check_map(map);
  check_matrix("grad_out", grad_out, map.out_rows(), "output");
  check_memory("grad_out", grad_out, execution.device);
  check_weights(weights, map.offsets(), grad_out.dtype, execution);
  GAVOTTE_CHECK(groups >= 1, "groups must be at least 1, got " + std::to_string(groups));
  GAVOTTE_CHECK(weights.shape[2] == grad_out.shape[1],
                "weights must end in the " + std::to_string(grad_out.shape[1]) +
                    " channels of grad_out, got " + weights.shape.to_string());
  const std::int64_t in_channels = weights.shape[1] * groups;
  const ConvPlan plan = make_plan(map, in_channels, weights.shape[2], groups, config, execution);
  check_out(out, grad_out.dtype, {map.in_rows(), in_channels}, "[input rows, Cin]", execution);
  internal::backend(execution.device).convolution_dgrad(execution, plan, grad_out, weights, out);
}

Tensor convolution_dgrad(ConstTensorView grad_out, ConstTensorView weights, const KernelMap& map,
                         int groups, const ConvConfig& config, const Execution& execution) {
  check_map_device(map, execution);
  const std::int64_t in_channels =
      weights.shape.rank() == 3 ? weights.shape[1] * std::max(groups, 0) : 0;
  Tensor result(execution, grad_out.dtype, {map.in_rows(), in_channels});
  convolution_dgrad_into(result, grad_out, weights, map, groups, config, execution);
  return result;
}

void convolution_wgrad_into(TensorView out, ConstTensorView features, ConstTensorView grad_out,
                            const KernelMap& map, int groups, const ConvConfig& config,
                            const Execution& execution) {
  check_map(map);
  check_matrix("features", features, map.in_rows(), "input");
  check_memory("features", features, execution.device);
  check_matrix("grad_out", grad_out, map.out_rows(), "output");
  check_memory("grad_out", grad_out, execution.device);
  check_dtype("grad_out", grad_out, features.dtype);
  const std::int64_t in_channels = features.shape[1], out_channels = grad_out.shape[1];
  const ConvPlan plan = make_plan(map, in_channels, out_channels, groups, config, execution);
  check_out(out, features.dtype, {map.offsets(), in_channels / groups, out_channels},
            "[K, Cin / groups, Cout]", execution);
  internal::backend(execution.device).convolution_wgrad(execution, plan, features, grad_out, out);
}

Tensor convolution_wgrad(ConstTensorView features, ConstTensorView grad_out, const KernelMap& map,
                         int groups, const ConvConfig& config, const Execution& execution) {
  check_map_device(map, execution);
  const std::int64_t in_channels = last_extent(features);
  Tensor result(execution, features.dtype,
                {map.offsets(), groups > 0 ? in_channels / groups : 0, last_extent(grad_out)});
  convolution_wgrad_into(result, features, grad_out, map, groups, config, execution);
  return result;
}

Tensor bias_grad(ConstTensorView grad_out, const Execution& execution) {
  check_floating("grad_out", grad_out);
  GAVOTTE_CHECK(grad_out.shape.rank() == 2,
                "grad_out must be [rows, channels], got " + grad_out.shape.to_string());
  check_memory("grad_out", grad_out, execution.device);
  Tensor result(execution, grad_out.dtype, {grad_out.shape[1]});
  internal::backend(execution.device).column_sum(execution, grad_out, result);
  return result;
}

Tensor to_kio(ConstTensorView weights, WeightLayout layout, const Execution& execution) {
  if (weights.dtype != DType::int8) check_floating("weights", weights);
  const int rank = weights.shape.rank();
  GAVOTTE_CHECK(
      rank >= 3,
      "weights must have at least 3 axes, [K, Cin / groups, Cout] or [Cout, K, Cin / groups] "
      "with one axis or more for K; got " +
          weights.shape.to_string());
  check_memory("weights", weights, execution.device);
  const bool out_first = layout == WeightLayout::oki;
  const int first_kernel_axis = out_first ? 1 : 0;
  std::int64_t volume = 1;
  for (int axis = first_kernel_axis; axis < first_kernel_axis + rank - 2; ++axis)
    volume *= weights.shape[axis];
  const std::int64_t in = weights.shape[out_first ? rank - 1 : rank - 2];
  const std::int64_t out = weights.shape[out_first ? 0 : rank - 1];
  const Shape shape = {volume, in, out};
  if (!out_first)
    return internal::copy_on(execution, execution.device,
                             {weights.data, weights.dtype, shape, weights.device});
  // [Cout, K * Cin / groups] -> [K * Cin / groups, Cout]
  Tensor result(execution, weights.dtype, shape);
  weights.shape = {out, volume * in};
  TensorView transposed = result;
  transposed.shape = {volume * in, out};
  internal::backend(execution.device).transpose(execution, weights, transposed);
  return result;
}

SparseTensor convolution(const SparseTensor& x, ConstTensorView weights, const ConvSpec& spec,
                         const ConvolutionOptions& options) {
  GAVOTTE_CHECK(bool{x.coordinates()}, "the sparse tensor is empty (default constructed)");
  const Execution execution = x.manager().execution();
  Tensor reordered;
  if (spec.weight_layout != WeightLayout::kio) {
    reordered = to_kio(weights, spec.weight_layout, execution);
    weights = std::as_const(reordered).view();
  }
  // Everything is checked before the manager makes a set and a map, so that an Error leaves it as
  // it was.
  const internal::Geometry geometry = internal::resolve(spec, x.coordinates().dims());
  const auto offsets = static_cast<std::int64_t>(geometry.offsets.size());
  check_config(options.config, execution.device);
  check_weights(weights, offsets, x.channels(), spec.groups, x.features().dtype(), execution);
  GAVOTTE_CHECK(
      options.config.dataflow != Dataflow::dense_gemm ||
          (offsets == 1 && geometry.identity_offset == 0),
      "dataflow dense_gemm needs kernel size 1 and stride 1; the spec is: " + spec.to_string());
  Tensor converted;
  Epilogue epilogue;
  epilogue.shift =
      bias_as_shift(options.bias, weights.dtype, weights.shape[2], execution, converted);
  epilogue.activation = options.activation;
  check_epilogue(epilogue, weights.dtype, 0, weights.shape[2], execution.device);
  const MapResult result = x.manager().kernel_map(x.coordinates(), spec);
  Tensor features = convolution(x.features().view(), weights, result.map, spec.groups, epilogue,
                                options.config, execution);
  return {result.output, std::move(features), x.manager()};
}

}  // namespace gavotte
