// <immintrin.h>, some of whose functions leave a register undefined on purpose: g++ 12 warns of that wherever they are inlined.
#pragma once

#include <hwy/base.h>

#if HWY_ARCH_X86_64
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#ifndef __clang__
#pragma GCC diagnostic pop
#endif
#endif
