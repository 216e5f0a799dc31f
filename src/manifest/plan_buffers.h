// What a run on the CPU touches: each buffer with its size as a formula.
#pragma once

#include <string>
#include <vector>

#include "executor/executor_access.h"
#include "gavotte/manifest.h"

namespace gavotte::internal {

// Names of buffers and symbols; one for each set, map, value and step.
std::string rows_symbol(int set);  ///< "N_in", "N_2"; "B" for kBatchRows.
std::string pairs_symbol(std::size_t map);
std::string coordinates_name(int set);
std::string map_name(std::size_t map);
std::string value_name(int value);
std::string value_bytes_name(int value);
std::string weights_name(std::size_t step);
/// The first step that needs the map.
std::string layer_of_map(const Plan& plan, std::size_t map);
inline constexpr const char* kGivenCoordinates = "given_coordinates";
inline constexpr const char* kGivenFeatures = "given_features";
inline constexpr const char* kReturned = "returned";  ///< The output, rows in the caller's order.

/// Rows and pairs of the run that was made last, whose statistics these are.
std::map<std::string, manifest::Count> run_symbols(const ExecutorAccess::Impl& impl,
                                                   const RunStats& stats);
std::vector<manifest::Buffer> plan_buffers(const ExecutorAccess::Impl& impl,
                                           const std::map<std::string, manifest::Count>& symbols);

/// What a region reads and writes, each by the name of a buffer.
struct Touched {
  std::vector<std::string> reads, writes;
};
Touched input_touches(const Plan& plan);
Touched map_touches(const Plan& plan, std::size_t map);
Touched step_touches(const ExecutorAccess::Impl& impl, std::size_t step);
Touched return_touches(const Plan& plan);

}  // namespace gavotte::internal
