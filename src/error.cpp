// The one place that throws Error for a failed check.
#include "gavotte/error.h"

#include "check.h"

namespace gavotte::internal {

void throw_error(ErrorKind kind, const std::string& message, const char* file, int line) {
  throw Error(kind, message + " (" + file + ":" + std::to_string(line) + ")");
}

}  // namespace gavotte::internal
