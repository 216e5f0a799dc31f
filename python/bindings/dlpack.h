// What is read of DLPack 1.x: a tensor without a reference to it, and the functions that an array library hands to other
// extension modules. The layout is that of the specification, https://dmlc.github.io/dlpack/latest/c_api.html.
#pragma once

#include <cstdint>

namespace gavotte::python::dlpack {

/// Those that are looked for.
enum DeviceType : std::int32_t { device_cuda = 2 };
enum TypeCode : std::uint8_t { code_int = 0, code_float = 2, code_bfloat = 4 };

struct Tensor {
  void* data;
  std::int32_t device_type;
  std::int32_t device_number;
  std::int32_t rank;
  std::uint8_t type_code;
  std::uint8_t bits;
  std::uint16_t lanes;
  const std::int64_t* shape;
  const std::int64_t* strides;  // in elements; null: contiguous
  std::uint64_t byte_offset;
};

struct ExchangeHeader {
  std::uint32_t major;
  std::uint32_t minor;
  const ExchangeHeader* previous;  // of an older major version, or null
};

/// The capsule `__dlpack_c_exchange_api__` of a tensor class holds one.
struct Exchange {
  ExchangeHeader header;
  void* allocate;
  void* managed_from_object;
  void* managed_to_object;
  /// Fills a tensor that lives as long as the object; 0, or -1 with Python's error set. May be null.
  int (*tensor_from_object)(void* object, Tensor* out);
  void* current_stream;
};

inline constexpr const char* exchange_attribute = "__dlpack_c_exchange_api__";
inline constexpr const char* exchange_capsule = "dlpack_exchange_api";

}  // namespace gavotte::python::dlpack
