// parallel_for on OpenMP's pool, which other OpenMP users of the process (PyTorch) share.
#include "parallel.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>

#include "cpu/started_threads.h"

namespace gavotte {
namespace {

// A child of fork() has none of the pool's threads, and GNU's OpenMP waits for them for ever; a DataLoader of PyTorch
// forks its workers from a process that has used the pool.
bool forked = false;
[[maybe_unused]] const int kRegistered = pthread_atfork(nullptr, nullptr, [] { forked = true; });

}  // namespace

void parallel_for(const Execution& execution, std::int64_t tasks,
                  FunctionRef<void(std::int64_t, int)> body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(thread_count(execution), tasks));
  const bool nested = omp_in_parallel() != 0 || cpu::in_started_thread();
  if (cpu::ran_inline(threads, tasks, nested, body)) return;
  cpu::TaskQueue queue(tasks, threads, body);
  if (forked) {
    cpu::run_on_started_threads(queue, threads);
  } else {
#pragma omp parallel num_threads(threads)
    queue.work(omp_get_thread_num());
  }
  queue.rethrow();
}

}  // namespace gavotte
