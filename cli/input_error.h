// What the user can put right: a bad file, a bad option, a folder that cannot be written. Exit
// code 2.
#pragma once

#include <stdexcept>
#include <string>

#include "gavotte/error.h"

namespace gavotte::cli {

class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Runs body; an Error of the library becomes an InputError that begins with `what` (a file, an
/// option).
template <class Body>
auto with_input(const std::string& what, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    const std::string message = error.what();
    throw InputError(message.find(what) == std::string::npos ? what + ": " + message : message);
  }
}

}  // namespace gavotte::cli
