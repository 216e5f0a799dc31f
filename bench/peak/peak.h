// The most that this machine does of multiply-adds and of bytes to and from memory: that of which
// the figures of kernels are fractions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gavotte::peak {

struct Options {
  int threads = 1;               ///< The most; measured are 1, 2, 4, ... and this.
  int rounds = 25;               ///< At least 1.
  double round_s = 0.01;         ///< What a round of multiply-adds takes, about.
  std::int64_t array_bytes = 0;  ///< Of each of the three arrays; 0: beyond the last-level cache.
};

/// Of the rounds' rates. Other work on the machine only ever lowers a rate, so that the best is
/// nearest to the peak.
struct Rate {
  double median = 0;
  double best = 0;
  double noise = 0;  ///< Distance of the quartiles over the median.
};

struct Figure {
  std::string name;         ///< A dtype, or "read", "write", "copy", "triad".
  std::string instruction;  ///< Empty for memory.
  int vector_bits = 0;      ///< 0 for memory.
  int threads = 1;
  Rate rate;  ///< 10^9 operations a second (a multiply-add is two), or 10^9 bytes a second.
};

struct Peak {
  std::vector<Figure> arithmetic, memory;
  std::int64_t array_bytes = 0;
  std::int64_t last_level_cache_bytes = 0;  ///< 0: unknown.
};

/// Each round measures every figure once, so that what else runs for a while touches all of them
/// alike. `progress` is called after each. Throws std::bad_alloc, and std::system_error where a
/// thread cannot be had.
Peak measure(const Options& options, const std::function<void(int done, int total)>& progress);

/// 1, 2, 4, ... below `most`, and `most`.
std::vector<int> thread_counts(int most);

/// Of at least one sample. Quartiles are interpolated between samples.
Rate rate_of(std::vector<double> samples);

}  // namespace gavotte::peak
