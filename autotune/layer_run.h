// One problem with its memory: features and weights of seeded values, and what a config makes of them. Weights are packed
// as an Executor has them, outside of the times.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "backend.h"
#include "gavotte/tuner.h"
#include "layer_shape.h"

namespace gavotte::internal {

class LayerRun {
 public:
  /// The problem is right (Problems::add) and outlives this.
  LayerRun(const LayerProblem& problem, const Execution& execution);

  const LayerProblem& problem() const noexcept { return problem_; }
  LayerShape shape() const { return LayerShape::of(problem_.kind, problem_.map); }

  /// Runs once; on a GPU the work is enqueued.
  void run(const ConvConfig& config);
  /// Milliseconds of a run, of `repeats` runs in a row.
  double time_ms(const ConvConfig& config, int repeats);
  /// What a run writes, in the host's memory: float32, or float64 for float64.
  Tensor output(const ConvConfig& config);
  /// The config of the reference: gather_gemm_scatter with defaults; the default where that does not serve (int8,
  /// whose sums are exact in any order).
  ConvConfig reference() const;
  /// Whether two outputs are the same but for rounding: int8 exactly, else within what the dtype and the number of terms
  /// explain. NaN is never right.
  bool same(const Tensor& output, const Tensor& expected) const;
  /// Padded / real rows of grouped GEMMs, 1 where there are none.
  double padding(const ConvConfig& config) const;

 private:
  ConvPlan plan(const ConvConfig& config) const;
  const PackedWeights* packed(const ConvConfig& config);
  void run_into(const ConvConfig& config, bool as_floats);
  Tensor filled(Shape shape, double low, double high, const char* what) const;
  Tensor bytes(Shape shape, DType dtype, const char* what) const;

  const LayerProblem& problem_;
  Execution execution_;
  Backend& backend_;
  Tensor x_, weights_, grad_, scale_, shift_;
  Tensor result_;  ///< Of a run. int8: bytes.
  Tensor floats_;  ///< int8: of a run that is checked.
  std::map<Dataflow, std::unique_ptr<const PackedWeights>> packed_;
};

}  // namespace gavotte::internal
