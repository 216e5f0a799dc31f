// What a run of the benchmark leaves: rows as JSON for programs, a table for people.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comparison.h"

namespace gavotte::bench {

/// One figure. ratio: median time of `ratio_to` on the same work, over median_ms; above 1 this row
/// is the faster. Only ratios are results: median_ms belongs to the machine of the day.
struct Row {
  std::string scene;
  std::string operation;  ///< "map_step", "forward", "wgrad", "backward", "network".
  std::string layer;      ///< "3x3x3 submanifold", "3x3x3 64->64"...
  std::string dtype;
  int threads = 1;
  std::string library = {};  ///< What was timed, its settings included.
  double median_ms = 0;
  double ratio = 1;
  std::string ratio_to = {};  ///< The library of the row that the ratio compares with.
  double padding = 0;         ///< Padded rows / real rows of the grouped GEMMs; 0: does not apply.
};

/// What a network's run holds and needs. Maps and coordinate sets need what the other parts leave.
struct MemoryRow {
  std::string scene, network, dtype;
  std::int64_t needed_bytes = 0, input_bytes = 0, feature_bytes = 0, weight_bytes = 0;
  std::int64_t held_bytes = 0;  ///< The most at once.
};

/// An urgent job that arrives again and again, and a best-effort job on the same cores. Times of the urgent job count from
/// its arrival, over its median alone; the other's are over its run alone.
struct SharingRow {
  std::string scene;
  int threads = 1;  ///< Of each job, and cores.
  std::string way;  ///< "alone"; "beside" the other; "evicting" it.
  int arrivals = 0;
  double p50 = 0, p99 = 0;
  double hits = 0;                    ///< Arrivals that were done by their deadline, of all.
  double throughput = 0;              ///< Of the best-effort job; 0: it does not run.
  double stop_p50 = 0, stop_p99 = 0;  ///< From asking it to stop until it has; 0: it is not asked.
};

struct SceneFacts {
  std::string scene;
  std::int64_t voxels = 0;
  double matches_per_voxel = 0;  ///< Of the 3x3x3 submanifold map.
};

struct Report {
  std::string command;
  std::string commit;
  std::string device;  ///< CPU model and cores.
  int rounds = 0;
  std::vector<SceneFacts> scenes = {};
  std::vector<Row> rows = {};
  std::vector<MemoryRow> memory = {};
  std::vector<std::string> notes = {};  ///< Sentences of the Markdown page.
  std::vector<SharingRow> sharing = {};

  void add(const std::vector<Row>& more) { rows.insert(rows.end(), more.begin(), more.end()); }
};

/// A row for each contender: `like` with the contender's name and times, ratios to the first.
std::vector<Row> rows_of(const Row& like, const std::vector<Contender>& contenders,
                         const Comparison& times);

/// A JSON array of the rows, one a line, those of memory and of sharing behind the others.
void write_json(const Report& report, const std::filesystem::path& path);
/// A Markdown page: how it was made, the scenes, the rows.
std::string to_markdown(const Report& report);

}  // namespace gavotte::bench
