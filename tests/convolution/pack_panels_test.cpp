// Panels against their definition, element by element, in each layout and for both ways in which
// weights lie: as the forward pass reads them and as dgrad does.
#include "cpu/simd/pack_panels.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <vector>

#include "simd_targets.h"

namespace gavotte::internal::cpu {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Element (i, o) is the number of its place, or its lowest byte. The matrix ends with its memory:
// AddressSanitizer sees a read behind it.
template <class T>
void expect_definition(DType dtype, const PanelLayout& layout, std::int64_t in, std::int64_t out,
                       bool transposed) {
  SCOPED_TRACE(testing::Message() << name(dtype) << ", " << in << " -> " << out << ", "
                                  << layout.lanes << " lanes, panels of " << layout.widest
                                  << (transposed ? ", transposed" : ""));
  std::vector<T> weights(at(in * out));
  std::iota(weights.begin(), weights.end(), T{1});
  const std::int64_t in_stride = transposed ? 1 : out, out_stride = transposed ? in : 1;

  std::vector<T> expected;
  for (std::int64_t column = 0; column < out; column += layout.widest)
    for (std::int64_t i = 0; i < in; i += layout.inputs)
      for (std::int64_t c = column;
           c < column + layout.widest && c < (out + layout.lanes - 1) / layout.lanes * layout.lanes;
           ++c)
        for (std::int64_t k = i; k < i + layout.inputs; ++k)
          expected.push_back(c < out && k < in ? weights[at(k * in_stride + c * out_stride)]
                                               : T{0});
  const std::int64_t elements = panel_elements(layout, in, out);
  ASSERT_EQ(static_cast<std::int64_t>(expected.size()), elements);

  constexpr std::int64_t kBehind = 8;
  const T untouched = T(99);
  std::vector<T> memory(at(elements + kBehind) + 64, untouched);
  void* aligned = memory.data();
  std::size_t space = memory.size() * sizeof(T);
  auto* panels =
      static_cast<T*>(std::align(64, at(elements + kBehind) * sizeof(T), aligned, space));
  pack_panels(layout, {dtype, weights.data(), in, out, in_stride, out_stride}, panels);
  for (std::int64_t i = 0; i < elements; ++i) ASSERT_EQ(panels[i], expected[at(i)]) << i;
  for (std::int64_t i = 0; i < kBehind; ++i) ASSERT_EQ(panels[elements + i], untouched) << i;
}

void expect_definitions() {
  for (const std::int64_t lanes : {2, 4, 8, 16}) {
    for (const std::int64_t vectors : {1, 2, 4}) {
      for (const std::int64_t in : {0, 1, 2, 3, 4, 5, 16, 23, 64, 71}) {
        for (const std::int64_t out : {1, 3, 4, 15, 16, 33, 64, 70, 131}) {
          for (const bool transposed : {false, true}) {
            const std::int64_t widest = vectors * lanes;
            expect_definition<float>(DType::float32, {lanes, widest, 1}, in, out, transposed);
            for (const std::int64_t inputs : {2, 4})
              expect_definition<float>(DType::float32, {lanes, widest, inputs}, in, out,
                                       transposed);
            expect_definition<double>(DType::float64, {lanes, widest, 1}, in, out, transposed);
            expect_definition<std::uint16_t>(DType::bfloat16, {lanes, widest, 2}, in, out,
                                             transposed);
            expect_definition<std::uint8_t>(DType::uint8, {lanes, widest, 4}, in, out, transposed);
            if (testing::Test::HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST(PackPanels, EqualTheDefinitionOnEveryTarget) { test::for_each_target(expect_definitions); }

}  // namespace
}  // namespace gavotte::internal::cpu
