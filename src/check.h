// Checks of what came from outside: a failed one throws gavotte::Error.
//
//   GAVOTTE_CHECK(kernel > 0, "kernel size must be positive, got " + std::to_string(kernel));
//
// The message (a std::string or a literal) says what was expected and what was given; it is built
// only where the check fails. File and line are appended.
#pragma once

#include <string>

#include "gavotte/error.h"
#include "gavotte/export.h"

namespace gavotte::internal {

/// Throws Error(kind, "message (file:line)"). Exported because gavotte_datasets checks with it too.
[[noreturn]] GAVOTTE_API void throw_error(ErrorKind kind, const std::string& message,
                                          const char* file, int line);

}  // namespace gavotte::internal

#define GAVOTTE_CHECK_KIND(kind, condition, message)                         \
  do {                                                                       \
    if (!(condition)) [[unlikely]]                                           \
      ::gavotte::internal::throw_error(kind, (message), __FILE__, __LINE__); \
  } while (false)

/// Values: shapes, ranges, duplicates, contents of files (ValueError in Python).
#define GAVOTTE_CHECK(condition, message) \
  GAVOTTE_CHECK_KIND(::gavotte::ErrorKind::value, condition, message)
/// Types: dtypes (TypeError in Python).
#define GAVOTTE_CHECK_TYPE(condition, message) \
  GAVOTTE_CHECK_KIND(::gavotte::ErrorKind::type, condition, message)
/// What the machine could not do: memory, files, devices (RuntimeError in Python).
#define GAVOTTE_CHECK_RUNTIME(condition, message) \
  GAVOTTE_CHECK_KIND(::gavotte::ErrorKind::runtime, condition, message)
