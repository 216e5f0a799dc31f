// Names of functions, hidden ones too, from the symbol table of the file that they were loaded from.
#pragma once

#include <string>

namespace gavotte::emulator {

/// Mangled, as nvcc mangles the same kernel; empty where the file has no such symbol.
std::string symbol_of(const void* function);

}  // namespace gavotte::emulator
