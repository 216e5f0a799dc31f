// What an Executor runs: a list of steps, each one Backend operation, made from a network once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bytes.h"
#include "gavotte/coordinate_manager.h"
#include "gavotte/network.h"

namespace gavotte::internal {

/// Where the one of this number stands: steps, values and maps have ints for numbers.
inline std::size_t at(int index) { return static_cast<std::size_t>(index); }

/// convolution: over a kernel map. dense: every row times one matrix (linear, 1x1). elementwise: an epilogue alone.
enum class StepKind { convolution, dense, elementwise, concatenate, pool, global_pool };

struct PlanStep {
  StepKind kind = StepKind::elementwise;
  std::string name;         ///< Layers fused into it, joined with '+'.
  std::string op;           ///< Operations fused into it, joined with '+'.
  std::vector<int> inputs;  ///< Values; one, but for concatenate.
  int residual = -1;        ///< Value that the epilogue adds, or -1.
  int output = -1;          ///< Value.
  int map = -1;             ///< Index into Plan::maps, or -1.
  ConvSpec spec;            ///< convolution, pool; dense made from a 1x1 convolution
  PoolMode mode = PoolMode::max;
  std::string weight;         ///< Name of the parameter; convolution, dense
  std::vector<double> scale;  ///< [channels] or empty: 1
  std::vector<double> shift;  ///< [channels] or empty: 0
  Activation activation = Activation::none;
  double negative_slope = 0.01;
  std::optional<LayerQuantization> quantization;  ///< convolution, dense: runs in int8
  bool reads_bytes = false;                       ///< Its input's bytes; else its floats.
};

/// Features that a step writes: [rows of the set, channels].
struct PlanValue {
  std::int64_t channels = 0;
  int set = 0;         ///< Index of a coordinate set, or kBatchRows (network/graph.h).
  int first_step = 0;  ///< The step that writes it; -1: the input.
  int last_step = 0;   ///< The last step that reads it; number of steps: the output.
  // Set by choose_storage():
  bool floats = true;                   ///< Kept in the Executor's dtype.
  std::optional<ByteScale> bytes = {};  ///< Kept as bytes.
  int bytes_last_step = 0;              ///< The last step that reads those.
};

struct Plan {
  int dims = 3;
  std::vector<PlanStep> steps;
  std::vector<PlanValue> values;  ///< values[0] is the input.
  std::vector<CoordinateManager::PlannedLayer> maps;
  std::vector<int> map_output;  ///< The set that each map's output is on.
  int sets = 1;
  int output = 0;  ///< Value.
};

/// Drops layers that the output does not need, folds batch norm into scale and shift, fuses bias, activation and
/// residual add into the step before, and lists every kernel map once.
Plan make_plan(const Network& network);

/// Says how each value is kept: as bytes where an int8 step with a static scale reads it, as floats
/// where another step reads it, where its writer can write nothing else, or always.
void choose_storage(Plan& plan, bool always_floats);
/// What the bytes count that an int8 step reads.
ByteScale input_scale(const LayerQuantization& quantization);

/// One line a step.
std::string to_string(const Plan& plan);
/// "3x3x3 s1 submanifold"; empty for a step without a kernel.
std::string kernel_text(const PlanStep& step, int dims);

}  // namespace gavotte::internal
