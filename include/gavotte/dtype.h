// Element types of features, weights and coordinates.
#pragma once

#include <cstdint>
#include <string_view>

#include "gavotte/export.h"

namespace gavotte {

enum class DType : std::uint8_t { uint8, int8, int32, int64, float16, bfloat16, float32, float64 };

/// Size of one element in bytes.
GAVOTTE_API std::int64_t size_bytes(DType dtype) noexcept;

/// "float32" and so on.
GAVOTTE_API std::string_view name(DType dtype) noexcept;

/// The dtype of that name; throws Error (value) that lists the legal names.
GAVOTTE_API DType dtype_from_name(std::string_view name);

/// True for float16, bfloat16, float32 and float64.
GAVOTTE_API bool is_floating_point(DType dtype) noexcept;

}  // namespace gavotte
