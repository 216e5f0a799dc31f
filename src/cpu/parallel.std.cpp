// parallel_for on threads started for the call: slower to start than a pool, but ThreadSanitizer
// sees every hand-over, and it needs nothing but the standard library.
#include <algorithm>
#include <thread>
#include <vector>

#include "cpu/task_queue.h"
#include "parallel.h"

namespace gavotte {
namespace {

thread_local bool in_parallel = false;  // whether this thread is running a task of a parallel_for

void work_marked(cpu::TaskQueue& queue, int worker) {
  in_parallel = true;
  queue.work(worker);
  in_parallel = false;
}

}  // namespace

void parallel_for(const Execution& execution, std::int64_t tasks,
                  FunctionRef<void(std::int64_t, int)> body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(thread_count(execution), tasks));
  if (cpu::ran_inline(threads, tasks, in_parallel, body)) return;
  cpu::TaskQueue queue(tasks, body);
  {
    std::vector<std::jthread> helpers;
    helpers.reserve(static_cast<std::size_t>(threads - 1));
    for (int worker = 1; worker < threads; ++worker)
      helpers.emplace_back([&queue, worker] { work_marked(queue, worker); });
    work_marked(queue, 0);
  }  // joins
  queue.rethrow();
}

}  // namespace gavotte
