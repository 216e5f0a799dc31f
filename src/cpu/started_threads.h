// Threads started for one call: slower than a pool, but they need nothing that was there before.
#pragma once

#include "cpu/task_queue.h"

namespace gavotte::cpu {

/// Whether the calling thread runs a task of run_on_started_threads().
bool in_started_thread() noexcept;

/// Works the queue off on `threads` threads, the caller's included, and joins them.
void run_on_started_threads(TaskQueue& queue, int threads);

}  // namespace gavotte::cpu
