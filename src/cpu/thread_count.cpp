// How many threads a call may use.
#include "check.h"
#include "parallel.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <thread>

namespace gavotte {
namespace {

constexpr int kMaxThreads = 1024;

// Cores this process may run on: containers and taskset narrow them.
int available_cores() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::clamp(CPU_COUNT(&set), 1, kMaxThreads);
#endif
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads);
}

}  // namespace

void check_threads(const Execution& execution) {
  GAVOTTE_CHECK(execution.threads >= 0 && execution.threads <= kMaxThreads,
                "threads must lie in 0 to " + std::to_string(kMaxThreads) +
                    " (0: one for each core), got " + std::to_string(execution.threads));
}

int thread_count(const Execution& execution) {
  check_threads(execution);
  return execution.threads > 0 ? execution.threads : available_cores();
}

}  // namespace gavotte
