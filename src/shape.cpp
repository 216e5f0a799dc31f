// Extents and per-axis values, checked as they are made.
#include "gavotte/shape.h"

#include <algorithm>

#include "check.h"

namespace gavotte {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : rank_(static_cast<int>(extents.size())) {
  GAVOTTE_CHECK(extents.size() <= static_cast<std::size_t>(kMaxRank),
                "a shape has at most " + std::to_string(kMaxRank) + " extents, got " +
                    std::to_string(extents.size()));
  std::copy(extents.begin(), extents.end(), extents_.begin());
  for (std::int64_t extent : extents)
    GAVOTTE_CHECK(extent >= 0, "the extents of a shape must not be negative, got " + to_string());
}

std::int64_t Shape::elements() const {
  // A zero anywhere makes the product zero, however large the other extents are.
  if (std::find(extents_.begin(), extents_.begin() + rank_, 0) != extents_.begin() + rank_)
    return 0;
  std::int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis)
    GAVOTTE_CHECK(!__builtin_mul_overflow(product, (*this)[axis], &product),
                  "shape " + to_string() + " has more elements than a 64-bit number can count");
  return product;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis)
    text += (axis > 0 ? ", " : "") + std::to_string((*this)[axis]);
  return text + "]";
}

PerAxis::PerAxis(std::initializer_list<std::int32_t> values)
    : PerAxis(from(values.begin(), static_cast<int>(values.size()))) {}

PerAxis PerAxis::from(const std::int32_t* values, int count) {
  GAVOTTE_CHECK(count >= 1 && count <= kMaxDims, "values for each axis: expected 1 to " +
                                                     std::to_string(kMaxDims) + " of them, got " +
                                                     std::to_string(count));
  PerAxis result;
  std::copy(values, values + count, result.values_.begin());
  result.count_ = count;
  return result;
}

bool PerAxis::all_equal(std::int32_t value, int dims) const noexcept {
  return std::all_of(values_.begin(), values_.begin() + dims,
                     [value](std::int32_t v) { return v == value; });
}

std::string PerAxis::to_string() const {
  if (count_ == 0) return std::to_string(values_[0]);
  std::string text = "(";
  for (int axis = 0; axis < count_; ++axis)
    text += (axis > 0 ? ", " : "") + std::to_string((*this)[axis]);
  return text + ")";
}

}  // namespace gavotte
