// parallel_for on OpenMP's pool, which other OpenMP users of the process (PyTorch) share.
#include "parallel.h"

#include <omp.h>

#include <algorithm>

#include "cpu/task_queue.h"

namespace gavotte {

void parallel_for(const Execution& execution, std::int64_t tasks,
                  FunctionRef<void(std::int64_t, int)> body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(thread_count(execution), tasks));
  if (cpu::ran_inline(threads, tasks, omp_in_parallel() != 0, body)) return;
  cpu::TaskQueue queue(tasks, body);
#pragma omp parallel num_threads(threads)
  queue.work(omp_get_thread_num());
  queue.rethrow();
}

}  // namespace gavotte
