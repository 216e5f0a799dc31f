// Operations that the CUDA backend does not have yet.
#pragma once

#include <string>

#include "check.h"

namespace gavotte::internal::cuda {

[[noreturn]] inline void not_yet(const char* operation) {
  throw_error(ErrorKind::runtime,
              std::string(operation) + " is not in the CUDA backend yet; run it on the CPU",
              __FILE__, __LINE__);
}

}  // namespace gavotte::internal::cuda
