// From a DType known at run time to a C++ type: the one place where that happens.
//
//   dispatch_floating(x.dtype, [&]<class T>() { add_rows(x.span<T>(), y.span<T>()); });
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "check.h"
#include "half.h"

namespace gavotte::internal {

/// What sums over values of T are held in: double for double, else float.
template <class T>
using Accumulator = std::conditional_t<std::is_same_v<T, double>, double, float>;

/// Calls body.operator()<T>() with the C++ type of a floating dtype; throws Error (type) for
/// another dtype.
template <class Body>
decltype(auto) dispatch_floating(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::float16:
      return std::forward<Body>(body).template operator()<Float16>();
    case DType::bfloat16:
      return std::forward<Body>(body).template operator()<BFloat16>();
    case DType::float32:
      return std::forward<Body>(body).template operator()<float>();
    case DType::float64:
      return std::forward<Body>(body).template operator()<double>();
    default:
      break;
  }
  throw_error(
      ErrorKind::type,
      "expected dtype float16, bfloat16, float32 or float64, got " + std::string(name(dtype)),
      __FILE__, __LINE__);
}

}  // namespace gavotte::internal
