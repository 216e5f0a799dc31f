// A handler that sets a flag.
#include "interrupt.h"

namespace gavotte::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

Interrupt::Interrupt() {
  interrupted = 0;
  struct sigaction noting = {};
  noting.sa_handler = [](int) { interrupted = 1; };
  noting.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&noting.sa_mask);
  sigaction(SIGINT, &noting, &before_);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &before_, nullptr); }

bool Interrupt::came() const noexcept { return interrupted != 0; }

}  // namespace gavotte::cli
