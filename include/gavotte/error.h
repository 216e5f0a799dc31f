// The one exception type that the library throws.
#pragma once

#include <stdexcept>
#include <string>

#include "gavotte/export.h"

namespace gavotte {

/// What kind of mistake an Error reports; Python maps it to ValueError, TypeError and RuntimeError.
enum class ErrorKind { value, type, runtime };

/// Thrown for every failure. The message names what was expected and what came.
/// After an Error every object is as it was before the call.
class GAVOTTE_API Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace gavotte
