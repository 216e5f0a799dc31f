// GAVOTTE_UNROLL before a loop over registers, whose count the compiler knows: the loop is written out.
#pragma once

#ifdef __clang__
#define GAVOTTE_UNROLL _Pragma("unroll")
#else
#define GAVOTTE_UNROLL _Pragma("GCC unroll 16")
#endif
