// Dispatch from a dtype to a type.
#include "dispatch.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace gavotte::internal {
namespace {

TEST(Dispatch, CallsWithTheTypeOfTheDtype) {
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32, DType::float64}) {
    const DType called = dispatch_floating(dtype, [&]<class T>() {
      EXPECT_EQ(static_cast<std::int64_t>(sizeof(T)), size_bytes(dtype));
      return dtype_of<T>;
    });
    EXPECT_EQ(called, dtype);
  }
}

TEST(Dispatch, NamesADtypeThatIsNotFloating) {
  for (const DType dtype : {DType::uint8, DType::int32, DType::int64}) {
    try {
      dispatch_floating(dtype,
                        []<class T>() { FAIL() << "called with " << sizeof(T) << " bytes"; });
      FAIL() << "no Error was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::type);
      EXPECT_NE(std::string(error.what()).find(std::string(name(dtype))), std::string::npos)
          << error.what();
    }
  }
}

TEST(Dispatch, AccumulatesInFloatExceptForDouble) {
  EXPECT_TRUE((std::is_same_v<Accumulator<Float16>, float>));
  EXPECT_TRUE((std::is_same_v<Accumulator<BFloat16>, float>));
  EXPECT_TRUE((std::is_same_v<Accumulator<float>, float>));
  EXPECT_TRUE((std::is_same_v<Accumulator<double>, double>));
}

}  // namespace
}  // namespace gavotte::internal
