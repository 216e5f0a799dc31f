// parallel_for on threads started for the call: ThreadSanitizer understands them, and they need nothing but the
// standard library.
#include <algorithm>

#include "cpu/started_threads.h"
#include "parallel.h"

namespace gavotte {

void parallel_for(const Execution& execution, std::int64_t tasks,
                  FunctionRef<void(std::int64_t, int)> body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(thread_count(execution), tasks));
  if (cpu::ran_inline(threads, tasks, cpu::in_started_thread(), body)) return;
  cpu::TaskQueue queue(tasks, threads, body);
  cpu::run_on_started_threads(queue, threads);
  queue.rethrow();
}

}  // namespace gavotte
