// The one seam through which the CPU backend uses threads. Which threads stand behind it (OpenMP's
// pool or std::thread) is chosen when the library is built: cpu/parallel.<kind>.cpp.
//
// Results never depend on the number of threads: a caller cuts its work into tasks by the size of
// the input alone, and no two tasks write the same memory.
#pragma once

#include <cstdint>

#include "function_ref.h"
#include "gavotte/device.h"

namespace gavotte {

/// Throws Error (value) where execution.threads is negative or above 1024; on any device.
void check_threads(const Execution& execution);

/// Threads that `execution` allows, the caller's included: at least 1. With execution.threads == 0,
/// the cores this process may run on. Checks as check_threads() does.
int thread_count(const Execution& execution);

/// Calls `body(task, worker)` once for each task in [0, tasks), on up to thread_count(execution)
/// threads; returns when all are done. Each worker takes a run of tasks in ascending order, the same run in
/// each call with as many tasks, before it helps the others. `worker` is in [0, thread_count(execution))
/// and no two calls with the same worker run at once, so it may index scratch memory. One thread, one task, or a call from inside another parallel_for: all tasks run
/// in the caller, in order, as worker 0. An exception of the body stops the tasks that have not
/// started and is thrown here; of several, the one of the lowest task. So does the flag of a StopScope
/// (cpu/stop.h) that is set: Stopped is thrown here once no task runs.
void parallel_for(const Execution& execution, std::int64_t tasks,
                  FunctionRef<void(std::int64_t task, int worker)> body);

}  // namespace gavotte
