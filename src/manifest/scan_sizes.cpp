// The symbols of a scan before it is run.
#include <algorithm>

#include "executor/executor_access.h"
#include "gavotte/predict.h"
#include "manifest/plan_buffers.h"
#include "network/graph.h"

namespace gavotte {

std::map<std::string, std::int64_t> sizes_of(const Executor& executor, const PreparedScan& scan) {
  const auto& impl = internal::ExecutorAccess::impl(executor);
  const internal::Plan& plan = impl.plan;
  const internal::ScanData& data = impl.data_of(scan);
  std::map<std::string, std::int64_t> sizes;
  std::vector<std::int64_t> rows(internal::at(plan.sets), 0);
  rows[0] = data.input.rows();
  for (std::size_t i = 0; i < data.maps.size(); ++i)
    rows[internal::at(plan.map_output[i])] = data.maps[i].output.rows();
  for (std::size_t set = 0; set < rows.size(); ++set)
    sizes[internal::rows_symbol(static_cast<int>(set))] = rows[set];
  for (const internal::PlanStep& step : plan.steps)
    if (step.map >= 0)
      sizes[internal::pairs_symbol(internal::at(step.map))] =
          data.maps[internal::at(step.map)].map.pairs();
  const auto rows_of = [&](const internal::PlanValue& value) {
    return value.set == internal::kBatchRows ? data.batch : rows[internal::at(value.set)];
  };
  for (const internal::PlanValue& value : plan.values)
    if (value.set == internal::kBatchRows) sizes["B"] = data.batch;
  sizes["N_out"] = rows_of(plan.values[internal::at(plan.output)]);
  return sizes;
}

}  // namespace gavotte
