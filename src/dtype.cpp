// Names and sizes of the element types.
#include "gavotte/dtype.h"

#include <array>
#include <string>

#include "check.h"

namespace gavotte {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  std::int64_t size_bytes;
  bool floating_point;
};

// In the order of the enum.
constexpr std::array<DTypeInfo, 8> kDTypes = {{
    {DType::uint8, "uint8", 1, false},
    {DType::int8, "int8", 1, false},
    {DType::int32, "int32", 4, false},
    {DType::int64, "int64", 8, false},
    {DType::float16, "float16", 2, true},
    {DType::bfloat16, "bfloat16", 2, true},
    {DType::float32, "float32", 4, true},
    {DType::float64, "float64", 8, true},
}};

const DTypeInfo& info(DType dtype) noexcept { return kDTypes[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::int64_t size_bytes(DType dtype) noexcept { return info(dtype).size_bytes; }

std::string_view name(DType dtype) noexcept { return info(dtype).name; }

bool is_floating_point(DType dtype) noexcept { return info(dtype).floating_point; }

DType dtype_from_name(std::string_view name) {
  std::string legal;
  for (const DTypeInfo& candidate : kDTypes) {
    if (candidate.name == name) return candidate.dtype;
    legal += (legal.empty() ? "" : ", ") + std::string(candidate.name);
  }
  GAVOTTE_CHECK(false, "dtype must be one of " + legal + "; got '" + std::string(name) + "'");
}

}  // namespace gavotte
