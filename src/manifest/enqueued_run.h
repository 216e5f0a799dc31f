// A run without waits for its manifest: its sizes are what memory was taken for, of every scan the same.
#pragma once

#include "executor/executor_access.h"
#include "gavotte/manifest.h"
#include "manifest/launch_recorder.h"

namespace gavotte::internal {

/// A scan in the memory that enqueue() reads, of options.max_voxels rows.
class EnqueuedScan {
 public:
  /// Throws Error (value): options without max_voxels or bounds, more voxels than these.
  EnqueuedScan(const Voxels& voxels, const ExecutorOptions& options, int dims);
  void enqueue(Executor& executor) const;

 private:
  Tensor coordinates_, features_, count_;
};

/// Statistics of the run that was enqueued last, with its bounds for sizes.
RunStats enqueued_stats(const ExecutorAccess::Impl& impl, RunStats stats);

}  // namespace gavotte::internal
