// Ctrl-C as a question to long work, in place of the end of the program.
#pragma once

#include <csignal>

namespace gavotte::cli {

/// While it lives, the first SIGINT is noted; a second one ends the program as ever. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool came() const noexcept;

 private:
  struct sigaction before_ = {};
};

}  // namespace gavotte::cli
