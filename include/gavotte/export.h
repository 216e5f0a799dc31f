// Symbol visibility of the public interface: everything else in the library stays hidden. GAVOTTE_STATIC: what is
// compiled is not to be exported at all.
#pragma once

#if defined(GAVOTTE_STATIC)
#define GAVOTTE_API
#elif defined(_WIN32)
#if defined(GAVOTTE_BUILDING)
#define GAVOTTE_API __declspec(dllexport)
#else
#define GAVOTTE_API __declspec(dllimport)
#endif
#else
#define GAVOTTE_API __attribute__((visibility("default")))
#endif
