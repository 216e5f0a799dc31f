// What an Executor holds, for the parts of the library that describe or test a run step by step.
#pragma once

#include "executor/executor_impl.h"

namespace gavotte::internal {

struct ExecutorAccess {
  using Impl = Executor::Impl;
  static Impl& impl(Executor& executor) { return *executor.impl_; }
  static const Impl& impl(const Executor& executor) { return *executor.impl_; }
};

}  // namespace gavotte::internal
